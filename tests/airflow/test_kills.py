"""A worker or the scheduler is killed in the middle of a task: the run ends green, with the same counts."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from headwater.services.airflow import Airflow
from headwater.services.processes import is_alive
from tests.airflow.client import Client
from tests.airflow.warehouse import Warehouse, publish

PATIENCE_S = 400  # a heartbeat has to be missed, and a try waited for
HEADER = "shop,owner"


def killed_in(admin: Client, dag: str, run_id: str, task: str) -> None:
    """Kill -9 the process of a task as soon as it runs."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for found in admin.tasks(dag, run_id):
            if found["task_id"] == task and found["state"] == "running":
                for command in Path("/proc").glob("[0-9]*/cmdline"):
                    with suppress(OSError):  # processes come and go
                        if found["id"].encode() in command.read_bytes():
                            os.kill(int(command.parent.name), signal.SIGKILL)
                            return
        time.sleep(0.05)
    raise AssertionError(f"{task} never ran")


def counted(warehouse: Warehouse, after: int) -> list[tuple[object, ...]]:
    """Return what history counted of the deliveries of shops after one."""
    return warehouse.query(
        "select status, record_count, new_count, changed_count"
        " from metadata.delivery_status join metadata.delivery using (delivery_sqn)"
        " where source = 'shops' and layer = 'historical' and delivery_sqn > %s order by delivery_date", after,
    )  # fmt: skip


def _runs(admin: Client, dag: str) -> set[str]:
    return {run["dag_run_id"] for run in admin.get(f"dags/{dag}/dagRuns", limit=100)["dag_runs"]}


def _next_run(admin: Client, dag: str, earlier: set[str]) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while not (new := _runs(admin, dag) - earlier):
        assert time.monotonic() < deadline, f"no new run of {dag}"
        time.sleep(0.1)
    return new.pop()


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_what_is_killed_in_the_middle_ends_green_with_the_same_counts(
    admin: Client, airflow: Airflow, warehouse: Warehouse, publisher: Path
) -> None:
    """One story, since each part waits for Airflow to miss a heartbeat."""
    warehouse.query("create table if not exists scratch.owners as select 'Olga' as owner")
    warehouse.query("create table if not exists scratch.orders as select 1 as id, 's' as shop")
    admin.wait_for_dag("build_shops")
    earlier = _runs(admin, "build_shops")
    ((before,),) = warehouse.query("select coalesce(max(delivery_sqn), 0) from metadata.delivery")
    publish(publisher, "shops", 11, HEADER, *(f"s{number},Olga" for number in range(20_000)))
    run_id = admin.trigger("bring_shops")
    killed_in(admin, "bring_shops", run_id, "shops_extract.land")
    assert admin.wait("bring_shops", run_id, PATIENCE_S) == "success", admin.states("bring_shops", run_id)
    tries = warehouse.query(
        "select job_inst_task.status from metadata.job_inst_task join metadata.job_inst using (job_inst_id)"
        " where run_id = %s and task = 'shops_extract.land' order by job_inst_task_id", run_id,
    )  # fmt: skip
    assert tries[-1] == ("succeeded",)
    assert set(tries[:-1]) <= {("failed",)}

    built = _next_run(admin, "build_shops", earlier)
    killed_in(admin, "build_shops", built, "build_shops_historize.historize.hist_shops")
    assert admin.wait("build_shops", built, PATIENCE_S) == "success", admin.states("build_shops", built)
    assert warehouse.query(
        "select status from metadata.job_inst where run_id = %s and job = 'build_shops'", built
    ) == [("succeeded",)]
    assert warehouse.query("select count(*) from historical.shops where valid_to is null") == [(20_000,)]

    publish(publisher, "shops", 12, HEADER, *(f"s{number},Olga" for number in range(1, 20_000)), "s0,Paul")
    run_id = admin.trigger("bring_shops")
    scheduler = airflow.components["scheduler"]
    os.kill(scheduler.pid, signal.SIGKILL)
    while is_alive(scheduler):
        time.sleep(0.1)
    airflow.begin("scheduler")
    assert admin.wait("bring_shops", run_id, PATIENCE_S) == "success", admin.states("bring_shops", run_id)
    deadline = time.monotonic() + PATIENCE_S
    while len(counts := counted(warehouse, int(str(before)))) < 2:
        assert time.monotonic() < deadline, counts
        time.sleep(1)
    assert warehouse.query("select owner, end_type from historical.shops where shop = 's0' order by valid_from") == [
        ("Olga", "changed"), ("Paul", None),
    ]  # fmt: skip
    assert counts == [("loaded", 20_000, 20_000, 0), ("loaded", 20_000, 0, 1)]
