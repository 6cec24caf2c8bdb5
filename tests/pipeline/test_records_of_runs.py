"""Every run is on record, and what is on record is true."""

from __future__ import annotations

import shutil
from decimal import Decimal

from tests.pipeline.line import cities, prices, ratings


def test_job_instances_tasks_and_logs_tell_how_each_job_ended(line):
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
        ("cities", "extract", "cities", "succeeded"),
        ("cities", "raw", "cities", "succeeded"),
        ("cities", "staging", None, "succeeded"),
        ("cities", "checks", "cities", "halted"),
        ("cities", "historical", None, "succeeded"),
        ("cities", "marts", None, "succeeded"),
        ("cities", "purge", "cities", "succeeded"),
        ("market", "extract", "prices", "failed"),
        ("market", "raw", "prices", "succeeded"),
        ("market", "extract", "ratings", "succeeded"),
        ("market", "raw", "ratings", "succeeded"),
        ("market", "staging", None, "succeeded"),
        ("market", "checks", "prices", "succeeded"),
        ("market", "checks", "ratings", "succeeded"),
        ("market", "historical", None, "succeeded"),
        ("market", "marts", None, "succeeded"),
        ("market", "purge", "prices", "succeeded"),
        ("market", "purge", "ratings", "succeeded"),
    }
    errors = line.query(
        "select job, message, task.task from metadata.log_dtl"
        " join metadata.log_header using (log_header_id) join metadata.job_inst using (job_inst_id)"
        " left join metadata.job_inst_task as task using (job_inst_task_id) where level = 'error' order by job"
    )
    assert [error[0] for error in errors] == ["cities", "market"]
    assert errors[0][1] == jobs[0][3]
    assert errors[1] == ("market", jobs[1][3], "extract")
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


def test_every_row_bears_the_job_instance_that_wrote_it(line):
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
