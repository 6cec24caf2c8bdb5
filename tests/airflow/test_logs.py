"""The log of a task as a person reads it, and where its links lead."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from headwater.services.airflow import Airflow
from tests.airflow.client import Client
from tests.airflow.listeners import Received
from tests.airflow.page import Visitor, text_of
from tests.airflow.warehouse import Warehouse, publish

PATIENCE_S = 600
OF_AIRFLOW = (
    "::group::",
    "::endgroup::",
    "Worker startup parse complete",
    "Successfully emitted OpenLineage",
)
HALTED = "is halted: duplicate_keys: 1 key on 2 rows (lake=a, lines 2, 3)"


@pytest.fixture(scope="module")
def run(admin: Client, publisher: Path) -> str:
    """A run of a job of which one delivery goes into history and another one halts."""
    publish(publisher, "lakes", 1, "lake,boats", "a,1", "b,2")
    publish(publisher, "lakes", 2, "lake,boats", "a,1", "a,2", "b,x")
    run_id, state = admin.run("lakes", patience_s=PATIENCE_S)
    assert state == "failed"
    return run_id


def log_lines(admin: Client, run: str, task: str, map_index: int = -1) -> list[str]:
    """The lines of the log of a task that are not Airflow's own of every task."""
    payload = admin.get(
        f"dags/lakes/dagRuns/{run}/taskInstances/{task}/logs/1", map_index=map_index, full_content=True
    )
    lines = [str(line.get("event", "")) for line in payload["content"] if isinstance(line, dict)]
    return [line for line in lines if line and not line.startswith(OF_AIRFLOW) and not line.endswith(".log")]


def test_the_sentence_of_a_halt_comes_first_and_whole(admin: Client, run: str) -> None:
    lines = log_lines(admin, run, "lakes_stage.check")
    assert lines[0] == "lakes: 2 checked, 1 halted"
    assert lines[1].startswith("delivery ")
    assert lines[1].endswith(HALTED)
    assert lines[2] == "Task failed with exception"
    assert len(lines) < 8, lines


@pytest.mark.parametrize(
    "task",
    ["lakes_extract.discover", "lakes_stage.stage.stg_lakes", "lakes_historize.historize.hist_lakes"],
)
def test_nothing_but_what_the_task_did_is_in_its_log(admin: Client, run: str, task: str) -> None:
    lines = log_lines(admin, run, task)
    assert len(lines) <= 5, lines
    assert not [line for line in lines if "cosmos" in line.lower() or "\x1b" in line or "dbt=" in line], lines
    assert any("lakes" in line for line in lines), lines


def links(admin: Client, run: str, task: str, map_index: int = -1) -> dict[str, str | None]:
    """The links of a task."""
    found: dict[str, str | None] = admin.get(
        f"dags/lakes/dagRuns/{run}/taskInstances/{task}/links", map_index=map_index
    )["extra_links"]
    return found


def test_a_task_leads_to_its_delivery_its_file_its_data_docs_and_the_history(
    admin: Client, airflow: Airflow, warehouse: Warehouse, run: str
) -> None:
    numbers = dict(
        warehouse.query("select publisher_name, delivery_sqn from metadata.delivery where source = 'lakes'")
    )
    visitor = Visitor(airflow, "admin")
    brought = [links(admin, run, "lakes_extract.land", index) for index in range(len(numbers))]
    assert {found["Delivery"] for found in brought} == {
        f"{airflow.url}/deliveries/delivery/{sqn}" for sqn in numbers.values()
    }
    for found in brought:
        assert found["File on S3"] == f"{found['Delivery']}/object"
        assert visitor.ask(path_of(found["Delivery"])).status_code == 200
        assert visitor.ask(path_of(found["File on S3"])).content.startswith(b"lake,boats")
    for task in ("lakes_stage.check", "lakes_stage.stage.stg_lakes"):
        found = links(admin, run, task)
        assert found["History"] == f"{airflow.url}/deliveries/list?source=lakes"
        assert found["File on S3"] is None
        assert "lakes" in visitor.page(path_of(found["Delivery"]))
        assert "checked deliveries" in visitor.page(path_of(found["Data Docs"]))
    historical = links(admin, run, "lakes_historize.historize.hist_lakes")
    passed = numbers["lakes-20260101.csv"]
    assert historical["Delivery"] == f"{airflow.url}/deliveries/delivery/{passed}"
    assert "Checks" in visitor.page(path_of(historical["Data Docs"]))
    assert historical["dbt docs"] == f"{airflow.url}/deliveries/docs/dbt.html"


def path_of(link: str | None) -> str:
    """The path of a link below the page Deliveries."""
    assert link is not None
    parts = urlsplit(link)
    return parts.path.removeprefix("/deliveries") + (f"?{parts.query}" if parts.query else "")


@pytest.mark.usefixtures("run")
def test_data_docs_say_what_was_decided_since(airflow: Airflow, warehouse: Warehouse) -> None:
    ((sqn,),) = warehouse.query(
        "select delivery_sqn from metadata.delivery_state where source = 'lakes' and status = 'halted'"
    )
    visitor = Visitor(airflow, "admin")
    page = next(path.name for path in (airflow.folder.parent / "data_docs" / "lakes").glob(f"*_{sqn}.html"))
    assert "Decided since" not in visitor.page(f"/data_docs/lakes/{page}")
    assert visitor.decide(sqn, "withdraw", "the town counted twice").status_code == 303
    payload = text_of(visitor.page(f"/data_docs/lakes/{page}"))
    assert "Decided since withdrawn" in payload
    assert "by admin: the town counted twice" in payload


@pytest.mark.usefixtures("run")
def test_a_job_writes_the_docs_and_before_it_the_link_says_so(admin: Client, airflow: Airflow) -> None:
    admin.let_run("docs")
    page = airflow.folder.parent / "docs" / "dbt.html"
    visitor = Visitor(airflow, "admin")
    for one in admin.get("dags/docs/dagRuns")["dag_runs"]:  # that began with Airflow
        admin.wait("docs", one["dag_run_id"], PATIENCE_S)
    page.unlink(missing_ok=True)
    assert "The DAG docs writes them once a day" in visitor.ask("/docs/dbt.html").text
    run_id, state = admin.run("docs", patience_s=PATIENCE_S)
    assert state == "success", admin.log("docs", run_id, "write_docs")
    assert page.is_file()
    assert visitor.ask("/docs/dbt.html").status_code == 200
    assert "lakes" in (airflow.folder.parent / "docs" / "index.html").read_text()


def test_who_waits_for_a_run_is_told_that_it_is_not_over_by_its_deadline(
    admin: Client, overdue: tuple[str, Received]
) -> None:
    run_id, payload = overdue
    assert admin.wait("late", run_id, PATIENCE_S) == "success"
    deadline = time.monotonic() + PATIENCE_S
    while not payload.messages:
        assert time.monotonic() < deadline, "nobody was told"
        time.sleep(0.5)
    assert [(message["job"], message["status"]) for message in payload.messages] == [("late", "overdue")]
    assert {task["pool"] for task in admin.tasks("late", run_id)} == {"publisher"}
    assert requests.get(payload.messages[0]["link"], timeout=60).status_code == 200
