"""Questions about history: what a decision would do to it, and what was known at a moment. Nothing of it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from sqlalchemy import Engine

from headwater.checks import foresee_verdict
from headwater.dbt_project.dry_run import DryRunResult
from headwater.metadata.errors import HeadwaterError
from headwater.metadata.process.deliveries import lock_source
from headwater.metadata.static.model import Catalog, Source
from headwater.metadata.static.step_names import StepName
from headwater.pipeline import retention
from headwater.pipeline.preparation import Say, counted
from headwater.pipeline.runners.sources import SourcesRun
from headwater.pipeline.steps.load_raw import load_raw
from headwater.pipeline.steps.stage import stage
from headwater.project import Project


class Question:
    """A run that asks about one source. Of it stay its job instance, and what had to be staged until the next purge."""

    def __init__(self, project: Project, engine: Engine, catalog: Catalog, source: Source, say: Say) -> None:
        self._run = SourcesRun(project, engine, catalog, [source], say, is_offline=True)
        self._context, self._source = self._run.context, source

    def dry_run(self, event: str, delivery_sqn: int, checks: Sequence[str]) -> DryRunResult:
        """Return what an event would do to history; only the job instance of asking it stays,
        and what had to be staged."""
        name = self._source.name
        with self._run.job_instances("dry_run"):
            self._bring_back(retention.unstaged_for_decision(self._context.engine, event, delivery_sqn))
            with self._task(event, delivery_sqn):
                self._context.say(f"{name}: making history as if it were so, and taking it back")
                return self._context.models.dry_run(name, event, delivery_sqn, checks)

    def dry_run_of_replay(self, delivery_sqn: int) -> DryRunResult:
        """Return what today's checks would say of a delivery as it is staged,
        and what would come of that in history."""
        engine, say, name = self._context.engine, self._context.say, self._source.name
        with self._run.job_instances("dry_run"):
            self._bring_back(retention.unstaged_for_decision(engine, "replayed", delivery_sqn))
            with self._task("replayed", delivery_sqn):
                say(f"{name}: checking delivery {delivery_sqn} by today's checks")
                verdict = foresee_verdict(engine, self._source, delivery_sqn)
                event = "passed" if verdict.passed else "halted"
                say(f"{name}: making history as if it were so, and taking it back")
                would = self._context.models.dry_run(name, event, delivery_sqn, ())
                return replace(would, verdict=event, why=verdict.why)

    def bring_back(self, sqns: Sequence[int]) -> None:
        """Stage deliveries again that a question needs and history does not. Raises `HeadwaterError` when S3 cannot."""
        with self._run.job_instances("recall"):
            self._bring_back(sqns)

    def _task(self, event: str, delivery_sqn: int) -> AbstractContextManager[object]:
        job = self._context.job(self._source)
        return job.task(StepName.DRY_RUN, event=event, delivery_sqn=delivery_sqn)

    def _bring_back(self, sqns: Sequence[int]) -> None:
        if not sqns:
            return
        context, source = self._context, self._source
        context.say(f"{source.name}: bringing {counted(len(sqns))} back from S3")
        job_inst_id = context.job(source).job_inst_id
        with context.engine.begin() as connection:
            lock_source(connection, source.name)
            retention.recall(connection, sqns, job_inst_id)
        try:
            load_raw(context, source, sqns)
            stage(context, self._run.sources)
        finally:
            retention.forget_recalls(context.engine, source.name, job_inst_id)
        if failures := self._run.results[source.name].failures:
            raise HeadwaterError("; ".join(failures))
