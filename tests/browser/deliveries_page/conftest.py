"""The page Deliveries by itself, on a real line. What Airflow would say of users and runs is set by the test."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page

from headwater.services.processes import LOOPBACK, free_port
from tests.pipeline.conftest import (  # noqa: F401
    database,
    line,
    project_folder,
    publisher,
    template_database,
)
from tests.pipeline.line import Line
from tests.support.chromium import PATIENCE_MS


@dataclass
class Known:
    """The answers that Airflow is to give."""

    dag_runs: dict[str, tuple[str, str, datetime | None]] = field(default_factory=dict)
    triggered: list[tuple[str, str]] = field(default_factory=list)  # job and note


class Ada:
    """A visitor who may do everything."""

    name = "ada"

    class user:  # noqa: N801
        @staticmethod
        def get_id() -> str:
            return "ada"

    def readable(self, jobs: Any) -> set[str]:
        return set(jobs)

    def may_decide(self, source: Any) -> bool:
        return source.history_job is not None

    def may_trigger(self, _job: str) -> bool:
        return True


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Known:
    """Airflow's own knowledge; no DAG is paused, and nothing runs."""
    monkeypatch.setenv("AIRFLOW__API__SECRET_KEY", "a secret of the tests")
    from headwater.airflow.deliveries_page import decisions, runs

    state = Known()

    def start(job: str, _who: str, note: str) -> decisions.Started:
        state.triggered.append((job, note))
        return decisions.Started("manual__1")

    monkeypatch.setattr(
        runs, "newest_dag_runs", lambda jobs: {j: r for j, r in state.dag_runs.items() if j in jobs}
    )
    monkeypatch.setattr(runs, "known_runs", lambda _runs: set())
    monkeypatch.setattr(runs, "unfinished_runs", lambda _jobs: [])
    monkeypatch.setattr(runs, "is_paused", lambda _job: False)
    monkeypatch.setattr(decisions, "_start", start)
    return state


@pytest.fixture
def address(line: Line, known: Known, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:  # noqa: ARG001, F811
    """Where the page is served."""
    from headwater.airflow.deliveries_page.access import visitor
    from headwater.airflow.deliveries_page.app import make_app
    from headwater.airflow.deliveries_page.dependencies import Backend

    monkeypatch.setenv("HEADWATER_PROJECT", str(line.project.root))
    monkeypatch.setattr(Backend, "project", line.project)
    monkeypatch.setattr(Backend, "engine", line.database)
    local = make_app()
    local.dependency_overrides[visitor] = Ada
    app = FastAPI()
    app.mount("/deliveries", local)
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, host=LOOPBACK, port=port, log_level="warning", lifespan="off")
    )
    serving = threading.Thread(target=server.run, daemon=True)
    serving.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://{LOOPBACK}:{port}/deliveries"
    server.should_exit = True
    serving.join()


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:  # noqa: ARG001
    """A window of a browser."""
    context = chromium.new_context(viewport={"width": 1600, "height": 1000})
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()
