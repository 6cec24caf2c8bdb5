"""Job instances that nobody will close: closed by others with what was left, and never while their run lives."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.metadata.process.jobs import JobInstance, SharedJobInstance
from headwater.metadata.process.liveness import Life
from headwater.metadata.process.orphaned_runs import (
    AIRFLOW_ENDED,
    PROCESS_ENDED,
    close_abandoned,
    close_ended,
)
from headwater.metadata.process.tables import job_inst_task


def on_record(database: Engine) -> list[tuple[str, str, str | None]]:
    """Of each job instance: its run, how it and its header ended, and its last error."""
    ask = (
        "select run_id, inst.status, header.status, last_error from metadata.job_inst as inst"
        " join metadata.log_header as header using (job_inst_id) order by job_inst_id"
    )
    with database.connect() as connection:
        rows = connection.execute(sa.text(ask)).all()
    assert all(row[1] == row[2] for row in rows)
    return [(row[0], row[1], row[3]) for row in rows]


def closed_why(database: Engine) -> list[str | None]:
    """Of each job instance: what another hand than its own did to it."""
    with database.connect() as connection:
        ask = sa.text("select closed_why from metadata.log_header order by log_header_id")
        return list(connection.execute(ask).scalars())


def task_statuses(database: Engine) -> list[str]:
    with database.connect() as connection:
        ask = sa.select(job_inst_task.c.status).order_by(job_inst_task.c.job_inst_task_id)
        return list(connection.execute(ask).scalars())


def killed(database: Engine, instance: SharedJobInstance, task: str, map_index: int) -> None:
    """Leave what a task leaves whose process is killed within it."""
    with instance.attempt(task, 1, map_index), instance.task("raw"):
        pass
    with database.begin() as connection:
        connection.execute(job_inst_task.update().values(status="running", ended_at=None))


def test_what_a_dead_process_left_running_is_closed_as_failed_and_what_lives_is_not(database: Engine) -> None:
    life = Life(database)
    dead = JobInstance(database, "cities", "run 1", {}, life)
    with dead.task("extract"):
        living = JobInstance(database, "cities", "run 2", {})
        JobInstance(database, "cities", "run 0", {}).close()
        life.end()  # as when its process is killed: its connections end, nothing else happens
        while not (closed := close_abandoned(database)):  # the server has yet to notice
            pass
        assert closed == [dead.job_inst_id]
        assert on_record(database) == [
            ("run 1", "failed", f"{PROCESS_ENDED}. Left running: extract"), ("run 2", "running", None),
            ("run 0", "succeeded", None),
        ]  # fmt: skip
        assert task_statuses(database) == ["failed"]
        assert close_abandoned(database) == []
    living.close()
    assert on_record(database)[1][1] == "succeeded"


def test_what_airflow_ended_is_closed_with_how_it_ended_and_what_was_left(database: Engine) -> None:
    for number, leaves in enumerate(("nothing", "two running", "one that ended", "nothing, living")):
        SharedJobInstance.begin(database, "cities", f"run {number}", {})
        joined = SharedJobInstance(database, "cities", f"run {number}")
        if leaves == "two running":
            joined.log("error", "an error of before")
            killed(database, joined, "land", 0)
            killed(database, joined, "land", 1)
        elif leaves == "one that ended":
            with joined.attempt("discover", 1):
                pass
    SharedJobInstance.begin(database, "prices", "run 1", {})
    assert close_abandoned(database) == []  # nobody holds a lock for them

    changes = {"run 0": "deleted", "run 1": "failed", "run 2": "success"}
    asked = []

    def how_ended(job: str, run_id: str) -> str | None:
        asked.append((job, run_id))
        return changes.get(run_id) if job == "cities" else None

    assert len(close_ended(database, how_ended, "cities")) == 3
    assert ("prices", "run 1") not in asked
    assert on_record(database) == [
        ("run 0", "failed", f"{AIRFLOW_ENDED}: deleted. Nothing of it was running"),
        ("run 1", "failed", "an error of before"),
        (
            "run 2",
            "failed",
            f"{AIRFLOW_ENDED}: success. Nothing of it was running; last was discover, succeeded",
        ),
        ("run 3", "running", None),
        ("run 1", "running", None),
    ]
    assert task_statuses(database) == ["failed"] * 4 + ["succeeded"]
    with database.connect() as connection:
        logged = connection.execute(
            sa.text("select message from metadata.log_dtl where level = 'error' order by log_dtl_id")
        )
        messages: list[str] = list(logged.scalars())
    assert messages[0] == "an error of before"  # which stays the run's own last one
    assert closed_why(database) == [
        f"{AIRFLOW_ENDED}: deleted. Nothing of it was running",
        f"{AIRFLOW_ENDED}: failed. Left running: land[0], land[1]",
        f"{AIRFLOW_ENDED}: success. Nothing of it was running; last was discover, succeeded",
        None,
        None,
    ]
    assert messages[2].endswith("Left running: land[0], land[1]")
    assert len(messages) == 4


def test_of_all_jobs_those_are_closed_that_ended_and_of_closed_ones_nothing_is_asked(
    database: Engine,
) -> None:
    for job in ("cities", "prices"):
        SharedJobInstance.begin(database, job, "run 1", {})
    SharedJobInstance.begin(database, "cities", "run 2", {}).close()
    asked = []

    def how_ended(job: str, run_id: str) -> str | None:
        asked.append((job, run_id))
        return "failed" if job == "prices" else None

    assert len(close_ended(database, how_ended)) == 1
    assert asked == [("cities", "run 1"), ("prices", "run 1")]
    assert [status for _, status, _ in on_record(database)] == ["running", "failed", "succeeded"]


def test_where_airflow_cannot_tell_nothing_is_closed(database: Engine) -> None:
    SharedJobInstance.begin(database, "cities", "run 1", {})

    def does_not_answer(_job: str, _run_id: str) -> str | None:
        raise ConnectionError("no answer")

    with pytest.raises(ConnectionError):
        close_ended(database, does_not_answer)
    assert on_record(database) == [("run 1", "running", None)]


def test_one_that_was_closed_meanwhile_stays_as_it_was_closed(database: Engine) -> None:
    instance = SharedJobInstance.begin(database, "cities", "run 1", {})

    def ends_by_itself(_job: str, _run_id: str) -> str | None:
        instance.close()
        return "failed"

    assert close_ended(database, ends_by_itself) == []
    assert on_record(database) == [("run 1", "succeeded", None)]


def test_what_is_open_again_was_closed_by_nobody(database: Engine) -> None:
    """A task that is cleared in Airflow goes on in the run that somebody had marked failed."""
    SharedJobInstance.begin(database, "cities", "run 1", {}).log("error", "its own")
    assert len(close_ended(database, lambda _job, _run_id: "failed")) == 1
    joined = SharedJobInstance(database, "cities", "run 1")
    assert closed_why(database) == [None]
    joined.close()
    assert on_record(database) == [("run 1", "succeeded", "its own")]
