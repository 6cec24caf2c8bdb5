"""The last task of the marts: red where the first one failed, skipped where it found nothing to build."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from sqlalchemy import Engine

from headwater.airflow import tasks


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch, database: Engine) -> SimpleNamespace:
    """A run of the marts in which the first task ended as `started` says, and that has no job instance."""
    found = SimpleNamespace(started="skipped")
    ti = SimpleNamespace(
        dag_id="marts",
        task_id="finish_marts",
        get_task_states=lambda _dag, run_ids: {
            run_ids[0]: {"start_marts": found.started, "marts.town": "skipped"}
        },
    )
    monkeypatch.setattr(tasks, "get_current_context", lambda: {"ti": ti, "run_id": "run 1"})
    monkeypatch.setattr("headwater.pipeline.shared_run.new_engine", lambda: database)
    return found


@pytest.mark.usefixtures("context")
def test_marts_that_need_not_be_built_are_skipped() -> None:
    with pytest.raises(AirflowSkipException):
        tasks.finish_marts.function()


@pytest.mark.parametrize("state", ["failed", "upstream_failed", "removed"])
def test_marts_whose_start_failed_are_red(context: SimpleNamespace, state: str) -> None:
    context.started = state
    with pytest.raises(AirflowFailException, match=f"start_marts is {state}, so nothing was built"):
        tasks.finish_marts.function()
