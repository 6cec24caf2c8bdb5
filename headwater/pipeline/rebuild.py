"""Making the tables of sources anew from S3 and the metadata; deliveries, verdicts and decisions stay.

Each source stands alone. What it is made of is verified first; then raw and staging go aside and are made anew, and a
new history takes the place of the old one in the transaction that records it. Until then readers of history meet the
old one, and whatever fails puts tables and records back as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from headwater.dbt_project.generate import BOOKKEEPING
from headwater.extract.landing.verify import verify_archive
from headwater.metadata.errors import LedgerBroken, LoadFailed
from headwater.metadata.process.deliveries import lock_source
from headwater.metadata.process.orphaned_runs import close_abandoned
from headwater.metadata.process.rebuilds import is_set_aside, put_back, require_droppable, set_aside
from headwater.metadata.static.model import Catalog, Source
from headwater.metadata.static.naming import OF_HISTORY, PREFIXES, ROW_HASH
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.context import RunContext
from headwater.pipeline.preparation import Say, chosen, counted, prepare
from headwater.pipeline.results import RunResult
from headwater.pipeline.runners.sources import SourcesRun
from headwater.pipeline.side_by_side import default_at_once
from headwater.pipeline.steps.check import check
from headwater.pipeline.steps.clean_up import clean_up
from headwater.pipeline.steps.historize import historize, reload
from headwater.pipeline.steps.load_raw import load_raw
from headwater.pipeline.steps.register import register
from headwater.pipeline.steps.stage import stage
from headwater.project import Project


def rebuild(project: Project, names: Sequence[str], say: Say, at_once: int | None = None) -> RunResult:
    """Make raw, staging and historical of the named sources, or of all, anew from S3.

    `at_once` sources go side by side. Nothing is fetched from a publisher. In an empty database every delivery and
    event that S3 has is registered first. A source that fails keeps the tables that it had and does not stop the
    others. Killed half-way, the next command puts back what was set aside.
    """
    at_once = at_once or default_at_once()
    catalog, engine = prepare(project, lambda catalog: chosen(catalog, names), at_once)
    sources = chosen(catalog, names)
    close_abandoned(engine)
    return Rebuild(project, engine, catalog, sources, say, at_once).whole()


class Rebuild:
    """A run that makes all anew. A source leaves it at its first failure."""

    def __init__(
        self, project: Project, engine: Engine, catalog: Catalog, sources: Sequence[Source], say: Say,
        at_once: int,
    ) -> None:  # fmt: skip
        self._run = SourcesRun(
            project,
            engine,
            catalog,
            sources,
            say,
            is_offline=True,
            at_once=at_once,
            is_reload=self._is_reload,
        )
        self._context = self._run.context
        self._set_aside: list[Source] = []

    def whole(self) -> RunResult:
        """All steps, in order."""
        with self._run.job_instances("rebuild", "TL"):
            self._run.load_seeds()
            self._each(StepName.VERIFY, register)
            self._each(StepName.VERIFY, _verify)
            self._compile()
            self._each(StepName.SET_ASIDE, self._make_room)
            try:
                self._build()
            finally:
                self._put_back()
            if going := self._going():
                self._run.build_marts(going)
            self._each(StepName.CLEAN_UP, clean_up)
        return self._run.result()

    def _build(self) -> None:
        """Load, stage, check and make history of what no failure has met so far."""
        self._each(StepName.LOAD_RAW, load_raw)
        if going := self._going():
            stage(self._context, going)
        self._each(StepName.CHECK, check)
        self._context.list_checked()
        if going := self._going():
            reload(self._context, going)
        if going := self._going():
            historize(self._context, going)

    def _each(self, name: StepName, step: Callable[[RunContext, Source], None]) -> None:
        self._context.each(name, self._going().values(), step)

    def _compile(self) -> None:
        """Have dbt compile the models of all sources: what cannot even be read would fail in the end."""
        names = {f"{prefix}{name}": name for name in self._going() for prefix in PREFIXES.values()}
        if not names:
            return
        for model in self._context.models.compile(list(names)):
            if model.error is not None and model.name in names:
                self._context.record.fail(names[model.name], StepName.COMPILE, model.error)

    def _make_room(self, context: RunContext, source: Source) -> None:
        """Let raw and staging of a source make room for new ones."""
        history = {a.target_name: a.target_datatype for a in source.attributes}
        history |= {name: BOOKKEEPING[name][0] for name in OF_HISTORY}
        history[ROW_HASH] = "bigint"
        with context.record.step(source, StepName.SET_ASIDE), context.engine.begin() as connection:
            lock_source(connection, source.name)
            require_droppable(connection, source.name, history)
            set_aside(connection, source.name, context.job(source).job_inst_id)
            self._set_aside.append(source)

    def _put_back(self) -> None:
        """Make tables and records of a source that did not come to its end what they were when it began."""
        context = self._context
        ours = {source.name: context.job(source).job_inst_id for source in self._set_aside}
        with context.engine.connect() as connection:
            left = [name for name, job_inst_id in ours.items() if is_set_aside(connection, name, job_inst_id)]
        for source in self._set_aside:
            if source.name not in left:
                continue
            with context.record.step(source, StepName.PUT_BACK):
                with context.engine.begin() as connection:
                    lock_source(connection, source.name)
                    put_back(connection, source.name)
                raise LoadFailed("the rebuild failed, and tables and records are what they were before it")

    def _going(self) -> dict[str, Source]:
        """The sources that have not failed; the others are left out."""
        results = self._run.results
        return {name: source for name, source in self._run.sources.items() if not results[name].failures}

    def _is_reload(self, step: StepName, broken: LedgerBroken) -> bool:
        """Return whether a delivery was checked before: a rebuild changes no verdict, be it for history's counts."""
        return self._context.was_checked(StepName.STAGE if step is StepName.HISTORIZE else step, broken)


def _verify(context: RunContext, source: Source) -> None:
    """Read all that the source is made of, and find nothing missing or changed."""
    with context.record.step(source, StepName.VERIFY):
        count = verify_archive(context.engine, context.store, source.name)
        context.say(f"{source.name}: verified {counted(count)} on S3")
