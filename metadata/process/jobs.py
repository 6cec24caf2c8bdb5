"""Job instances: a run of a job, its tasks and its log, on record while it goes and when it ends.

One that a terminal runs is a process; one that Airflow runs is many, each a task, one after the other or at once.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.dialects.postgresql import Insert, distinct_on, insert
from sqlalchemy.sql.dml import ReturningInsert

from metadata.errors import HeadwaterError, NoJobInstance
from metadata.process.tables import job_inst, job_inst_task, log_dtl, log_header
from metadata.redaction import redact, redact_all

_TRIED_SINCE = """
with

own as (

    select * from metadata.job_inst_task where job_inst_task_id = :job_inst_task_id

),

earlier as (

    select tried.*
    from metadata.job_inst_task as tried
    inner join own using (job_inst_id, task)
    where tried.job_inst_task_id < own.job_inst_task_id
        and tried.parameters ? 'try_number'
        and tried.parameters -> 'map_index' is not distinct from own.parameters -> 'map_index'

)

select min(started_at)
from (
    select started_at from own
    union all
    select started_at
    from earlier
    where job_inst_task_id > (
        select coalesce(max(job_inst_task_id), 0) from earlier where not parameters ? 'has_died'
    )
) as untold
"""
HAS_DIED = {"has_died": True}  # among the parameters of a try whose process could not say how it ended
_now = sa.func.clock_timestamp


@dataclass
class Outcome:
    """How a task or a job instance ends; the worst that was said of it stays."""

    status: str = "succeeded"

    def worsen(self, status: str) -> None:
        order = ("succeeded", "halted", "failed")
        self.status = max(self.status, status, key=order.index)


class _JobInstance:
    """What is written of a job instance while it runs, whoever runs it."""

    job: str
    run_id: str
    job_inst_id: int
    _log_header_id: int

    def __init__(self, engine: Engine) -> None:
        self.outcome = Outcome()
        self._engine = engine
        self._tasks: list[int] = []  # that run now in this process, the innermost last

    @contextmanager
    def task(self, name: str, **parameters: Any) -> Iterator[Outcome]:
        """Run the body as a task on record; an exception makes it failed, with its message in the log, and goes on."""
        with self._engine.begin() as connection:
            task_id = self._begin_task(connection, name, parameters)
        outcome = Outcome()
        self._tasks.append(task_id)
        try:
            yield outcome
        except BaseException as error:
            outcome.worsen("failed")
            trace = {} if isinstance(error, HeadwaterError) else {"trace": traceback.format_exc()}
            self.log("error", str(error) or type(error).__name__, task=name, **trace)
            raise
        finally:
            self._tasks.pop()
            self.outcome.worsen(outcome.status)
            with self._engine.begin() as connection:
                connection.execute(
                    job_inst_task.update()
                    .where(job_inst_task.c.job_inst_task_id == task_id)
                    .values(status=outcome.status, ended_at=_now())
                )

    @property
    def job_inst_task_id(self) -> int | None:
        """The task that runs now in this process."""
        return self._tasks[-1] if self._tasks else None

    def log(self, level: str, message: str, **context: Any) -> None:
        """Write a line of log, without secrets; level is detail, information or error.

        An error becomes the header's last one.
        """
        message, context = redact(message), redact_all(context)
        with self._engine.begin() as connection:
            connection.execute(
                log_dtl.insert().values(
                    log_header_id=self._log_header_id, job_inst_task_id=self.job_inst_task_id,
                    level=level, message=message, context=context, logged_at=_now(),
                )
            )  # fmt: skip
            if level == "error":
                connection.execute(
                    log_header.update()
                    .where(log_header.c.log_header_id == self._log_header_id)
                    .values(last_error=message)
                )

    def _begin_task(self, connection: Connection, name: str, parameters: Mapping[str, Any]) -> int:
        began: int = connection.execute(
            job_inst_task.insert()
            .values(
                job_inst_id=self.job_inst_id,
                task=name,
                parameters=dict(parameters),
                status="running",
                started_at=_now(),
            )
            .returning(job_inst_task.c.job_inst_task_id)
        ).scalar_one()
        return began


class JobInstance(_JobInstance):
    """One run of one job. While it is open its process holds an advisory lock, by which others see that it lives."""

    def __init__(self, engine: Engine, job: str, run_id: str, parameters: Mapping[str, Any]) -> None:
        super().__init__(engine)
        self.job, self.run_id = job, run_id
        self._alive = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        with engine.begin() as connection:
            self.job_inst_id = connection.execute(
                _new_job_inst(job, run_id, "terminal", parameters).returning(job_inst.c.job_inst_id)
            ).scalar_one()
            # held before the row is visible, so that nobody takes a run that just begins for a dead one
            self._alive.execute(life_lock("pg_advisory_lock", self.job_inst_id))
            self._log_header_id = connection.execute(_new_log_header(self.job_inst_id)).scalar_one()

    def close(self) -> None:
        """Write how it ended: as badly as its worst task, or as `outcome` was made to say."""
        with self._engine.begin() as connection:
            end(connection, self.job_inst_id, self.outcome.status)
        self._alive.execute(life_lock("pg_advisory_unlock", self.job_inst_id))
        self._alive.close()


class SharedJobInstance(_JobInstance):
    """One run of one job whose tasks are processes of their own, of Airflow: each joins it by the run's name.

    No lock tells whether it lives; Airflow knows. `parameters` are those with which it was begun, whatever metadata
    says by now.
    """

    def __init__(self, engine: Engine, job: str, run_id: str) -> None:
        """Join what `begin` began; what was closed is open again. Raises `NoJobInstance` when there is nothing."""
        super().__init__(engine)
        self.job, self.run_id = job, run_id
        self._tried: int | None = None  # the last try in this process
        with engine.begin() as connection:
            row = connection.execute(
                job_inst.update()
                .where(job_inst.c.job == job, job_inst.c.run_id == run_id)
                .values(status="running", ended_at=None)
                .returning(job_inst.c.job_inst_id, job_inst.c.parameters)
            ).one_or_none()
            if row is None:
                raise NoJobInstance(f"{job}: the run {run_id} has no job instance: its first task makes it")
            self.job_inst_id, self.parameters = row.job_inst_id, dict(row.parameters)
            self._log_header_id = connection.execute(
                log_header.update()
                .where(log_header.c.job_inst_id == row.job_inst_id)
                .values(status="running", ended_at=None)
                .returning(log_header.c.log_header_id)
            ).scalar_one()

    @classmethod
    def begin(cls, engine: Engine, job: str, run_id: str, parameters: Mapping[str, Any]) -> SharedJobInstance:
        """Put a run on record; one that is there, since its first task is run again, keeps its parameters."""
        with engine.begin() as connection:
            made: int | None = connection.execute(
                _new_job_inst(job, run_id, "airflow", parameters)
                .on_conflict_do_nothing()
                .returning(job_inst.c.job_inst_id)
            ).scalar_one_or_none()
            if made is not None:
                connection.execute(_new_log_header(made))
        return cls(engine, job, run_id)

    @contextmanager
    def attempt(
        self, task: str, try_number: int, map_index: int | None = None, **more: Any
    ) -> Iterator[Outcome]:
        """Run the body as one try of a task, `map_index` being its number among its like.

        An earlier try that still runs on record, and what ran within it, has lost its process.
        """
        with self._engine.begin() as connection:
            earlier = sa.select(job_inst_task.c.job_inst_task_id).where(
                *self._tries_of(task),
                job_inst_task.c.parameters["map_index"].as_integer().is_not_distinct_from(map_index),
            )
            connection.execute(
                job_inst_task.update()
                .where(
                    job_inst_task.c.job_inst_id == self.job_inst_id,
                    job_inst_task.c.status == "running",
                    job_inst_task.c.job_inst_task_id.in_(earlier)
                    | job_inst_task.c.parameters["within"].as_integer().in_(earlier),
                )
                .values(status="failed", ended_at=_now(), parameters=_died())
            )
        with self.task(task, **more, try_number=try_number, map_index=map_index) as outcome:
            self._tried = self.job_inst_task_id
            yield outcome

    @property
    def tried_since(self) -> datetime | None:
        """When the last try in this process began, or the first of those before it that died; None without a try.

        What such a one did nobody could tell: the next try tells of it, too.
        """
        with self._engine.connect() as connection:
            asked = connection.execute(sa.text(_TRIED_SINCE), {"job_inst_task_id": self._tried})
            since: datetime | None = asked.scalar()
        return since

    def statuses(self) -> dict[tuple[str, int | None], str]:
        """How the last try of each task ended or that it runs: (task, number among its like or None) → status."""
        index = job_inst_task.c.parameters["map_index"].as_integer()
        last = (
            sa.select(job_inst_task.c.task, index.label("map_index"), job_inst_task.c.status)
            .ext(distinct_on(job_inst_task.c.task, index))
            .where(*self._tries_of())
            .order_by(job_inst_task.c.task, index, job_inst_task.c.job_inst_task_id.desc())
        )
        with self._engine.connect() as connection:
            return {(row.task, row.map_index): row.status for row in connection.execute(last)}

    def close(self) -> str:
        """Write how it ended, and return it: as badly as the last try of its worst task.

        A task that still runs has lost its process and failed.
        """
        for status in self.statuses().values():
            self.outcome.worsen("failed" if status == "running" else status)
        with self._engine.begin() as connection:
            end(connection, self.job_inst_id, self.outcome.status)
        return self.outcome.status

    def _begin_task(self, connection: Connection, name: str, parameters: Mapping[str, Any]) -> int:
        within = {"within": self._tasks[-1]} if self._tasks else {}
        return super()._begin_task(connection, name, {**parameters, **within})

    def _tries_of(self, task: str | None = None) -> Iterator[sa.ColumnElement[bool]]:
        """What holds for the tries of tasks, of one or of all, and not for what runs within them."""
        yield job_inst_task.c.job_inst_id == self.job_inst_id
        yield job_inst_task.c.parameters.has_key("try_number")
        if task is not None:
            yield job_inst_task.c.task == task


def _new_job_inst(job: str, run_id: str, runner: str, parameters: Mapping[str, Any]) -> Insert:
    return insert(job_inst).values(
        job=job,
        run_id=run_id,
        runner=runner,
        parameters=dict(parameters),
        status="running",
        started_at=_now(),
    )


def _new_log_header(job_inst_id: int) -> ReturningInsert[Any]:
    return (
        log_header.insert()
        .values(job_inst_id=job_inst_id, status="running", started_at=_now())
        .returning(log_header.c.log_header_id)
    )


def life_lock(function: str, job_inst_id: int) -> sa.Select[Any]:
    name = sa.func.hashtextextended(f"headwater job instance {job_inst_id}", 0)
    return sa.select(getattr(sa.func, function)(name))


def _died() -> sa.ColumnElement[Any]:
    """The parameters of a try that is closed by another process than its own."""
    return job_inst_task.c.parameters.concat(HAS_DIED)


def end(connection: Connection, job_inst_id: int, status: str, **header: str) -> None:
    ended = {"status": status, "ended_at": _now()}
    running = "running"
    connection.execute(
        job_inst.update()
        .where(job_inst.c.job_inst_id == job_inst_id, job_inst.c.status == running)
        .values(ended)
    )
    connection.execute(
        job_inst_task.update()
        .where(job_inst_task.c.job_inst_id == job_inst_id, job_inst_task.c.status == running)
        .values(status="failed", ended_at=_now(), parameters=_died())
    )
    connection.execute(
        log_header.update()
        .where(log_header.c.job_inst_id == job_inst_id, log_header.c.status == running)
        .values(**ended, **header)
    )
