"""Job instances: the record of a run of a job, its tasks and its log, during the run and after it.

A run in a terminal is one process; a run in Airflow has many, one for each task, in sequence or in parallel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.dialects.postgresql import Insert, distinct_on, insert
from sqlalchemy.sql.dml import ReturningInsert

from headwater.metadata.errors import NoJobInstance
from headwater.metadata.process.job_metadata import keep_job_metadata, kept_job_metadata
from headwater.metadata.process.liveness import Life
from headwater.metadata.process.recorded_run import Outcome, RecordedRun, now
from headwater.metadata.process.tables import job_inst, job_inst_task, log_header

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


# the step of ETL of what a terminal does; a task of Airflow has that of its job_task, and what runs within it, too


HAS_DIED = {"has_died": True}  # among the parameters of a try whose process died before it recorded its end


class JobInstance(RecordedRun):
    """One run of one job. While it is open its process holds an advisory lock, by which others see that it lives.

    The job instances of one run share a `life`, which whoever made it ends. `kind` is one of KINDS, `etl_steps` what it
    does of ETL.
    """

    def __init__(
        self, engine: Engine, job: str, run_id: str, parameters: Mapping[str, Any], life: Life | None = None, *,
        kind: str = "run", etl_steps: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(engine)
        self.job, self.run_id = job, run_id
        self._own_life = Life(engine) if life is None else None
        its_life = life or self._own_life
        assert its_life is not None
        with engine.begin() as connection:
            self.job_inst_id = connection.execute(
                _new_job_inst(job, run_id, "terminal", parameters, kind=kind, etl_steps=etl_steps).returning(
                    job_inst.c.job_inst_id
                )
            ).scalar_one()
            # held before the row is visible, so that nobody takes a run that just begins for a dead one
            its_life.show(self.job_inst_id)
            self._log_header_id = connection.execute(_new_log_header(self.job_inst_id, job)).scalar_one()

    def close(self) -> None:
        """Record its end, with the status of its worst task, or with `outcome`.

        If its lock was lost, another process may have closed it; this status replaces that one.
        """
        try:
            with self._engine.begin() as connection:
                _reopen(connection, self.job_inst_id, self._errors[-1] if self._errors else None)
                end(connection, self.job_inst_id, self.outcome.status)
        finally:
            if self._own_life is not None:
                self._own_life.end()


class SharedJobInstance(RecordedRun):
    """One run of one job whose tasks join it by the run's name: each a process of Airflow, or a thread of a terminal.

    Airflow knows whether a run of its own lives; that of a terminal shows it by its `Life`. `parameters` are those with
    which it was begun, whatever metadata says by now.
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
                .values(status="running", ended_at=None, closed_why=None)
                .returning(log_header.c.log_header_id)
            ).scalar_one()

    @classmethod
    def begin(
        cls,
        engine: Engine,
        job: str,
        run_id: str,
        parameters: Mapping[str, Any],
        etl_steps: str | None = None,
        rows: Mapping[str, Any] | None = None,
        life: Life | None = None,
    ) -> SharedJobInstance:
        """Record a run, with the rows of static metadata that it uses, if any.

        An existing one, whose first task runs again, keeps its parameters and gets the present rows. With a
        `life` it is a run in a terminal.
        """
        runner = "airflow" if life is None else "terminal"
        loads = {name: bool(parameters.get(name)) for name in ("is_full_load", "del_temp_data")}
        with engine.begin() as connection:
            made: int | None = connection.execute(
                _new_job_inst(job, run_id, runner, parameters, etl_steps=etl_steps, **loads)
                .on_conflict_do_nothing()
                .returning(job_inst.c.job_inst_id)
            ).scalar_one_or_none()
            if made is not None:
                if life is not None:  # before the row is visible, so that nobody takes it for a dead one
                    life.show(made)
                connection.execute(_new_log_header(made, job))
            if rows is not None:
                keep_job_metadata(connection, job, run_id, rows)
        return cls(engine, job, run_id)

    def job_metadata(self) -> Mapping[str, Any] | None:
        """The rows of static metadata that it goes on with; None where none were kept."""
        with self._engine.connect() as connection:
            return kept_job_metadata(connection, self.job_inst_id)

    @contextmanager
    def attempt(
        self, task: str, try_number: int, map_index: int | None = None, **more: Any
    ) -> Iterator[Outcome]:
        """Run the body as one try of a task; `map_index` is its number among mapped tasks.

        A recorded earlier try that still seems to run has lost its process.
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
                .values(status="failed", ended_at=now(), parameters=_died())
            )
        with self.task(task, **more, try_number=try_number, map_index=map_index) as outcome:
            self._tried = self.job_inst_task_id
            yield outcome

    @property
    def tried_since(self) -> datetime | None:
        """Return the begin of the last try in this process, or of the first earlier one that died. None without a try.

        A dead try could not report what it did, so the next try reports that, too.
        """
        with self._engine.connect() as connection:
            asked = connection.execute(sa.text(_TRIED_SINCE), {"job_inst_task_id": self._tried})
            since: datetime | None = asked.scalar()
        return since

    def statuses(self) -> dict[tuple[str, int | None], str]:
        """Return how the last try of each task ended or that it runs:
        (task, number among its like or None) → status."""
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
        """Record its end and return the status: that of the last try of its worst task.

        A task that still seems to run has lost its process and failed.
        """
        for status in self.statuses().values():
            self.outcome.worsen("failed" if status == "running" else status)
        with self._engine.begin() as connection:
            end(connection, self.job_inst_id, self.outcome.status)
        return self.outcome.status

    def _begin_task(
        self, connection: Connection, name: str, parameters: Mapping[str, Any], **columns: Any
    ) -> int:
        within = {"within": self.job_inst_task_id} if self._tasks else {}
        return super()._begin_task(connection, name, {**parameters, **within}, **columns)

    def _tries_of(self, task: str | None = None) -> Iterator[sa.ColumnElement[bool]]:
        """Yield what holds for the tries of tasks, of one or of all, and not for what runs within them."""
        yield job_inst_task.c.job_inst_id == self.job_inst_id
        yield job_inst_task.c.parameters.has_key("try_number")
        if task is not None:
            yield job_inst_task.c.task == task


def _new_job_inst(
    job: str, run_id: str, runner: str, parameters: Mapping[str, Any], **columns: Any
) -> Insert:
    return insert(job_inst).values(
        job=job,
        run_id=run_id,
        runner=runner,
        parameters=dict(parameters),
        status="running",
        started_at=now(),
        **columns,
    )


def _new_log_header(job_inst_id: int, job: str) -> ReturningInsert[Any]:
    return (
        log_header.insert()
        .values(job_inst_id=job_inst_id, job_name=job, status="running", started_at=now())
        .returning(log_header.c.log_header_id)
    )


def _died() -> sa.ColumnElement[Any]:
    """The parameters of a try that is closed by another process than its own."""
    return job_inst_task.c.parameters.concat(HAS_DIED)


def _reopen(connection: Connection, job_inst_id: int, last_error: str | None) -> None:
    """Have a job instance run again that another process took for dead, and closed."""
    running: dict[str, Any] = {"status": "running", "ended_at": None}
    of_header = {"last_error": last_error, "closed_why": None}
    for table, more in ((job_inst, {}), (log_header, of_header)):
        connection.execute(
            table.update()
            .where(table.c.job_inst_id == job_inst_id, table.c.status != "running")
            .values({**running, **more})
        )


def end(connection: Connection, job_inst_id: int, status: str, **header: Any) -> None:
    ended = {"status": status, "ended_at": now()}
    running = "running"
    connection.execute(
        job_inst.update()
        .where(job_inst.c.job_inst_id == job_inst_id, job_inst.c.status == running)
        .values(ended)
    )
    connection.execute(
        job_inst_task.update()
        .where(job_inst_task.c.job_inst_id == job_inst_id, job_inst_task.c.status == running)
        .values(status="failed", ended_at=now(), parameters=_died())
    )
    connection.execute(
        log_header.update()
        .where(log_header.c.job_inst_id == job_inst_id, log_header.c.status == running)
        .values(**ended, **header)
    )
