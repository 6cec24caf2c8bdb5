"""Runs whose last task never comes, on a running Airflow: on record as failed, and never while they live."""

from __future__ import annotations

import time

from headwater.metadata.process.orphaned_runs import AIRFLOW_ENDED
from tests.airflow.client import PATIENCE_S, Client
from tests.airflow.warehouse import Warehouse


def on_record(warehouse: Warehouse, run_id: str) -> tuple[str, str | None, str | None]:
    """Return how a run is on record: its status, its own last error, and what Airflow did to it."""
    ((status, last_error, closed_why),) = warehouse.query(
        "select inst.status, last_error, closed_why from metadata.job_inst as inst"
        " join metadata.log_header using (job_inst_id) where run_id = %s", run_id,
    )  # fmt: skip
    return status, last_error, closed_why


def wait_until(admin: Client, run_id: str, state: str) -> None:
    """Return when the job's task, the script that waits, is in a state."""
    deadline = time.monotonic() + PATIENCE_S
    while (states := admin.states("waiting", run_id)).get("wait_long") != state:
        assert time.monotonic() < deadline, states
        time.sleep(0.1)


def test_what_airflow_ended_is_closed_and_what_lives_is_not(admin: Client, warehouse: Warehouse) -> None:
    """A run that waits for its second try, then marked as failed, then deleted."""
    run_id = admin.trigger("waiting")
    wait_until(admin, run_id, "up_for_retry")
    assert admin.run("left_open")[1] == "success"
    status, error, closed_why = on_record(warehouse, run_id)
    assert (status, str(error)[:11], closed_why) == ("running", "wait_long: ", None)

    assert admin.ask("PATCH", f"dags/waiting/dagRuns/{run_id}", json={"state": "failed"}).ok
    closing, state = admin.run("left_open")
    assert state == "success"
    left = "Nothing of it was running; last was wait_long, failed"
    assert on_record(warehouse, run_id) == (
        "failed",
        error,
        f"{AIRFLOW_ENDED}: there the run is failed. {left}",
    )
    ((job_inst_id,),) = warehouse.query("select job_inst_id from metadata.job_inst where run_id = %s", run_id)
    assert f"closed the job instances {job_inst_id}" in admin.log("left_open", closing, "close_left_open")

    for table in ("job_inst", "log_header"):
        warehouse.query(
            f"update metadata.{table} set status = 'running', ended_at = null where job_inst_id = %s",
            job_inst_id,
        )
    assert admin.ask("DELETE", f"dags/waiting/dagRuns/{run_id}").status_code == 204
    assert admin.run("left_open")[1] == "success"
    status, still, closed_why = on_record(warehouse, run_id)
    assert (status, still, "no such run any more" in str(closed_why)) == ("failed", error, True)
