"""Every run is on record, and what is on record is true."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from decimal import Decimal

import pytest

from headwater.dbt_project.dbt import Dbt
from headwater.metadata.errors import StepFailed
from headwater.metadata.static.model import SqlScript
from headwater.metadata.static.plan import Step
from headwater.metadata.static.read import read_catalog
from headwater.metadata.static.step_names import StepName
from headwater.pipeline import decide
from headwater.pipeline.job_run import JobRun
from headwater.pipeline.purge import purge
from headwater.pipeline.rebuild import rebuild
from headwater.pipeline.shared_run import Attempt
from headwater.queries import status
from tests.pipeline.line import Line, cities, prices, ratings


def test_job_instances_tasks_and_logs_tell_how_each_job_ended(line: Line) -> None:
    line.deliver("cities", cities(1, {"a": ("A", 1)}), "a,A,2,x")
    shutil.rmtree(line.publisher / "prices")
    line.deliver("ratings", ratings(1, {"eve": (1,)}))
    result = line.run()
    assert result.exit_code == 1

    jobs = line.query(
        "select job, job_inst.status, header.status, last_error, parameters -> 'sources', job_inst.ended_at is null"
        " from metadata.job_inst left join metadata.log_header as header using (job_inst_id)"
        " where run_id = :run order by job",
        run=result.run_id,
    )
    halted = next(halt for halt in result.halts)
    failure = result.failures[0]
    assert jobs == [
        (
            "cities", "halted", "halted",
            f"cities: delivery {halted.delivery_sqn} is halted: {halted.why}", ["cities"], False,
        ),
        ("market", "failed", "failed", failure, ["prices", "ratings"], False),
    ]  # fmt: skip

    tasks = line.query(
        "select job, task, task.parameters ->> 'source', task.status from metadata.job_inst_task as task"
        " join metadata.job_inst using (job_inst_id) where task.ended_at is not null order by job_inst_task_id"
    )
    assert set(tasks) == {
        ("cities", "discover", "cities", "succeeded"),
        ("cities", "land", "cities", "succeeded"),
        ("cities", "load_raw", "cities", "succeeded"),
        ("cities", "stage", None, "succeeded"),
        ("cities", "check", "cities", "halted"),
        ("cities", "historize", None, "succeeded"),
        ("cities", "marts", None, "succeeded"),
        ("cities", "clean_up", "cities", "succeeded"),
        ("market", "discover", "prices", "failed"),
        ("market", "load_raw", "prices", "succeeded"),
        ("market", "discover", "ratings", "succeeded"),
        ("market", "land", "ratings", "succeeded"),
        ("market", "load_raw", "ratings", "succeeded"),
        ("market", "stage", None, "succeeded"),
        ("market", "check", "prices", "succeeded"),
        ("market", "check", "ratings", "succeeded"),
        ("market", "historize", None, "succeeded"),
        ("market", "marts", None, "succeeded"),
        ("market", "clean_up", "prices", "succeeded"),
        ("market", "clean_up", "ratings", "succeeded"),
    }
    errors = line.query(
        "select job, message, task.task from metadata.log_dtl"
        " join metadata.log_header using (log_header_id) join metadata.job_inst using (job_inst_id)"
        " left join metadata.job_inst_task as task using (job_inst_task_id) where level = 'error' order by job"
    )
    assert [error[0] for error in errors] == ["cities", "market"]
    assert errors[0][1] == jobs[0][3]
    assert errors[1] == ("market", jobs[1][3], "discover")
    landed = line.query(
        "select message from metadata.log_dtl where level = 'detail' and message like '%landed%'"
    )
    assert len(landed) == 2

    (line.publisher / "prices").mkdir()
    line.deliver("prices", prices(1, {("x", 1): (Decimal(1),)}))
    well = line.ran_well("prices")
    assert line.query("select job, status from metadata.job_inst where run_id = :run", run=well.run_id) == [
        ("market", "succeeded")
    ]
    assert line.query("select last_error from metadata.log_header order by log_header_id desc limit 1") == [
        (None,)
    ]


def test_every_row_bears_the_job_instance_that_wrote_it(line: Line) -> None:
    line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", 1)}))
    line.deliver("prices", prices(1, {("x", 1): (Decimal(1),)}))
    first = line.ran_well("cities", "prices")
    line.deliver("cities", cities(2, {"a": ("A", 2), "b": ("B", 1)}))
    line.deliver("prices", prices(2, {("x", 2): (Decimal(1),)}))
    second = line.ran_well("cities", "prices")

    for source, job, versions in (("cities", "cities", (2, 1)), ("prices", "market", (1, 1))):
        for table in (f"raw.{source}", f"staging.stg_{source}", f"historical.{source}"):
            wrote = line.query(
                f"select publisher_name, run_id, job, count(*) from {table} as written"
                " join metadata.job_inst on job_inst.job_inst_id = written.job_inst_id"
                " join metadata.delivery using (delivery_sqn) group by 1, 2, 3 order by 1"
            )
            rows = versions if table.startswith("historical") else (2, 2) if source == "cities" else (1, 1)
            assert wrote == [
                (f"{source}-20260101.csv", first.run_id, job, rows[0]),
                (f"{source}-20260102.csv", second.run_id, job, rows[1]),
            ], table
    by_layer = line.query(
        "select distinct layer, publisher_name, run_id from metadata.delivery_status"
        " join metadata.job_inst using (job_inst_id) join metadata.delivery using (delivery_sqn)"
        " where source = 'cities'"
    )
    assert set(by_layer) == {
        (layer, f"cities-2026010{day}.csv", run.run_id)
        for layer in ("landed", "raw", "staging", "checks", "historical")
        for day, run in ((1, first), (2, second))
    }


def test_runs_say_what_they_were_for_and_only_those_that_load_are_the_last(line: Line) -> None:
    line.deliver("cities", cities(1, {"a": ("A", 1)}), "a,A,2,x")
    assert line.run("cities").exit_code == 3
    name = "cities-20260101.csv"

    def last_run() -> object:
        rows = status.sources(line.database, read_catalog(line.project.seeds))
        return next(row["last_run"] for row in rows if row["source"] == "cities")

    decide.dry_run(line.project, "accept", line.sqn(name), line.messages.append)
    purge(line.project, ["cities"], line.messages.append)
    dbt = Dbt(line.project.root, line.project.home, "by hand")
    assert dbt.compiled("select 1") == "select 1"
    assert last_run() == "halted"
    decide.decide(line.project, "accept", line.sqn(name), "a test", line.messages.append)
    assert last_run() == "succeeded"
    rebuild(line.project, ["cities"], line.messages.append)
    assert line.query("select kind, etl_steps, status from metadata.job_inst order by job_inst_id") == [
        ("run", "ETL", "halted"), ("dry_run", None, "succeeded"), ("purge", None, "succeeded"),
        ("run", "TL", "succeeded"), ("rebuild", "TL", "succeeded"),
    ]  # fmt: skip
    report = line.query(
        "select task, etl_step, delivery_sqns, publisher_names from metadata.run_report"
        " where kind = 'rebuild' and delivery_sqns is not null order by job_inst_task_id"
    )
    assert [(task, step) for task, step, _, _ in report] == [
        ("load_raw", "E"),
        ("stage", "T"),
        ("historize", "L"),
    ]
    assert {(tuple(sqns), tuple(names)) for _, _, sqns, names in report} == {((line.sqn(name),), (name,))}


def test_what_fails_in_a_job_of_tasks_is_one_error_each(line: Line) -> None:
    """An offer that is refused in one task fails another, and is raised from the inner task to the outer one."""
    line.deliver("cities", cities(1, {"a": ("A", 1)}))
    line.store.put_new("manifests/cities/0000000007.json", json.dumps({"a": 1}).encode())
    job = JobRun.begin(line.project, "cities", "run 1", line.messages.append)
    step = job.step("cities_extract")
    batches = []
    with job.attempt_at(step, Attempt("cities_extract.discover", 1)):
        batches += job.discover(step)
    for index, batch in enumerate(batches):
        job = JobRun(line.project, "cities", "run 1", line.messages.append)  # a process of its own
        with suppress(StepFailed), job.attempt_at(step, Attempt("cities_extract.land", 1, index)):
            job.do(StepName.LAND, step, batch)
    assert job.finish({}) == "failed"
    errors = line.query("select message from metadata.log_dtl where level = 'error'")
    assert len(errors) == len(set(errors)) == 1
    assert line.query(
        "select distinct etl_step, step_seq from metadata.run_report where run_id = 'run 1'"
    ) == [("E", step.step_seq)]
    assert line.query("select etl_steps, is_full_load from metadata.job_inst") == [("ETL", True)]


@pytest.mark.parametrize("script", ["create table if not exists marts.told (told text)", "select 1"])
def test_a_script_tells_how_many_rows_it_wrote_only_where_postgres_does(line: Line, script: str) -> None:
    job = JobRun.begin(line.project, "cities", "run 1", line.messages.append)
    job.run_script(Step("tell", 1, sql_script=SqlScript("tell", False, script)))
    ((context,),) = line.query("select context from metadata.log_dtl where message like 'tell: ran tell%'")
    assert context == ({"row_count": 1} if script == "select 1" else {})
    job.finish({})
