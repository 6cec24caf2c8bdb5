"""One run: every chosen source from its publisher to history, each layer asking what is there and not yet processed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.checks import data_docs, foresee_verdict, run_checks
from headwater.dbt_project import marts
from headwater.dbt_project.dbt import Dbt, ModelOutcome
from headwater.dbt_project.dry_run import DryRunResult
from headwater.dbt_project.generate import generated_files, stale_files
from headwater.dbt_project.project_subset import MARTS
from headwater.extract.landing.register import register_archive
from headwater.extract.landing.store import ObjectStore
from headwater.extract.offers.payload import Payload
from headwater.extract.run import (
    ExtractSummary,
    Report,
    extract_source,
    lacking_columns,
    land_payload,
    list_source,
    load_pending,
)
from headwater.extract.schema.definition import definition
from headwater.home import make_home
from headwater.metadata.connection import engine as new_engine
from headwater.metadata.connection import require_reachable, session_lock
from headwater.metadata.errors import HeadwaterError, LedgerBroken, LoadFailed
from headwater.metadata.failures import FAILURES, failure_of, is_foreseen, trace_of
from headwater.metadata.process.definitions import is_redefined, record_definition
from headwater.metadata.process.deliveries import has_verdict, lock_source, raw_pending
from headwater.metadata.process.events import write_event
from headwater.metadata.process.jobs import JobInstance, Life, Outcome, SharedJobInstance
from headwater.metadata.process.migrate import upgrade
from headwater.metadata.process.orphaned_runs import close_abandoned
from headwater.metadata.sql_text import layer_table
from headwater.metadata.static.model import Catalog, Source
from headwater.metadata.static.read import read_catalog
from headwater.metadata.storable import storable
from headwater.pipeline import retention
from headwater.pipeline.retention import Purged
from headwater.pipeline.side_by_side import default_at_once, each_beside
from headwater.pipeline.traces import keep_trace
from headwater.project import Project
from headwater.queries.fallen_out import FallenOut, fallen_out, together
from headwater.queries.halts import Halt

Say = Callable[[str], None]
SHOWN = 30  # names of sources in a line
ONE_AT_A_TIME = ("http_files", "rest_api")  # publishers of which no more than one source at a time asks
CONNECTIONS_OF_SOURCE = 3  # at once, at most: a lock, what is done under it, and a line of log

# deliveries of a source that a job instance staged or judged
_DONE_BY = """
select distinct delivery_sqn
from metadata.delivery_status
inner join metadata.delivery using (delivery_sqn)
where delivery.source = :source
    and delivery_status.job_inst_id = :job_inst_id
    and layer in ('staging', 'checks')
    and status in ('loaded', 'passed', 'halted')
"""


class ModelRunner(Protocol):
    """Who runs models: `Dbt` here, or a task of Airflow."""

    def run(self, models: Sequence[str]) -> list[ModelOutcome]:
        """Run the named models and say how each one ended."""


RunModels = Callable[[ModelRunner, Sequence[str]], list[ModelOutcome]]


def run_models(runner: ModelRunner, models: Sequence[str]) -> list[ModelOutcome]:
    """Have a runner run models, as most steps of a run do."""
    return runner.run(models)


@dataclass
class SourceResult:
    """What a run did for one source."""

    source: str
    landed: int = 0
    loaded: int = 0  # deliveries that came into history
    taken_out: int = 0  # deliveries that history holds no more: withdrawn, superseded, or halted by a replay
    halts: list[Halt] = field(default_factory=list)
    purged: list[Purged] = field(default_factory=list)
    fallen_out: FallenOut | None = None  # of the deliveries that were staged, judged or brought into history
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """The worst that happened: failed, halted or succeeded."""
        return "failed" if self.failures else "halted" if self.halts else "succeeded"


@dataclass(frozen=True)
class RunResult:
    """What a run did, by source."""

    run_id: str
    sources: tuple[SourceResult, ...]
    marts_failures: tuple[str, ...] = ()
    record_failures: tuple[str, ...] = ()  # of putting the run on record, and of its pages

    @property
    def halts(self) -> list[Halt]:
        """Every delivery that this run halted."""
        return [halt for result in self.sources for halt in result.halts]

    @property
    def failures(self) -> list[str]:
        """Everything that failed, as sentences."""
        of_sources = [failure for result in self.sources for failure in result.failures]
        return [*of_sources, *self.marts_failures, *self.record_failures]

    @property
    def exit_code(self) -> int:
        """0 all well, 3 something halted, 1 something failed."""
        return 1 if self.failures else 3 if self.halts else 0


def prepare(
    project: Project,
    of: Callable[[Catalog], Iterable[Source]] = lambda catalog: catalog.sources.values(),
    at_once: int | None = None,
) -> tuple[Catalog, Engine]:
    """Read the metadata and bring the database to its newest version; its connections do for `at_once` sources.

    Raises `MetadataInvalid`, `DatabaseUnavailable`, or `HeadwaterError` when generated files `of` some sources are
    stale.
    """
    catalog = read_catalog(project.seeds)
    require_fresh(project, of(catalog))
    return catalog, open_database(project, at_once)


def require_fresh(project: Project, sources: Iterable[Source]) -> None:
    """Raise `HeadwaterError` when the files that are made of the metadata of some sources are not what it says."""
    stale = stale_files(generated_files(sources, project.models))
    if stale:
        names = ", ".join(str(file.path.relative_to(project.root)) for file in stale)
        raise HeadwaterError(
            f"{names}: not what seeds/ says. Run `headwater generate` and commit what it writes."
        )


def open_database(project: Project, at_once: int | None = None) -> Engine:
    """Bring the database to its newest version; its connections do for `at_once` sources.

    Raises `DatabaseUnavailable`.
    """
    make_home(project.root)
    engine = new_engine(at_once=CONNECTIONS_OF_SOURCE * at_once + 2) if at_once else new_engine()
    require_reachable(engine)
    upgrade(engine)
    return engine


def run(project: Project, names: Sequence[str], say: Say, at_once: int | None = None) -> RunResult:
    """Run the named sources, or all whose job is active, `at_once` of them side by side.

    One that fails does not stop the others.
    """
    at_once = at_once or default_at_once()
    catalog, engine = prepare(project, lambda catalog: chosen(catalog, names), at_once)
    sources = chosen(catalog, names)
    close_abandoned(engine)
    store = ObjectStore.from_environment()
    return Run(project, engine, store, catalog, sources, say, at_once=at_once).whole()


class Run:
    """The steps of one run over some sources. Each step can be called alone, and again."""

    kind = "run"  # of its job instances, where it does all its steps

    def __init__(
        self,
        project: Project,
        engine: Engine,
        store: ObjectStore,
        catalog: Catalog,
        sources: Sequence[Source],
        say: Say,
        *,
        is_offline: bool = False,
        joined: SharedJobInstance | None = None,
        runner: ModelRunner | None = None,
        at_once: int | None = None,
    ) -> None:
        """Of its own, or as a part of the job instance `joined`; `runner` runs models instead of a dbt of its own.

        Steps that are Python go side by side for `at_once` sources, and dbt runs as many models; by default one source,
        and the models as the profile says.
        """
        self.run_id = joined.run_id if joined else str(uuid4())
        self.results = {source.name: SourceResult(source.name) for source in sources}
        self._project, self._engine, self._store, self._say = project, engine, store, say
        self._sources = {source.name: source for source in sources}
        self._every_source = tuple(catalog.sources)
        # what is joined knows of no sources but its own
        is_all = joined is None and len(sources) == len(catalog.sources)
        names = None if is_all else [source.name for source in sources]
        self._job_of_dbt = joined.job if joined else None
        self._at_once = at_once
        self._dbt = self._dbt_of(names)
        self._dbt_of_marts = self._dbt if is_all else self._dbt_of([MARTS])
        self._apart: dict[str, Dbt] | None = None  # by source, once dbt cannot read the sources together
        self._is_alone = not is_all and len(sources) == 1
        self._runner: ModelRunner = runner or self._dbt
        self._jobs: dict[str, JobInstance | SharedJobInstance] = {}  # by source
        if joined:
            self._jobs = dict.fromkeys(self._sources, joined)
        self._marts_failures: list[str] = []
        self._record_failures: list[str] = []
        self._failed: set[tuple[str, str]] = set()  # layer and source: not tried again in this run
        self._has_judged = False
        self._is_offline = is_offline  # asks no publisher
        self.brought: set[int] = set()  # deliveries that `bring` has landed

    def whole(self) -> RunResult:
        """All steps, in order, as one job instance for each job that the sources belong to."""
        with self._job_instances():
            if self._is_offline:
                self._each("extract", self.register, self.load_raw)
            else:
                self._each("extract", self.extract, self.load_raw, alone_in=_publisher)
            self._load_seeds()
            self.staging()
            self._each("checks", self.check)
            self.reload()
            self.list_judged()
            self.historical()
            for name in self._sources:
                with self._spared(name, "historical"):
                    self._log_fallen_out(name)
            self.marts()
            self._each("purge", self.purge)
        return self._result()

    def only_purge(self) -> RunResult:
        """The last step alone."""
        with self._job_instances("purge"):
            self._each("purge", self.purge)
        return self._result()

    def _each(
        self,
        task: str,
        *steps: Callable[[Source], None],
        alone_in: Callable[[Source], str | None] = lambda _: None,
    ) -> None:
        """Do some steps for each source, side by side; what fails one does not stop the others.

        Those for which `alone_in` names the same group go one after the other.
        """

        def do(source: Source) -> None:
            for step in steps:
                with self._spared(source.name, task):
                    step(source)

        each_beside(do, self._sources.values(), self._at_once or 1, alone_in)

    def _result(self) -> RunResult:
        return RunResult(
            self.run_id,
            tuple(self.results.values()),
            tuple(self._marts_failures),
            tuple(self._record_failures),
        )

    def _load_seeds(self) -> None:
        try:
            is_loaded = self._dbt.load_seeds(self._engine)
        except LoadFailed:  # a model that cannot be read is no seed
            is_loaded = self._dbt_of([]).load_seeds(self._engine)
        if is_loaded:
            self._say("metadata: loaded the seeds into Postgres")

    def extract(self, source: Source) -> None:
        """Publisher → S3."""
        job = self._jobs[source.name]
        with self._guarded(source, "extract") as outcome:
            self._say(f"{source.name}: asking {source.data_source.name} what is new")
            found = extract_source(self._engine, self._store, source, job.job_inst_id, self._report(source))
            self._summarize(source, found, outcome)

    def discover(self, source: Source, *, is_full: bool = False) -> list[Payload]:
        """What the publisher has that is new, for `bring` to land; what is read as it is asked for is landed now."""
        job = self._jobs[source.name]
        offers: list[Payload] = []
        with self._guarded(source, "discover") as outcome:
            self._say(f"{source.name}: asking {source.data_source.name} what is new")
            found, offers = list_source(
                self._engine, self._store, source, job.job_inst_id, self._report(source), is_full=is_full
            )
            self._summarize(source, found, outcome)
        return offers

    def bring(self, source: Source, offers: Sequence[Payload], sqns: Sequence[int] = ()) -> None:
        """Publisher → S3 → raw for some offers, and S3 → raw for deliveries that are landed already."""
        job, landed, known = self._jobs[source.name], set(sqns), set()
        for message in offers:
            with self._guarded(source, "land") as outcome:
                found = land_payload(
                    self._engine, self._store, source, message, job.job_inst_id, self._report(source)
                )
                self._summarize(source, found, outcome)
                self.brought |= {delivery.delivery_sqn for delivery in found.landed}
                if found.known:
                    known.add(message["publisher_name"])
        if known:  # an earlier try has landed them, and may have died before it could load them
            with self._engine.connect() as connection:
                waiting = raw_pending(connection, source.name)
            landed |= {delivery.delivery_sqn for delivery in waiting if delivery.publisher_name in known}
        if landed | self.brought:
            self.load_raw(source, only=landed | self.brought)

    def _summarize(self, source: Source, found: ExtractSummary, outcome: Outcome) -> None:
        result = self.results[source.name]
        result.landed += len(found.landed)
        result.warnings += found.warnings
        failures = [*found.refused, *found.failed]
        result.failures += failures
        outcome.worsen("failed" if failures else "succeeded")
        if found.landed:
            self._say(f"{source.name}: landed {_deliveries(len(found.landed))}")

    def register(self, source: Source) -> None:
        """What S3 has and Postgres does not know: its deliveries and events."""
        with self._guarded(source, "register"):
            job_inst_id = self._jobs[source.name].job_inst_id
            warn = self.results[source.name].warnings.append
            found = register_archive(self._engine, self._store, source.name, job_inst_id, warn)
            if found:
                self._say(f"{source.name}: registered {_deliveries(len(found))} that S3 has")

    def dry_run(self, source: Source, event: str, delivery_sqn: int, checks: Sequence[str]) -> DryRunResult:
        """What an event would do to history; only the job instance of asking it stays, and what had to be staged."""
        with self._job_instances("dry_run"):
            self._bring_back(source, retention.unstaged_for_decision(self._engine, event, delivery_sqn))
            with self._jobs[source.name].task("dry run", event=event, delivery_sqn=delivery_sqn):
                self._say(f"{source.name}: making history as if it were so, and taking it back")
                return self._dbt.dry_run(source.name, event, delivery_sqn, checks)

    def dry_run_of_replay(self, source: Source, delivery_sqn: int) -> DryRunResult:
        """What today's checks would say of a delivery as it is staged, and what would come of that in history."""
        with self._job_instances("dry_run"):
            self._bring_back(source, retention.unstaged_for_decision(self._engine, "replayed", delivery_sqn))
            with self._jobs[source.name].task("dry run", event="replayed", delivery_sqn=delivery_sqn):
                self._say(f"{source.name}: judging delivery {delivery_sqn} by today's checks")
                verdict = foresee_verdict(self._engine, source, delivery_sqn)
                event = "passed" if verdict.passed else "halted"
                self._say(f"{source.name}: making history as if it were so, and taking it back")
                would = self._dbt.dry_run(source.name, event, delivery_sqn, ())
                return replace(would, verdict=event, why=verdict.why)

    def bring_back(self, source: Source, sqns: Sequence[int]) -> None:
        """Stage deliveries again that a question needs and history does not. Raises `HeadwaterError` when S3 cannot."""
        with self._job_instances("recall"):
            self._bring_back(source, sqns)

    def _bring_back(self, source: Source, sqns: Sequence[int]) -> None:
        if not sqns:
            return
        self._say(f"{source.name}: bringing {_deliveries(len(sqns))} back from S3")
        job_inst_id = self._jobs[source.name].job_inst_id
        with self._engine.begin() as connection:
            lock_source(connection, source.name)
            retention.recall(connection, sqns, job_inst_id)
        try:
            self.load_raw(source, only=sqns)
            self.staging()
        finally:
            retention.forget_recalls(self._engine, source.name, job_inst_id)
        if self.results[source.name].failures:
            raise HeadwaterError("; ".join(self.results[source.name].failures))

    def load_raw(self, source: Source, *, only: Collection[int] | None = None) -> None:
        """S3 → raw: what is pending, or `only` some of it."""
        result, job = self.results[source.name], self._jobs[source.name]
        with self._guarded(source, "raw") as outcome:
            if not self._record_definition(source):  # raw would hold rows of two definitions
                outcome.worsen("failed")  # the staging model says what differs
                return
            loads = load_pending(
                self._engine, self._store, source, job.job_inst_id, self._report(source), only=only
            )
            result.failures += [message for message in loads.failed if message not in result.failures]
            for delivery, check, why in loads.refused:
                result.halts.append(
                    Halt(delivery.delivery_sqn, source.name, delivery.publisher_name, (check,), why)
                )
            outcome.worsen("failed" if loads.failed else "halted" if loads.refused else "succeeded")
            if loads.refused:
                self._has_judged = True
                data_docs.write_refusals(self._project.home, self._engine, source.name, loads.refused)
            result.warnings += lacking_columns(loads.loaded)
            if loads.loaded:
                rows = sum(counts.written for _, counts in loads.loaded)
                self._say(f"{source.name}: loaded {rows:,} rows into raw")

    def staging(self) -> None:
        """raw → staging, for all sources that have something pending, in one dbt run."""
        self._build_layer("staging", "stg_")

    def check(self, source: Source) -> None:
        """Judge what is staged."""
        result, job = self.results[source.name], self._jobs[source.name]
        with self._guarded(source, "checks") as outcome:
            for verdict in run_checks(
                self._engine, self._store, source, job.job_inst_id, self._project.home, self._say
            ):
                self._has_judged = True
                if verdict.passed:
                    result.warnings += [
                        f"{verdict.publisher_name}: {warning.check_name}: {warning.observed}"
                        for warning in verdict.warnings
                    ]
                    continue
                checks = tuple(check.check_name for check in verdict.halting)
                halt = Halt(verdict.delivery_sqn, source.name, verdict.publisher_name, checks, verdict.why)
                result.halts.append(halt)
                job.log(
                    "error",
                    f"{source.name}: delivery {halt.delivery_sqn} is halted: {halt.why}",
                    checks=checks,
                )
                outcome.worsen("halted")

    def list_judged(self) -> None:
        """Write the list of all sources among the Data Docs, when this run has judged a delivery.

        That it cannot be written is said, and holds up nothing: it is of no source in particular.
        """
        if not self._has_judged:
            return
        try:
            data_docs.write_list_of_sources(self._project.home, self._engine)
        except FAILURES as error:
            self._keep_trace("the list of the Data Docs", error)
            failure = f"the list of the Data Docs cannot be written: {failure_of(error)}"
            self._record_failures.append(failure)
            self._say(failure)

    def reload(self) -> None:
        """Bring back to staging what history needs again and no longer finds there: S3 has it."""
        self._each("reload", self._reload_raw)
        if self._due("staging", lambda name: bool(self._pending(name, "staging"))):
            self.staging()

    def _reload_raw(self, source: Source) -> None:
        if self._pending(source.name, "raw"):
            self.load_raw(source)

    def historical(self) -> None:
        """staging → history, for all sources in which what counts is not what is loaded, in one dbt run."""
        held: dict[str, dict[int, str]] = {}
        for name in self._sources:
            with self._spared(name, "historical"):
                held[name] = self._held_by_history(name)
        self._build_layer("historical", "hist_")
        for name, before in held.items():
            with self._spared(name, "historical"):
                after = self._held_by_history(name)
                self.results[name].loaded = len(after.items() - before.items())
                self.results[name].taken_out = len(before.keys() - after.keys())
                self.count_fallen_out(name, [sqn for sqn, _ in after.items() - before.items()])

    def count_fallen_out(self, name: str, more: Iterable[int] = ()) -> None:
        """What fell out of the deliveries that this job instance staged or judged, and of `more`."""
        done_by = {"source": name, "job_inst_id": self._jobs[name].job_inst_id}
        with self._engine.connect() as connection:
            done = connection.scalars(sa.text(_DONE_BY), done_by)
            found = fallen_out(connection, {*done, *more})
        self.results[name].fallen_out = together(found.values())

    def purge(self, source: Source, keep: Mapping[str, int] | None = None) -> None:
        """Raw and staging lose what history has, by the source's policy or by `keep`."""
        with self._guarded(source, "purge"):
            keep = retention.policy(source) if keep is None else keep
            job_inst_id = self._jobs[source.name].job_inst_id
            purged = retention.purge(self._engine, source.name, keep, job_inst_id)
            self.results[source.name].purged = purged
            for found in purged:
                counted = f"{_deliveries(len(found.deliveries))}, {found.row_count:,} rows"
                self._say(f"{source.name}: purged {counted}, from {found.layer}")

    def marts(self) -> None:
        """History → what consumers read, unless it was made of this very history and these very models."""
        if not marts.models(self._project):
            return
        try:
            self._build_marts()
        except FAILURES as error:
            self._keep_trace(marts.TASK, error)
            self._fail_marts(f"{marts.TASK}: {failure_of(error)}")

    def _build_marts(self) -> None:
        with session_lock(self._engine, marts.LOCK):
            unbuilt = marts.unbuilt(self._engine, self._every_source)
            made_of = marts.made_of(self._project, self._engine, unbuilt)
            if made_of == marts.last_made_of(self._engine):
                return
            self._say("marts: building")
            exclude = [f"hist_{name}+" for name in unbuilt]
            with self._shared_task(marts.TASK, self._sources, made_of=made_of) as outcomes:
                for model in self._run_marts(exclude):
                    if model.error is not None:
                        self._fail_marts(str(model.error))
                        for outcome in outcomes.values():
                            outcome.worsen("failed")

    def _run_marts(self, exclude: Sequence[str]) -> list[ModelOutcome]:
        selected = ["path:models/marts"]
        try:
            return self._dbt_of_marts.run(selected, exclude=exclude)
        except LoadFailed:
            if self._dbt_of_marts is not self._dbt:
                raise
            return self._dbt_of([MARTS]).run(selected, exclude=exclude)  # others may read what they do not

    def _fail_marts(self, failure: str) -> None:
        self._marts_failures.append(failure)
        with suppress(*FAILURES):
            self._log_all("error", failure)

    def _build_layer(self, layer: str, prefix: str) -> None:
        """Run a layer's models; a delivery whose ledger breaks is halted, and the rest of its source tried again."""
        todo = self._due(layer, lambda name: self._is_due(layer, name))
        try:
            with self._shared_task(layer, todo) as outcomes:
                self._build(layer, prefix, todo, outcomes)
        except FAILURES as error:  # none of the sources in particular: all that were to be built
            self._keep_trace(f"{layer} of {', '.join(todo)}", error)
            for name in todo:
                self._failed.add((layer, name))
                self._fail(name, layer, error)

    def _build(self, layer: str, prefix: str, todo: Sequence[str], outcomes: Mapping[str, Outcome]) -> None:
        while todo:
            self._say(f"{layer}: {_listed(todo)}")
            again = []
            for model in self._run_models([f"{prefix}{name}" for name in todo]):
                name = model.name.removeprefix(prefix)
                with self._spared(name, layer) as spared:
                    if isinstance(model.error, LedgerBroken) and not self._is_reload(layer, model.error):
                        self._halt(name, model.error)
                        again.append(name)
                        outcomes[name].worsen("halted")
                    elif model.error is not None:
                        self._failed.add((layer, name))
                        self._fail(name, layer, model.error)
                        outcomes[name].worsen("failed")
                outcomes[name].worsen(spared.status)
            todo = again

    def _run_models(self, models: Sequence[str], run: RunModels = run_models) -> list[ModelOutcome]:
        """Run models, each of one source; where dbt cannot read or run all of them together, each by itself."""
        if self._apart is None:
            try:
                return run(self._runner, models)
            except FAILURES as error:
                if self._runner is not self._dbt or self._is_alone:
                    return [ModelOutcome(model, failure_of(error), 0) for model in models]
                self._keep_trace(f"dbt run of {', '.join(models)}", error)
                self._say("dbt cannot run the models of all sources together: each source by itself")
                self._apart = {}
        return [outcome for model in models for outcome in self._run_apart(model, run)]

    def _run_apart(self, model: str, run: RunModels) -> list[ModelOutcome]:
        source = model.partition("_")[2]
        apart = self._apart if self._apart is not None else {}
        dbt = apart.setdefault(source, self._dbt_of([source]))
        try:
            return run(dbt, [model])
        except FAILURES as error:
            self._keep_trace(f"dbt run of {model}", error)
            return [ModelOutcome(model, failure_of(error), 0)]

    def _dbt_of(self, sources: Sequence[str] | None) -> Dbt:
        """A dbt that reads the models of some sources alone; of all by None."""
        return Dbt(
            self._project.root,
            self._project.home,
            self.run_id,
            job=self._job_of_dbt,
            sources=sources,
            threads=self._at_once,
        )

    def _due(self, layer: str, is_due: Callable[[str], bool]) -> list[str]:
        """The sources of which that holds; one of which it cannot be told has failed."""
        due = []
        for name in self._sources:
            with self._spared(name, layer):
                if is_due(name):
                    due.append(name)
        return due

    def _is_due(self, layer: str, name: str) -> bool:
        if (layer, name) in self._failed:
            return False
        return bool(self._pending(name, layer)) or not self._exists(layer, name) or self._is_redefined(name)

    def _is_reload(self, layer: str, broken: LedgerBroken) -> bool:
        """Whether staging only had to bring back what was judged before: a verdict is not changed by that."""
        with self._engine.connect() as connection:
            return layer == "staging" and has_verdict(connection, broken.delivery_sqn)

    def _halt(self, name: str, broken: LedgerBroken) -> None:
        sqn, why = broken.delivery_sqn, f"{broken.layer}: {broken.reason}"
        with self._engine.begin() as connection:
            lock_source(connection, name)
            found = connection.execute(
                sa.text(
                    "select publisher_name, verdict from metadata.delivery_state where delivery_sqn = :sqn"
                ),
                {"sqn": sqn},
            ).one()
            if found.verdict != "halted":  # else another process has met the same
                write_event(connection, self._store, sqn, name, "halted", checks=("ledger",), why=why)
        self.results[name].halts.append(Halt(sqn, name, found.publisher_name, ("ledger",), why))
        self._jobs[name].log("error", f"{name}: {broken}", check="ledger")

    def _fail(self, name: str, task: str, error: BaseException) -> None:
        failure = _of_step(name, task, error)
        if failure in self.results[name].failures:  # an earlier layer has said so
            return
        self.results[name].failures.append(failure)
        with suppress(*FAILURES):  # it is told, also where it cannot be put on record
            self._jobs[name].log("error", failure)
        self._jobs[name].outcome.worsen("failed")

    @contextmanager
    def _guarded(self, source: Source, task: str) -> Iterator[Outcome]:
        """A task of one source, on record; what it raises is the source's failure.

        What keeps the task from being begun is raised, for the body cannot be left out here.
        """
        is_begun = False
        try:
            with self._jobs[source.name].task(task, source=source.name) as outcome:
                is_begun = True
                yield outcome
        except FAILURES as error:
            if not is_begun:
                raise
            self._note(source.name, task, error)

    @contextmanager
    def _spared(self, name: str, task: str) -> Iterator[Outcome]:
        """What the body raises is the failure of the source alone: said, and its stack trace kept."""
        spared = Outcome()
        try:
            yield spared
        except FAILURES as error:
            spared.worsen("failed")
            self._note(name, task, error)

    def _note(self, name: str, task: str, error: BaseException) -> None:
        self._keep_trace(f"{name}: {task}", error)
        failure = _of_step(name, task, error)
        if failure not in self.results[name].failures:
            self.results[name].failures.append(failure)
            self._say(f"{task} failed: {failure}")
            with suppress(*FAILURES):
                self._jobs[name].log_once(failure)
        self._jobs[name].outcome.worsen("failed")

    def _keep_trace(self, what: str, error: BaseException) -> None:
        if not is_foreseen(error):
            keep_trace(self._project.home, f"run {self.run_id}: {what}", trace_of(error))

    def _report(self, source: Source) -> Report:
        """Where the extraction of a source tells what it does; stack traces go to the file of traces, too."""
        job = self._jobs[source.name]

        def report(level: str, message: str, **context: Any) -> None:
            if "trace" in context:
                keep_trace(self._project.home, f"run {self.run_id}: {message}", context["trace"])
            job.log(level, message, **context)

        return report

    @contextmanager
    def _shared_task(
        self, task: str, names: Iterable[str], **parameters: Any
    ) -> Iterator[Mapping[str, Outcome]]:
        """One task that serves several sources at once, on record in each of their jobs: its outcome by source."""
        with ExitStack() as tasks:
            jobs = {name: self._jobs[name] for name in names}
            outcomes = {
                job_inst_id: tasks.enter_context(job.task(task, **parameters))
                for job_inst_id, job in sorted({job.job_inst_id: job for job in jobs.values()}.items())
            }
            yield {name: outcomes[job.job_inst_id] for name, job in jobs.items()}

    @contextmanager
    def _job_instances(self, kind: str | None = None) -> Iterator[None]:
        """Open a job instance for each job; close them with the truth, whatever happens.

        `kind` is one of KINDS for what is no whole run.
        """
        whole = "TL" if self._is_offline else "ETL"
        about: dict[str, Any] = {"kind": kind or self.kind, "etl_steps": None if kind else whole}
        opened: list[JobInstance] = []
        life = Life(self._engine)
        try:
            for job in sorted({source.job for source in self._sources.values()}):
                names = [source.name for source in self._sources.values() if source.job == job]
                opened.append(JobInstance(self._engine, job, self.run_id, {"sources": names}, life, **about))
                self._jobs.update(dict.fromkeys(names, opened[-1]))
            yield
        except BaseException as error:
            for instance in opened:
                instance.outcome.worsen("failed")
                with suppress(*FAILURES):
                    instance.log_failure(error)
            raise
        finally:
            for name, its_job in self._jobs.items():
                its_job.outcome.worsen(self.results[name].status)
            self._close(opened)
            life.end()

    def _close(self, instances: Iterable[JobInstance]) -> None:
        """Close job instances; of one that cannot be closed the run says so, and the next one closes it as failed."""
        for instance in instances:
            try:
                instance.close()
            except FAILURES as error:
                self._keep_trace(f"closing the job instance of {instance.job}", error)
                self._record_failures.append(
                    f"{instance.job}: its job instance {instance.job_inst_id} cannot be closed: {failure_of(error)}"
                )

    def _log_fallen_out(self, name: str) -> None:
        if found := self.results[name].fallen_out:
            for message in found.messages(name):
                self._jobs[name].log("information", f"{name}: {message}")

    def _log_all(self, level: str, message: str) -> None:
        for instance in {job.job_inst_id: job for job in self._jobs.values()}.values():
            instance.log(level, message)

    def _pending(self, name: str, layer: str) -> list[int]:
        with self._engine.connect() as connection:
            found: list[int] = connection.execute(
                sa.text("select metadata.pending_deliveries(:source, :layer)"),
                {"source": name, "layer": layer},
            ).scalar_one()
        return found

    def _record_definition(self, source: Source) -> bool:
        """Put on record what the tables are made with; False where they were made with another definition."""
        with self._engine.begin() as connection:
            lock_source(connection, source.name)
            return record_definition(connection, source.name, definition(source))

    def _is_redefined(self, name: str) -> bool:
        """Whether the tables were made with another definition: the model then says what differs, and fails."""
        with self._engine.connect() as connection:
            return is_redefined(connection, name, definition(self._sources[name]))

    def _held_by_history(self, name: str) -> dict[int, str]:
        """delivery_sqn → loaded or stale."""
        with self._engine.connect() as connection:
            found = connection.execute(
                sa.text(
                    "select delivery_sqn, status from metadata.delivery_status"
                    " join metadata.delivery using (delivery_sqn) where layer = 'historical' and source = :source"
                ),
                {"source": name},
            )
            return {row.delivery_sqn: row.status for row in found}

    def _exists(self, layer: str, name: str) -> bool:
        """Whether a layer has its table; during a rebuild the historical one is that of before."""
        table = layer_table(layer, name)
        ask = (
            "select to_regclass(:table) is not null and not (:is_old and metadata.is_being_rebuilt(:source))"
        )
        values = {"table": table, "is_old": layer == "historical", "source": name}
        with self._engine.connect() as connection:
            return bool(connection.execute(sa.text(ask), values).scalar())


def chosen(catalog: Catalog, names: Sequence[str]) -> list[Source]:
    """The named sources, or all whose job is active. Raises `HeadwaterError` on a name that is none."""
    unknown = [name for name in names if name not in catalog.sources]
    if unknown:
        raise HeadwaterError(
            f"no source {', '.join(unknown)}. Expected one or more of: {', '.join(sorted(catalog.sources))}."
        )
    if names:
        return [catalog.sources[name] for name in dict.fromkeys(names)]
    return [source for source in catalog.sources.values() if catalog.jobs[source.job].is_active]


def _publisher(source: Source) -> str | None:
    """Who is asked by one source at a time; a system of our own can be asked by many."""
    publisher = source.data_source
    return publisher.name if publisher.data_source_type in ONE_AT_A_TIME else None


def _of_step(name: str, task: str, error: BaseException) -> str:
    """What is told of a source of which a step failed: its name in front, and the step where nobody foresaw it."""
    failure = failure_of(error)
    message = str(failure)
    if not is_foreseen(failure):
        return storable(f"{name}: {task}: {message}")
    return message if message.startswith(f"{name}: ") else f"{name}: {message}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:SHOWN])} and {more:,} more"


def _deliveries(count: int) -> str:
    return f"{count} {'delivery' if count == 1 else 'deliveries'}"
