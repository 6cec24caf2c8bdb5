"""Making the tables of sources anew from S3 and the metadata; deliveries, verdicts and decisions stay.

Each source stands alone. What it is made of is verified first; then raw and staging go aside and are made anew, and a
new history takes the place of the old one in the transaction that records it. Until then readers of history meet the
old one, and whatever fails puts tables and records back as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from headwater.dbt_project.dbt import Dbt
from headwater.dbt_project.generate import BOOKKEEPING
from headwater.extract.landing.store import ObjectStore
from headwater.extract.landing.verify import verify_archive
from headwater.metadata.errors import LedgerBroken, LoadFailed
from headwater.metadata.process.deliveries import lock_source
from headwater.metadata.process.orphaned_runs import close_abandoned
from headwater.metadata.process.rebuilds import is_set_aside, put_back, require_droppable, set_aside
from headwater.metadata.static.model import Source
from headwater.metadata.static.naming import OF_HISTORY
from headwater.pipeline.preparation import Say, chosen, prepare
from headwater.pipeline.results import RunResult
from headwater.pipeline.run import Run
from headwater.pipeline.side_by_side import default_at_once
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
    store = ObjectStore.from_environment()
    run = Rebuild(project, engine, store, catalog, sources, say, is_offline=True, at_once=at_once)
    return run.whole()


class Rebuild(Run):
    """A run that makes all anew. A source leaves it at its first failure."""

    kind = "rebuild"

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._set_aside: list[Source] = []

    def whole(self) -> RunResult:
        """All steps, in order, as one job instance for each job that the sources belong to."""
        with self._job_instances():
            self._load_seeds()
            self._each_going("verify", self.register)
            self._each_going("verify", self.verify)
            self.compile()
            self._each_going("set aside", self.set_aside)
            try:
                self.build()
            finally:
                self.put_back()
            if self._going():
                self.marts()
            self._each_going("purge", self.purge)
        return self._result()

    def build(self) -> None:
        """Load, stage, judge and make history of what no failure has met so far."""
        self._each_going("raw", self.load_raw)
        if self._going():
            self.staging()
        self._each_going("checks", self.check)
        self.list_judged()
        if self._going():
            self.reload()
        if self._going():
            self.historical()

    def _each_going(self, task: str, step: Callable[[Source], None]) -> None:
        self._going()
        self._each(task, step)

    def verify(self, source: Source) -> None:
        """Read all that the source is made of, and find nothing missing or changed."""
        with self.record.task(source, "verify"):
            count = verify_archive(self._engine, self._store, source.name)
            self._say(f"{source.name}: verified {count} {'delivery' if count == 1 else 'deliveries'} on S3")

    def compile(self) -> None:
        """Have dbt compile the models of all sources: what cannot even be read would fail in the end."""
        names = {f"{prefix}{source.name}": source for source in self._going() for prefix in ("stg_", "hist_")}
        if not names:
            return
        for model in self._models.run(list(names), lambda dbt, models: cast(Dbt, dbt).compile(models)):
            if model.error is not None and model.name in names:
                self.record.fail(names[model.name].name, "compile", model.error)

    def set_aside(self, source: Source) -> None:
        """Let raw and staging of a source make room for new ones."""
        history = {a.target_name: a.target_datatype for a in source.attributes}
        history |= {name: BOOKKEEPING[name][0] for name in OF_HISTORY}
        with self.record.task(source, "set aside"), self._engine.begin() as connection:
            lock_source(connection, source.name)
            require_droppable(connection, source.name, history)
            set_aside(connection, source.name, self.record.jobs[source.name].job_inst_id)
            self._set_aside.append(source)

    def put_back(self) -> None:
        """Make tables and records of a source that did not come to its end what they were when it began."""
        ours = {source.name: self.record.jobs[source.name].job_inst_id for source in self._set_aside}
        with self._engine.connect() as connection:
            left = [name for name, job_inst_id in ours.items() if is_set_aside(connection, name, job_inst_id)]
        for source in self._set_aside:
            if source.name not in left:
                continue
            with self.record.task(source, "put back"):
                with self._engine.begin() as connection:
                    lock_source(connection, source.name)
                    put_back(connection, source.name)
                raise LoadFailed("the rebuild failed, and tables and records are what they were before it")

    def _going(self) -> list[Source]:
        """The sources that have not failed; the others are left out from now on."""
        self._sources = {
            name: source for name, source in self._sources.items() if not self.results[name].failures
        }
        return list(self._sources.values())

    def _is_reload(self, layer: str, broken: LedgerBroken) -> bool:
        """Return whether a delivery was judged before: a rebuild changes no verdict, be it for history's counts."""
        return super()._is_reload("staging" if layer == "historical" else layer, broken)
