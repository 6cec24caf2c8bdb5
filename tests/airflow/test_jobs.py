"""Jobs of every kind through the real scheduler: what runs, in what order, and what is on record of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.airflow.client import Client
from tests.airflow.warehouse import Warehouse, publish

pytestmark = pytest.mark.usefixtures("overdue")  # its run takes more than a minute, beside which these run


def test_a_job_brings_each_delivery_in_by_a_task_of_its_own_and_makes_history(
    admin: Client, warehouse: Warehouse, publisher: Path
) -> None:
    publish(publisher, "cities", 1, "City Code,name,people,seen", "a,Aa,1,x", "b,Bb,2,x")
    publish(publisher, "cities", 2, "City Code,name,people,seen", "a,Aa,5,x")
    run_id, state = admin.run("cities")
    states = admin.states("cities", run_id)
    assert (state, states) == (
        "success",
        {
            "cities_extract.discover": "success",
            "cities_extract.land[0]": "success",
            "cities_extract.land[1]": "success",
            "cities_stage.stage.stg_cities": "success",
            "cities_stage.check": "success",
            "cities_historize.historize.hist_cities": "success",
            "finish": "success",
        },
    )
    assert warehouse.query("select city, people, end_type from historical.cities order by valid_from, city") == [
        ("a", 1, "changed"), ("b", 2, "removed"), ("a", 5, None),
    ]  # fmt: skip


def on_record(warehouse: Warehouse, job: str, run_id: str) -> tuple[str, str | None, set[str]]:
    """Return how a run ended by the job framework's own record: status, last error, and the tasks tried."""
    ((job_inst_id, status, last_error),) = warehouse.query(
        "select job_inst_id, inst.status, last_error from metadata.job_inst as inst"
        " join metadata.log_header using (job_inst_id) where job = %s and run_id = %s", job, run_id,
    )  # fmt: skip
    tried = warehouse.query(
        "select task from metadata.job_inst_task where job_inst_id = %s and parameters ? 'try_number'",
        job_inst_id,
    )
    return status, last_error, {task for (task,) in tried}


def test_what_extraction_left_is_deleted_where_the_job_or_the_form_says_so_which_is_on_record(
    admin: Client, warehouse: Warehouse, publisher: Path
) -> None:
    publish(publisher, "prices", 1, "shop,item,price,gone", "s,1,9.50,")
    publish(publisher, "ratings", 1, "reader,stars", "r,5")
    run_id, state = admin.run("market", {"del_temp_data": True})
    assert state == "success", admin.states("market", run_id)
    assert warehouse.query("select count(*) from raw.cities") == [(0,)]
    assert warehouse.query("select count(*) from raw.prices") == [(0,)]
    assert warehouse.query("select shop, price from historical.prices") == [("s", 9.5)]
    assert warehouse.query("select reader, stars from historical.ratings") == [("r", 5)]
    ((parameters,),) = warehouse.query("select parameters from metadata.job_inst where run_id = %s", run_id)
    assert parameters == {"sources": ["prices", "ratings"], "is_full_load": False, "del_temp_data": True}


def test_one_job_extracts_and_the_next_transforms_and_loads_once_it_succeeded(
    admin: Client, warehouse: Warehouse, publisher: Path
) -> None:
    """One of three tables is not there at first: the others are brought in, the run fails, and nothing follows."""
    publish(publisher, "shops", 1, "shop,owner", "s,Olga")
    warehouse.query("create table scratch.owners as select 'Olga' as owner")
    run_id, state = admin.run("bring_shops")
    states = admin.states("bring_shops", run_id)
    assert (state, states["orders_extract.discover"], states["finish"]) == ("failed", "failed", "failed")
    assert warehouse.query("select (select count(*) from raw.shops), (select count(*) from raw.owners)") == [
        (1, 1)
    ]
    assert on_record(warehouse, "bring_shops", run_id)[0] == "failed"
    assert admin.get("dags/build_shops/dagRuns")["total_entries"] == 0

    warehouse.query(
        "create table scratch.orders as select n as id, 's' as shop from generate_series(1, 2000) as n"
    )
    run_id, state = admin.run("bring_shops")
    assert (state, set(admin.states("bring_shops", run_id))) == (
        "success",
        {"start", "finish"} | {f"{name}_extract.discover" for name in ("shops", "orders", "owners")}
        | {f"{name}_extract.land" for name in ("shops", "owners")} | {"orders_extract.land[0]"},
    )  # fmt: skip
    next_id = admin.wait_for_run("build_shops")
    assert admin.wait("build_shops", next_id) == "success"
    assert set(admin.states("build_shops", next_id)) == {"start", "finish"} | {
        f"build_{name}_{task}" for name in ("shops", "orders")
        for task in (
            f"stage.stage.stg_{name}", "stage.check", f"historize.historize.hist_{name}",
        )
    }  # fmt: skip
    assert warehouse.query("select shop, owner from historical.shops") == [("s", "Olga")]
    assert warehouse.query("select count(*), count(distinct order_id) from historical.orders") == [
        (2000, 2000)
    ]
    ((job,),) = warehouse.query(
        "select distinct job from historical.shops join metadata.job_inst using (job_inst_id)"
    )
    assert job == "build_shops"


def test_scripts_and_callables_run_side_by_side_or_one_after_the_other(
    admin: Client, warehouse: Warehouse, ended: Callable[[str], tuple[str, str]]
) -> None:
    run_id, state = ended("tidying")
    assert state == "success", admin.states("tidying", run_id)
    ((job_inst_id,),) = warehouse.query(
        "select job_inst_id from metadata.job_inst where run_id = %s and job = 'tidying'", run_id
    )
    tasks = dict(
        warehouse.query(
            "select task, job_inst_task_id from metadata.job_inst_task where job_inst_id = %s", job_inst_id
        )
    )
    notes = [note for (note,) in warehouse.query("select note from scratch.notes order by note_id")]
    assert sorted(notes[1:3]) == ["left", "right"]
    assert [*notes[:1], *notes[3:]] == [
        f"first {job_inst_id} {tasks['tidy_first']}",
        f"procedure {job_inst_id} {tasks['tidy_procedure']}",
        f"callable {job_inst_id} {tasks['tidy_callable']}",
    ]
    side_by_side = warehouse.query(
        "select count(*) from metadata.job_inst_task as one join metadata.job_inst_task as other using (job_inst_id)"
        " where one.task = 'tidy_left' and other.task = 'tidy_right' and job_inst_id = %s"
        " and one.started_at < other.ended_at and other.started_at < one.ended_at", job_inst_id,
    )  # fmt: skip
    assert side_by_side == [(1,)]
    assert "tidy_never" not in tasks


def test_a_failing_procedure_fails_the_run_for_good_and_what_comes_after_it_does_not_run(
    admin: Client, warehouse: Warehouse, ended: Callable[[str], tuple[str, str]]
) -> None:
    run_id, state = ended("failing")
    assert (state, admin.states("failing", run_id)) == (
        "failed", {"start": "success", "fail_now": "failed", "fail_later": "skipped", "finish": "failed"},
    )  # fmt: skip
    status, last_error, tried = on_record(warehouse, "failing", run_id)
    assert (status, tried) == ("failed", {"start", "fail_now"})
    assert last_error is not None
    assert last_error.startswith("fail_now: the sql_script break_down failed: the shelf of job instance ")
    assert "the shelf of job instance" in admin.log("failing", run_id, "fail_now", attempt=1)
    assert admin.get("dags/after_failing/dagRuns")["total_entries"] == 0
    assert "never" not in str(warehouse.query("select note from scratch.notes"))


def test_a_halted_delivery_is_red_at_its_checks_and_the_others_go_on(
    admin: Client, warehouse: Warehouse, publisher: Path
) -> None:
    publish(publisher, "cities", 3, "City Code,name,people,seen", "a,Aa,6,x", "a,Aa,7,x")
    publish(publisher, "cities", 4, "City Code,name,people,seen", "a,Aa,8,x")
    run_id, state = admin.run("cities")
    states = admin.states("cities", run_id)
    assert state == "failed"
    assert {task for task, its_state in states.items() if its_state != "success"} == {
        "cities_stage.check",
        "finish",
    }
    assert [task["try_number"] for task in admin.tasks("cities", run_id) if task["state"] == "failed"] == [
        1,
        1,
    ]
    assert "duplicate_keys" in admin.log("cities", run_id, "cities_stage.check")
    status, last_error, _ = on_record(warehouse, "cities", run_id)
    assert (status, "duplicate_keys" in str(last_error)) == ("halted", True)
    assert warehouse.query("select people from historical.cities where valid_to is null") == [(8,)]


def test_marts_are_built_after_history_changed(admin: Client, warehouse: Warehouse) -> None:
    admin.let_run("marts")
    (history,) = [
        one for one in admin.get("assets", name_pattern="history")["assets"] if one["name"] == "history"
    ]
    assert admin.ask("POST", "assets/events", json={"asset_id": history["id"]}).ok
    run_id = admin.wait_for_run("marts")
    assert admin.wait("marts", run_id) == "success", admin.states("marts", run_id)
    assert set(admin.states("marts", run_id).values()) == {"success"}
    now = warehouse.query("select count(*), sum(people) from historical.cities where valid_to is null")
    assert warehouse.query("select cities, people from marts.town") == now
    assert now[0][0] > 0
    again, state = admin.run("marts")
    assert (state, set(admin.states("marts", again).values())) == ("success", {"skipped"})
