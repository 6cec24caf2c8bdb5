"""A run of the marts whose tasks are processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Engine

from headwater.dbt_project import marts
from headwater.metadata.connection import session_lock
from headwater.metadata.errors import StepFailed
from headwater.metadata.process.jobs import SharedJobInstance
from headwater.metadata.process.liveness import Life
from headwater.metadata.process.orphaned_runs import close_ended
from headwater.metadata.static.load import row_names
from headwater.pipeline.model_runner import ModelRunner
from headwater.pipeline.preparation import Say, open_database
from headwater.pipeline.shared_run import SharedRun
from headwater.project import Project


class MartsRun(SharedRun):
    """A run that builds the marts that are made of something else now: its parameters say of what."""

    JOB = "marts"

    @classmethod
    def begin(
        cls,
        project: Project,
        run_id: str,
        say: Say,
        how_ended: Callable[[str, str], str | None] = lambda _job, _run_id: None,
        life: Life | None = None,
        engine: Engine | None = None,
    ) -> MartsRun | None:
        """Put a run on record; None when the marts are made of what they would be made of now."""
        engine = engine or open_database(project)
        close_ended(engine, how_ended, cls.JOB)
        unbuilt = marts.unbuilt(engine, row_names(project.seeds, "source"))
        waiting = marts.waiting(project, unbuilt)
        made_of = marts.made_of(project, engine, waiting)
        due = marts.due(made_of, marts.last_made_of(engine))
        if not due:
            return None
        parameters = {"made_of": made_of, "due": due, "unbuilt": unbuilt, "waiting": waiting}
        SharedJobInstance.begin(engine, cls.JOB, run_id, parameters, life=life)
        return cls(project, cls.JOB, run_id, say, engine=engine)

    def build(self, model: str, runner: ModelRunner) -> str | None:
        """Build one of them, beside others; return why it is not built, or None. Raises `StepFailed`."""
        if missing := self.parameters["waiting"].get(model):
            of = ", ".join(missing)
            self.log("information", f"{model}: not built, as there is no history yet of {of}")
            return f"{model}: there is no history yet of {of}"
        if model not in self.parameters["due"]:
            return f"{model}: it is made of what it would be made of now"
        with session_lock(self._engine, marts.LOCK, is_shared=True):
            (outcome,) = runner.run([model])
        if outcome.error is not None:
            raise StepFailed(str(outcome.error))
        return None

    def finish(self, not_well: Mapping[str, str]) -> str:
        """As that of any run, and on record what they are made of, for who would build them again."""
        if not not_well:
            with self._instance.task(marts.TASK, made_of=self.parameters["made_of"]):
                pass
        return super().finish(not_well)
