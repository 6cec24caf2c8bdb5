"""A run whose tasks are processes of their own: they share one job instance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.metadata.connection import engine as new_engine
from headwater.metadata.errors import StepHalted
from headwater.metadata.process.jobs import SharedJobInstance
from headwater.pipeline.preparation import Say
from headwater.pipeline.step_audit import (
    Place,
    place_of,
)
from headwater.project import Project

WITHOUT_A_WORD = (
    "its process ended before it could say why: killed from outside (kill -9, no memory left, a time limit), or Airflow"
    " could not begin it. The last lines of its log in Airflow name the signal"
)


@dataclass(frozen=True)
class Attempt:
    """One try of a task. `map_index` is its number among tasks that are alike, None when there is but one."""

    task: str
    try_number: int
    map_index: int | None = None


class SharedRun:
    """A run whose tasks are processes of their own, by the name of `run_id`: each of them joins what the first began.

    Raises `NoJobInstance` when none has.
    """

    def __init__(
        self, project: Project, job: str, run_id: str, say: Say, *, engine: Engine | None = None
    ) -> None:
        self._project, self._say = project, say
        self._engine = engine or new_engine()
        self._instance = SharedJobInstance(self._engine, job, run_id)

    @property
    def job_inst_id(self) -> int:
        """The number of its job instance."""
        return self._instance.job_inst_id

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Return what the run was begun with, whatever the metadata says by now."""
        return self._instance.parameters

    @contextmanager
    def attempt(self, attempt: Attempt, **more: Any) -> Iterator[None]:
        """Run the body as one try of a task, on record. What it raises is the error of the task."""
        with self._instance.attempt(attempt.task, attempt.try_number, attempt.map_index, **more) as outcome:
            halted: StepHalted | None = None
            try:
                yield
            except StepHalted as error:  # on record where it was checked
                outcome.worsen("halted")
                halted = error
        if halted is not None:
            raise halted

    def finish(self, not_well: Mapping[str, str]) -> str:
        """Close the job instance with the truth, and return its status.

        `not_well` is what Airflow says of the tasks that did not go well, by their names: one may have died before
        it could say anything itself.
        """
        recorded = {task for (task, _), status in self._instance.statuses().items() if status != "succeeded"}
        for task, state in sorted(not_well.items()):
            if task not in recorded:
                self._instance.outcome.worsen("failed")
                if state == "failed":
                    message = f"{task}: {WITHOUT_A_WORD}"
                    self._instance.log_end(message)
                    self._say(message)
        return self._instance.close()

    def abort(self, error: BaseException) -> None:
        """Close the job instance as failed: something has broken the run off."""
        self._instance.outcome.worsen("failed")
        self._instance.log_failure(error)
        self._instance.close()

    @property
    def place(self) -> Place:
        """Return where the database is that it writes to."""
        with self._engine.connect() as connection:
            return place_of(connection)

    @property
    def last_error(self) -> str | None:
        """The last error that was logged."""
        ask = sa.text("select last_error from metadata.log_header where job_inst_id = :job_inst_id")
        with self._engine.connect() as connection:
            return connection.execute(ask, {"job_inst_id": self.job_inst_id}).scalar()

    def log(self, level: str, message: str, **context: Any) -> None:
        """Write to the run's log, and say it."""
        self._instance.log(level, message, **context)
        self._say(message)
