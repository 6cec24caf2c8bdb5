"""Jobs of one Airflow, each with a trouble of its own: none harms another, and the record and the alerts say so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.client import Client
from tests.airflow.listeners import Received, webhook
from tests.airflow.warehouse import Warehouse, publish

PATIENCE_S = 600  # six runs at once
INACTIVE = "tidy_never,tidying,,2,false"


@pytest.fixture
def alerts(admin: Client) -> Iterator[Received]:
    """A webhook that is told of every job's runs that do not go well."""
    with webhook() as payload:
        made = {
            "connection_id": "headwater_alerts",
            "conn_type": "http",
            "host": "127.0.0.1",
            "port": payload.port,
        }
        assert admin.ask("POST", "connections", json=made).ok
        yield payload
        assert admin.ask("DELETE", "connections/headwater_alerts").ok


@pytest.fixture
def typo(airflow_project: Path, read_again: Callable[[], None]) -> Iterator[Any]:
    """Make a typo in the row of an inactive task, as a person does while jobs run; it is mended in the end."""
    path = airflow_project / "seeds" / "job_task.csv"
    valid = path.read_text(encoding="utf-8")

    def make() -> None:
        assert INACTIVE in valid
        path.write_text(valid.replace(INACTIVE, INACTIVE.replace("false", "flase")), encoding="utf-8")
        read_again()

    yield make
    path.write_text(valid, encoding="utf-8")
    read_again()


def wait_for(what: str, holds: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.3)


def test_no_job_harms_another_and_alerts_tell_of_exactly_those_that_went_wrong(
    admin: Client, warehouse: Warehouse, publisher: Path, alerts: Received, typo: Any
) -> None:
    publish(publisher, "mills", 5, "mill,wheels", "m,1", "m,2")  # halts
    publish(publisher, "barns", 5, "barn,cows", "b,3")
    publish(publisher, "wells", 5, "well,depth", "w,4")
    patient = admin.trigger("patient")
    wait_for("patient", lambda: admin.states("patient", patient).get("patient_first") == "running")

    typo()
    wait_for("the import error", lambda: "flase" in str(admin.import_errors()))
    assert not admin.ask("GET", "dags/resting").ok
    before = len(admin.get("dags/build_barns/dagRuns")["dag_runs"])
    started = {job: admin.trigger(job) for job in ("failing", "mills", "bring_barns", "wells")}
    ended = {job: admin.wait(job, run_id, PATIENCE_S) for job, run_id in started.items()}
    warehouse.query("insert into scratch.signals values ('go on')")
    started["patient"], ended["patient"] = patient, admin.wait("patient", patient, PATIENCE_S)
    wait_for("build_barns", lambda: len(admin.get("dags/build_barns/dagRuns")["dag_runs"]) > before)
    started["build_barns"] = admin.wait_for_run("build_barns")
    ended["build_barns"] = admin.wait("build_barns", started["build_barns"], PATIENCE_S)

    assert ended == {
        "failing": "failed", "mills": "failed", "bring_barns": "success", "build_barns": "success",
        "wells": "success", "patient": "success",
    }  # fmt: skip
    recorded = warehouse.query(
        "select job, status from metadata.job_inst where run_id = any(%s)", list(started.values())
    )
    assert dict(recorded) == {
        "failing": "failed", "mills": "halted", "bring_barns": "succeeded", "build_barns": "succeeded",
        "wells": "succeeded", "patient": "succeeded",
    }  # fmt: skip
    assert warehouse.query("select count(*) from metadata.job_inst where status = 'running'") == [(0,)]
    assert warehouse.query("select well, depth from historical.wells") == [("w", 4)]
    assert warehouse.query("select barn, cows from historical.barns") == [("b", 3)]
    messages = {(alert["job"], alert["status"]) for alert in alerts.messages}
    assert messages == {("failing", "failed"), ("mills", "halted")}
    assert len(alerts.messages) == 2
    assert "tidying" not in {job for job, _ in messages}
