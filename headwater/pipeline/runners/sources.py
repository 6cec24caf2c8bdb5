"""Chosen sources in a terminal: from their publishers to history, each step asking what is there and not processed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from uuid import uuid4

from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.metadata.process.orphaned_runs import close_abandoned
from headwater.metadata.static.model import Catalog, Source
from headwater.metadata.static.source_types import find_type
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.context import RunContext
from headwater.pipeline.layer_builds import IsReload
from headwater.pipeline.models import Models
from headwater.pipeline.preparation import Say, chosen, prepare
from headwater.pipeline.results import RunResult, SourceResult
from headwater.pipeline.run_record import RunRecord
from headwater.pipeline.side_by_side import default_at_once
from headwater.pipeline.steps.build_marts import build_marts
from headwater.pipeline.steps.check import check
from headwater.pipeline.steps.clean_up import clean_up
from headwater.pipeline.steps.historize import historize, reload
from headwater.pipeline.steps.land import extract
from headwater.pipeline.steps.load_raw import load_raw
from headwater.pipeline.steps.register import register
from headwater.pipeline.steps.stage import stage
from headwater.project import Project


def run(project: Project, names: Sequence[str], say: Say, at_once: int | None = None) -> RunResult:
    """Run the named sources, or all whose job is active, `at_once` of them side by side.

    One that fails does not stop the others.
    """
    at_once = at_once or default_at_once()
    catalog, engine = prepare(project, lambda catalog: chosen(catalog, names), at_once)
    sources = chosen(catalog, names)
    close_abandoned(engine)
    return SourcesRun(project, engine, catalog, sources, say, at_once=at_once).whole()


class SourcesRun:
    """A run of some sources, in this process, on record as one job instance for each job that they belong to."""

    def __init__(
        self,
        project: Project,
        engine: Engine,
        catalog: Catalog,
        sources: Sequence[Source],
        say: Say,
        *,
        is_offline: bool = False,
        at_once: int | None = None,
        is_reload: IsReload | None = None,
    ) -> None:
        """Prepare the context of the steps; an `is_offline` run asks no publisher.

        Steps that are Python go side by side for `at_once` sources, and dbt runs as many models; by default one source,
        and the models as the profile says. `is_reload` is that of `RunContext`.
        """
        self.run_id = str(uuid4())
        self.results = {source.name: SourceResult(source=source.name) for source in sources}
        self.sources = {source.name: source for source in sources}
        self.is_offline = is_offline
        self._every_source = tuple(catalog.sources)
        is_all = len(sources) == len(catalog.sources)
        record = RunRecord(engine, project.home, self.run_id, self.results, say)
        models = Models(
            project,
            self.run_id,
            None if is_all else list(self.results),
            say,
            record.keep_trace,
            at_once=at_once,
        )
        self.context = RunContext(
            project, engine, ObjectStore.from_environment(), record, models, say, at_once or 1, is_reload
        )

    def whole(self) -> RunResult:
        """All steps, in order."""
        context, sources = self.context, self.sources
        with self.job_instances("run", "TL" if self.is_offline else "ETL"):
            if self.is_offline:
                context.each(StepName.REGISTER, sources.values(), register, load_raw)
            else:
                context.each(
                    StepName.DISCOVER, sources.values(), extract, load_raw, alone_in=shared_publisher
                )
            self.load_seeds()
            stage(context, sources)
            context.each(StepName.CHECK, sources.values(), check)
            reload(context, sources)
            context.list_checked()
            historize(context, sources)
            for name in sources:
                with context.record.spared(name, StepName.HISTORIZE):
                    context.record.log_fallen_out(name)
            self.build_marts(sources)
            context.each(StepName.CLEAN_UP, sources.values(), clean_up)
        return self.result()

    def clean_up_alone(self) -> RunResult:
        """The last step alone."""
        with self.job_instances("purge"):
            self.context.each(StepName.CLEAN_UP, self.sources.values(), clean_up)
        return self.result()

    def job_instances(self, kind: str, etl_steps: str | None = None) -> AbstractContextManager[None]:
        """Open a job instance for each job; `kind` is one of KINDS, `etl_steps` what it does of ETL."""
        return self.context.record.job_instances(self.sources.values(), kind=kind, etl_steps=etl_steps)

    def load_seeds(self) -> None:
        """Load the static metadata into Postgres, if it is not what is there."""
        if self.context.models.load_seeds(self.context.engine):
            self.context.say("metadata: loaded the seeds into Postgres")

    def build_marts(self, names: Iterable[str]) -> None:
        """Build the marts, if they are made of something else by now: on record in the jobs of some sources."""
        build_marts(self.context, names, self._every_source)

    def result(self) -> RunResult:
        """Return what has come of the run so far."""
        record = self.context.record
        return RunResult(
            self.run_id, tuple(self.results.values()), tuple(record.marts_failures), tuple(record.failures)
        )


def shared_publisher(source: Source) -> str | None:
    """Return who is asked by one source at a time; a system of our own can be asked by many."""
    publisher = source.data_source
    declared = find_type(publisher.data_source_type)
    return publisher.name if declared and declared.asks_one_at_a_time else None
