"""The record of a run: its tasks and its log, for every runner."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from headwater.metadata.errors import StepFailed
from headwater.metadata.failures import FAILURES, failure_of, is_foreseen, trace_of
from headwater.metadata.process.tables import job_inst_task, log_dtl, log_header
from headwater.metadata.redaction import redact, redact_all
from headwater.metadata.static.step_names import phase_of
from headwater.metadata.storable import storable_all
from headwater.metadata.visible import visible

now = sa.func.clock_timestamp


_worsening = threading.Lock()  # sources of one job go side by side


class Report(Protocol):
    """The receiver of progress: `RecordedRun.log` is one. `level` is detail, information or error."""

    def __call__(self, level: str, message: str, **context: Any) -> None: ...


@dataclass
class Outcome:
    """The end of a task or a job instance; the worst outcome stays."""

    status: str = "succeeded"

    def worsen(self, status: str) -> None:
        order = ("succeeded", "halted", "failed")
        with _worsening:
            self.status = max(self.status, status, key=order.index)


@dataclass(frozen=True)
class OpenTask:
    """A task that runs now in this process."""

    job_inst_task_id: int
    etl_step: str | None
    step_seq: int | None


class RecordedRun:
    """The record of a job instance while it runs, whoever runs it."""

    job: str
    run_id: str
    job_inst_id: int
    _log_header_id: int

    def __init__(self, engine: Engine) -> None:
        self.outcome = Outcome()
        self._engine = engine
        self._of_thread = threading.local()
        self._errors: list[str] = []  # that were logged by this process

    @contextmanager
    def task(
        self, name: str, *, etl_step: str | None = None, step_seq: int | None = None, **parameters: Any
    ) -> Iterator[Outcome]:
        """Record the body as a task; an exception marks it failed, logs its message, and propagates.

        Without an `etl_step` it has that of the enclosing task, or that of its name.
        """
        around = self._tasks[-1] if self._tasks else None
        etl_step = etl_step or (around and around.etl_step) or phase_of(name)
        step_seq = step_seq if step_seq is not None or around is None else around.step_seq
        with self._engine.begin() as connection:
            task_id = self._begin_task(connection, name, parameters, etl_step=etl_step, step_seq=step_seq)
        outcome, task = Outcome(), OpenTask(task_id, etl_step, step_seq)
        self._tasks.append(task)
        try:
            yield outcome
        except BaseException as error:
            outcome.worsen("failed")
            self.outcome.worsen("failed")
            with suppress(Exception):  # the failure itself is raised, not the failure to record it
                self.log_failure(error, task=name)
                self._end_task(task_id, outcome)
            raise
        else:
            self.outcome.worsen(outcome.status)
            self._end_task(task_id, outcome)
        finally:
            self._tasks.remove(task)

    @property
    def _tasks(self) -> list[OpenTask]:
        """Those that run now in this thread, the innermost last."""
        tasks: list[OpenTask] = self._of_thread.__dict__.setdefault("tasks", [])
        return tasks

    @property
    def job_inst_task_id(self) -> int | None:
        """The task that runs now in this thread."""
        return self._tasks[-1].job_inst_task_id if self._tasks else None

    def log(self, level: str, message: str, **context: Any) -> None:
        """Write a line of log, without secrets; level is detail, information or error.

        An error becomes the header's last one.
        """
        message = visible(redact(message))
        with self._engine.begin() as connection:
            self._write_line(connection, level, message, context)
            if level == "error":
                self._errors.append(message)
                connection.execute(self._header().values(last_error=message))

    def log_failure(self, error: BaseException, **context: Any) -> None:
        """Log why something failed, unless this process has: what is raised from task to task is one error.

        That a process is ended from outside is no error of its own: it takes no other's place as the header's last.
        """
        if not isinstance(error, FAILURES):
            self.log_end(f"ended from outside: {str(error) or type(error).__name__}", **context)
            return
        trace = {} if is_foreseen(error) else {"trace": trace_of(error)}
        for message in error.failures if isinstance(error, StepFailed) else (str(failure_of(error)),):
            self.log_once(message or type(error).__name__, **context, **trace)

    def log_once(self, message: str, **context: Any) -> None:
        """Log an error unless this process has, be it without what it is of in front."""
        answer = visible(redact(message))
        if not any(answer == logged or answer.endswith(f": {logged}") for logged in self._errors):
            self.log("error", message, **context)

    def log_end(self, message: str, **context: Any) -> None:
        """Log what another hand than the run's own did to it: beside its last error, which it is only without one."""
        message = visible(redact(message))
        if message in self._errors:
            return
        with self._engine.begin() as connection:
            self._write_line(connection, "error", message, context)
            self._errors.append(message)
            connection.execute(self._header().values(closed_by(message)))

    def _write_line(
        self, connection: Connection, level: str, message: str, context: Mapping[str, Any]
    ) -> None:
        connection.execute(
            log_dtl.insert().values(
                log_header_id=self._log_header_id, job_inst_task_id=self.job_inst_task_id,
                level=level, message=message, context=storable_all(redact_all(dict(context))), logged_at=now(),
            )
        )  # fmt: skip

    def _header(self) -> sa.Update:
        return log_header.update().where(log_header.c.log_header_id == self._log_header_id)

    def _end_task(self, task_id: int, outcome: Outcome) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                job_inst_task.update()
                .where(job_inst_task.c.job_inst_task_id == task_id)
                .values(status=outcome.status, ended_at=now())
            )

    def _begin_task(
        self, connection: Connection, name: str, parameters: Mapping[str, Any], **columns: Any
    ) -> int:
        began: int = connection.execute(
            job_inst_task.insert()
            .values(
                job_inst_id=self.job_inst_id,
                task=name,
                parameters=storable_all(dict(parameters)),
                status="running",
                started_at=now(),
                **columns,
            )
            .returning(job_inst_task.c.job_inst_task_id)
        ).scalar_one()
        return began


def closed_by(message: str) -> dict[str, Any]:
    """Return what a header holds once another hand than the run's own did something to it.

    The run's own error stays.
    """
    return {
        "closed_why": sa.func.concat_ws("; ", log_header.c.closed_why, message),
        "last_error": sa.func.coalesce(log_header.c.last_error, message),
    }
