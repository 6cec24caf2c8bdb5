"""Job instances: on record while they run, and closed with the truth."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.pool import QueuePool

from headwater.metadata.errors import HeadwaterError, StepFailed
from headwater.metadata.failures import failure_of
from headwater.metadata.process.jobs import JobInstance, SharedJobInstance
from headwater.metadata.process.liveness import Life
from headwater.metadata.process.orphaned_runs import close_abandoned
from headwater.metadata.process.recorded_run import Outcome
from headwater.metadata.process.tables import job_inst, job_inst_task, log_dtl, log_header


def rows(database: Engine, table: sa.Table) -> Sequence[sa.Row[Any]]:
    with database.connect() as connection:
        (key,) = table.primary_key.columns
        return connection.execute(sa.select(table).order_by(key)).all()


def test_the_worst_that_was_said_stays() -> None:
    outcome = Outcome()
    for status, expected in (
        ("halted", "halted"),
        ("succeeded", "halted"),
        ("failed", "failed"),
        ("halted", "failed"),
    ):
        outcome.worsen(status)
        assert outcome.status == expected


def test_a_job_instance_is_running_until_it_is_closed(database: Engine) -> None:
    instance = JobInstance(database, "cities", "run 1", {"sources": ["cities"]})
    (inst,), (header,) = rows(database, job_inst), rows(database, log_header)
    assert (inst.job, inst.run_id, inst.parameters, inst.status, inst.ended_at) == (
        "cities", "run 1", {"sources": ["cities"]}, "running", None,
    )  # fmt: skip
    assert (header.job_inst_id, header.status, header.last_error) == (instance.job_inst_id, "running", None)
    with instance.task("extract", source="cities"):
        (task,) = rows(database, job_inst_task)
        assert (task.task, task.parameters, task.status) == ("extract", {"source": "cities"}, "running")
    instance.close()
    (inst,), (header,), (task,) = (rows(database, table) for table in (job_inst, log_header, job_inst_task))
    assert inst.status == header.status == task.status == "succeeded"
    assert inst.started_at <= task.started_at <= task.ended_at <= inst.ended_at


def test_a_job_instance_ends_as_badly_as_its_worst_task(database: Engine) -> None:
    instance = JobInstance(database, "cities", "run 1", {})
    with instance.task("checks") as outcome:
        outcome.worsen("halted")
    with instance.task("historical"):
        pass
    instance.close()
    assert [task.status for task in rows(database, job_inst_task)] == ["halted", "succeeded"]
    assert rows(database, job_inst)[0].status == "halted"


@pytest.mark.parametrize(
    ("error", "has_trace"), [(HeadwaterError("no network"), False), (KeyError("oops"), True)]
)
def test_a_task_that_raises_is_failed_with_its_error_in_the_log(
    database: Engine, error: Exception, has_trace: bool
) -> None:
    instance = JobInstance(database, "cities", "run 1", {})
    with pytest.raises(type(error)), instance.task("extract"):
        raise error
    instance.log("information", "went on")
    instance.close()
    (task,), (header,), (line, later) = (
        rows(database, table) for table in (job_inst_task, log_header, log_dtl)
    )
    assert task.status == header.status == rows(database, job_inst)[0].status == "failed"
    assert header.last_error == line.message == str(failure_of(error))
    assert (line.level, line.job_inst_task_id, line.context["task"]) == (
        "error",
        task.job_inst_task_id,
        "extract",
    )
    assert ("trace" in line.context) == has_trace
    assert (later.level, later.message, later.job_inst_task_id) == ("information", "went on", None)


def test_the_last_error_is_the_last_whoever_logged_it(database: Engine) -> None:
    first = SharedJobInstance.begin(database, "cities", "run 1", {})
    second = SharedJobInstance(database, "cities", "run 1")
    for process, level, message in (
        (first, "error", "one"), (second, "error", "two"), (first, "error", "three"), (second, "information", "well"),
    ):  # fmt: skip
        process.log(level, message)
    assert first.close() == "succeeded"
    assert rows(database, log_header)[0].last_error == "three"


def test_a_run_has_one_instance_of_a_job(database: Engine) -> None:
    JobInstance(database, "cities", "run 1", {}).close()
    with pytest.raises(sa.exc.IntegrityError):
        JobInstance(database, "cities", "run 1", {})


def test_rows_are_written_in_the_name_of_the_run_or_of_a_dbt_that_a_person_started(database: Engine) -> None:
    instance = JobInstance(database, "cities", "run 1", {})
    ask = sa.text("select metadata.this_job_inst(:job)")
    with database.connect() as connection:
        connection.exec_driver_sql("set headwater.run_id = 'run 1'")
        assert connection.execute(ask, {"job": "cities"}).scalar() == instance.job_inst_id
        with pytest.raises(sa.exc.DBAPIError, match="run run 1 has no job instance for job prices"):
            connection.execute(ask, {"job": "prices"})
        connection.rollback()
    with database.begin() as connection:
        local = connection.execute(ask, {"job": "cities"}).scalar()
    instance.close()
    by_hand = next(inst for inst in rows(database, job_inst) if inst.job_inst_id == local)
    assert (by_hand.job, by_hand.status, by_hand.runner) == ("cities", "succeeded", "dbt")


def test_a_session_may_write_for_another_job_than_that_of_the_source(database: Engine) -> None:
    instance = JobInstance(database, "bringing_on", "run 1", {})
    with database.connect() as connection:
        connection.exec_driver_sql("set headwater.run_id = 'run 1'; set headwater.job = 'bringing_on'")
        asked = connection.execute(sa.text("select metadata.this_job_inst('cities')"))
        assert asked.scalar() == instance.job_inst_id
    instance.close()


def test_tasks_of_many_processes_share_a_job_instance_with_the_parameters_it_began_with(
    database: Engine,
) -> None:
    SharedJobInstance.begin(database, "cities", "run 1", {"is_full_load": True})
    again = SharedJobInstance.begin(database, "cities", "run 1", {"is_full_load": False})
    joined = SharedJobInstance(database, "cities", "run 1")
    assert joined.parameters == again.parameters == {"is_full_load": True}
    (inst,) = rows(database, job_inst)
    assert (inst.runner, inst.status, inst.job_inst_id) == ("airflow", "running", joined.job_inst_id)
    with joined.task("discover"):
        assert joined.job_inst_task_id == rows(database, job_inst_task)[0].job_inst_task_id
        joined.log("detail", "asked")
    assert rows(database, log_dtl)[0].job_inst_task_id is not None
    assert SharedJobInstance(database, "cities", "run 1").close() == "succeeded"
    with pytest.raises(HeadwaterError, match="cities: the run run 2 has no job instance"):
        SharedJobInstance(database, "cities", "run 2")


def test_a_shared_job_instance_ends_as_the_last_tries_of_its_tasks_say(database: Engine) -> None:
    def tried(task: str, ends: str, map_index: int | None = None) -> None:
        joined = SharedJobInstance(database, "cities", "run 1")
        with joined.attempt(task, 1, map_index) as outcome, joined.task("raw") as within:
            outcome.worsen(ends)
            within.worsen("failed")  # what happens within counts for as much as its task says

    def closed() -> str:
        return SharedJobInstance(database, "cities", "run 1").close()

    SharedJobInstance.begin(database, "cities", "run 1", {})
    tried("load", "failed", 0)
    tried("load", "succeeded", 1)
    assert closed() == "failed"
    tried("load", "succeeded", 0)
    assert closed() == "succeeded"
    tried("checks", "halted")
    tried("historical", "succeeded")
    assert closed() == rows(database, job_inst)[0].status == rows(database, log_header)[0].status == "halted"


def test_a_task_whose_process_died_is_failed_by_its_next_try_and_by_the_end(database: Engine) -> None:
    def killed(map_index: int) -> None:
        joined = SharedJobInstance(database, "cities", "run 1")
        with joined.attempt("load", 1, map_index), joined.task("raw"):
            pass
        last_two = (
            sa.select(job_inst_task.c.job_inst_task_id)
            .order_by(job_inst_task.c.job_inst_task_id.desc())
            .limit(2)
        )
        with database.begin() as connection:
            connection.execute(
                job_inst_task.update()
                .where(job_inst_task.c.job_inst_task_id.in_(last_two))
                .values(status="running", ended_at=None)
            )

    SharedJobInstance.begin(database, "cities", "run 1", {})
    for map_index in (0, 1, 0):
        killed(map_index)
    assert [task.status for task in rows(database, job_inst_task)] == ["failed"] * 2 + ["running"] * 4
    assert SharedJobInstance(database, "cities", "run 1").close() == "failed"
    assert {task.status for task in rows(database, job_inst_task)} == {"failed"}


def test_a_process_with_many_job_instances_holds_one_connection_for_all_of_them(database: Engine) -> None:
    life = Life(database)
    many = [JobInstance(database, f"job_{number}", "run 1", {}, life) for number in range(100)]

    assert checked_out(database) == 1
    assert close_abandoned(database) == []
    many.pop().close()
    assert close_abandoned(database) == []
    for instance in many:
        instance.close()
    life.end()
    assert checked_out(database) == 0
    assert {inst.status for inst in rows(database, job_inst)} == {"succeeded"}


def checked_out(database: Engine) -> int:
    """Return the number of connections that the pool has given out and not got back."""
    assert isinstance(database.pool, QueuePool)
    return database.pool.checkedout()


def test_what_is_logged_of_odd_names_and_values_is_stored_with_them_spelled(database: Engine) -> None:
    instance = JobInstance(database, "cities", "run 1", {})
    with instance.task("extract", source="a\0b"):
        instance.log("error", "no file a\0b, st\udce9", names=["a\0b"], **{"at\udce9": ("x\0",)})
    (task,), (line,), (header,) = (rows(database, table) for table in (job_inst_task, log_dtl, log_header))
    assert task.parameters == {"source": r"a\x00b"}
    assert line.message == header.last_error == r"no file a\x00b, st\udce9"
    assert line.context == {"names": [r"a\x00b"], r"at\udce9": [r"x\x00"]}
    instance.close()


def test_a_task_that_fails_with_an_odd_message_fails_with_it(database: Engine) -> None:
    instance = JobInstance(database, "cities", "run 1", {})
    with pytest.raises(UnicodeError), instance.task("extract"):
        raise UnicodeError("a\0b")
    (line,) = rows(database, log_dtl)
    assert r"UnicodeError: a\x00b" in line.message
    assert "\0" not in str(line.context)
    instance.close()


def test_an_error_that_is_raised_from_task_to_task_is_on_record_once(database: Engine) -> None:
    SharedJobInstance.begin(database, "cities", "run 1", {})
    joined = SharedJobInstance(database, "cities", "run 1")
    with suppress(StepFailed), joined.attempt("cities_extract.land", 1, 0):
        with suppress(HeadwaterError), joined.task("land"):
            raise HeadwaterError("no network")
        joined.log("error", "prices: cannot be landed")
        raise StepFailed(
            "cities: no network", "prices: cannot be landed", "ratings: is another\nof two lines"
        )
    lines = rows(database, log_dtl)
    assert [line.message for line in lines] == [
        "no network", "prices: cannot be landed", "ratings: is another\nof two lines",
    ]  # fmt: skip
    assert rows(database, log_header)[0].last_error == lines[-1].message


@pytest.mark.parametrize("local", ["its own error", None])
def test_a_process_that_is_ended_from_outside_keeps_its_own_last_error(
    database: Engine, local: str | None
) -> None:
    instance = JobInstance(database, "cities", "run 1", {})
    with suppress(KeyboardInterrupt), instance.task("extract"):
        if local:
            instance.log("error", local)
        raise KeyboardInterrupt
    instance.log_failure(KeyboardInterrupt())  # as whoever opened the instance does
    instance.close()
    (header,) = rows(database, log_header)
    ended = "ended from outside: KeyboardInterrupt"
    assert (header.last_error, header.closed_why) == (local or ended, ended)
    assert [line.message for line in rows(database, log_dtl)] == [*([local] if local else []), ended]


def test_runs_tasks_and_headers_have_the_columns_that_customers_ask_for(database: Engine) -> None:
    JobInstance(database, "cities", "run 0", {}, kind="rebuild", etl_steps="TL").close()
    parameters = {"is_full_load": True, "del_temp_data": True}
    SharedJobInstance.begin(database, "cities", "run 1", parameters, "E")
    joined = SharedJobInstance(database, "cities", "run 1")
    with joined.attempt("cities_extract.land", 1, 0, etl_step="E", step_seq=7), joined.task("land"):
        pass
    with joined.attempt("tell", 1):
        pass
    joined.close()
    terminal = JobInstance(database, "cities", "run 2", {})
    for name in ("discover", "check", "historize", "marts"):
        with terminal.task(name):
            pass
    terminal.close()
    assert [
        (i.kind, i.etl_steps, i.is_full_load, i.del_temp_data, i.runner) for i in rows(database, job_inst)
    ] == [
        ("rebuild", "TL", False, False, "terminal"), ("run", "E", True, True, "airflow"),
        ("run", None, False, False, "terminal"),
    ]  # fmt: skip
    assert {header.job_name for header in rows(database, log_header)} == {"cities"}
    assert [(task.task, task.etl_step, task.step_seq) for task in rows(database, job_inst_task)] == [
        ("cities_extract.land", "E", 7), ("land", "E", 7), ("tell", None, None),
        ("discover", "E", None), ("check", "T", None), ("historize", "L", None), ("marts", None, None),
    ]  # fmt: skip


def test_threads_that_share_a_job_instance_log_each_within_its_own_task(database: Engine) -> None:
    instance = JobInstance(database, "market", "run 1", {})
    both_run = threading.Barrier(2)

    def run(source: str) -> None:
        with instance.task("extract", source=source):
            both_run.wait(20)
            instance.log("information", source)
            both_run.wait(20)

    threads = [threading.Thread(target=run, args=(source,)) for source in ("prices", "ratings")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    task_of = {task.parameters["source"]: task.job_inst_task_id for task in rows(database, job_inst_task)}
    logged = {line.message: line.job_inst_task_id for line in rows(database, log_dtl)}
    assert logged == task_of
    instance.close()
