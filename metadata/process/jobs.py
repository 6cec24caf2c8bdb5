"""Job instances: a run of a job, its tasks and its log, on record while it goes and when it ends."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from metadata.errors import HeadwaterError
from metadata.process.tables import job_inst, job_inst_task, log_dtl, log_header
from metadata.redaction import redact, redact_all

CLOSED_BY_NEXT_RUN = "the process ended without closing its job instance"
_now = sa.func.clock_timestamp


@dataclass
class Outcome:
    """How a task or a job instance ends; the worst that was said of it stays."""

    status: str = "succeeded"

    def worsen(self, status: str) -> None:
        order = ("succeeded", "halted", "failed")
        self.status = max(self.status, status, key=order.index)


class JobInstance:
    """One run of one job. While it is open its process holds an advisory lock, by which others see that it lives."""

    def __init__(self, engine: Engine, job: str, run_id: str, parameters: Mapping[str, Any]) -> None:
        self.job, self.run_id, self.outcome = job, run_id, Outcome()
        self._engine = engine
        self._alive = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        with engine.begin() as connection:
            self.job_inst_id: int = connection.execute(
                job_inst.insert()
                .values(
                    job=job, run_id=run_id, parameters=dict(parameters), status="running", started_at=_now()
                )
                .returning(job_inst.c.job_inst_id)
            ).scalar_one()
            # held before the row is visible, so that nobody takes a run that just begins for a dead one
            self._alive.execute(_lock("pg_advisory_lock", self.job_inst_id))
            self._log_header_id: int = connection.execute(
                log_header.insert()
                .values(job_inst_id=self.job_inst_id, status="running", started_at=_now())
                .returning(log_header.c.log_header_id)
            ).scalar_one()

    @contextmanager
    def task(self, name: str, **parameters: Any) -> Iterator[Outcome]:
        """Run the body as a task on record; an exception makes it failed, with its message in the log, and goes on."""
        with self._engine.begin() as connection:
            task_id: int = connection.execute(
                job_inst_task.insert()
                .values(
                    job_inst_id=self.job_inst_id,
                    task=name,
                    parameters=parameters,
                    status="running",
                    started_at=_now(),
                )
                .returning(job_inst_task.c.job_inst_task_id)
            ).scalar_one()
        outcome = Outcome()
        try:
            yield outcome
        except BaseException as error:
            outcome.worsen("failed")
            trace = {} if isinstance(error, HeadwaterError) else {"trace": traceback.format_exc()}
            self.log("error", str(error) or type(error).__name__, task_id=task_id, task=name, **trace)
            raise
        finally:
            self.outcome.worsen(outcome.status)
            with self._engine.begin() as connection:
                connection.execute(
                    job_inst_task.update()
                    .where(job_inst_task.c.job_inst_task_id == task_id)
                    .values(status=outcome.status, ended_at=_now())
                )

    def log(self, level: str, message: str, *, task_id: int | None = None, **context: Any) -> None:
        """Write a line of log, without secrets; level is detail, information or error.

        An error becomes the header's last one.
        """
        message, context = redact(message), redact_all(context)
        with self._engine.begin() as connection:
            connection.execute(
                log_dtl.insert().values(
                    log_header_id=self._log_header_id, job_inst_task_id=task_id,
                    level=level, message=message, context=context, logged_at=_now(),
                )
            )  # fmt: skip
            if level == "error":
                connection.execute(
                    log_header.update()
                    .where(log_header.c.log_header_id == self._log_header_id)
                    .values(last_error=message)
                )

    def close(self) -> None:
        """Write how it ended: as badly as its worst task, or as `outcome` was made to say."""
        with self._engine.begin() as connection:
            _close(connection, self.job_inst_id, self.outcome.status)
        self._alive.execute(_lock("pg_advisory_unlock", self.job_inst_id))
        self._alive.close()


def close_abandoned(engine: Engine) -> list[int]:
    """Close, as failed, the job instances whose process is gone; returns their ids."""
    closed = []
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        running = connection.execute(sa.select(job_inst.c.job_inst_id).where(job_inst.c.status == "running"))
        running_ids: Sequence[int] = running.scalars().all()
        for job_inst_id in running_ids:
            if connection.execute(_lock("pg_try_advisory_lock", job_inst_id)).scalar():
                with engine.begin() as writing:
                    _close(writing, job_inst_id, "failed", last_error=CLOSED_BY_NEXT_RUN)
                connection.execute(_lock("pg_advisory_unlock", job_inst_id))
                closed.append(job_inst_id)
    return closed


def _lock(function: str, job_inst_id: int) -> sa.Select[Any]:
    name = sa.func.hashtextextended(f"headwater job instance {job_inst_id}", 0)
    return sa.select(getattr(sa.func, function)(name))


def _close(connection: Connection, job_inst_id: int, status: str, **header: str) -> None:
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
        .values(status="failed", ended_at=_now())
    )
    connection.execute(
        log_header.update()
        .where(log_header.c.job_inst_id == job_inst_id, log_header.c.status == running)
        .values(**ended, **header)
    )
