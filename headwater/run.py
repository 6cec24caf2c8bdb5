"""One run: every chosen source from its publisher to history, each layer asking what is there and not yet processed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import Engine

from extract.definition import definition
from extract.register import register_archive
from extract.run import (
    ExtractSummary,
    extract_source,
    lacking_columns,
    land_told,
    list_source,
    load_pending,
)
from extract.store import ObjectStore
from extract.told import Told
from headwater import marts, retention
from headwater.checks import data_docs, foresee_verdict, run_checks
from headwater.dbt import Dbt, ModelOutcome, Rehearsal
from headwater.excerpt import MARTS
from headwater.generate import generated_files, stale_files
from headwater.halts import Halt
from headwater.project import Project
from headwater.retention import Purged
from headwater.services.home import make_home
from metadata.connection import engine as new_engine
from metadata.connection import require_reachable, session_lock
from metadata.errors import HeadwaterError, LedgerBroken
from metadata.process.definitions import is_redefined, record_definition
from metadata.process.deliveries import has_verdict, lock_source, raw_pending
from metadata.process.events import write_event
from metadata.process.jobs import JobInstance, Outcome, SharedJobInstance
from metadata.process.left_open import close_abandoned
from metadata.process.migrate import upgrade
from metadata.static.model import Catalog, Source
from metadata.static.read import read_catalog

Say = Callable[[str], None]


class ModelRunner(Protocol):
    """Who runs models: `Dbt` here, or a task of Airflow."""

    def run(self, models: Sequence[str]) -> list[ModelOutcome]:
        """Run the named models and say how each one ended."""


@dataclass
class SourceResult:
    """What a run did for one source."""

    source: str
    landed: int = 0
    loaded: int = 0  # deliveries that came into history
    taken_out: int = 0  # deliveries that history holds no more: withdrawn, superseded, or halted by a replay
    halts: list[Halt] = field(default_factory=list)
    purged: list[Purged] = field(default_factory=list)
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

    @property
    def halts(self) -> list[Halt]:
        """Every delivery that this run halted."""
        return [halt for result in self.sources for halt in result.halts]

    @property
    def failures(self) -> list[str]:
        """Everything that failed, as sentences."""
        return [failure for result in self.sources for failure in result.failures] + list(self.marts_failures)

    @property
    def exit_code(self) -> int:
        """0 all well, 3 something halted, 1 something failed."""
        return 1 if self.failures else 3 if self.halts else 0


def prepare(
    project: Project, of: Callable[[Catalog], Iterable[Source]] = lambda catalog: catalog.sources.values()
) -> tuple[Catalog, Engine]:
    """Read the metadata and bring the database to its newest version.

    Raises `MetadataInvalid`, `DatabaseUnavailable`, or `HeadwaterError` when generated files `of` some sources are
    stale.
    """
    catalog = read_catalog(project.seeds)
    stale = stale_files(generated_files(of(catalog), project.models))
    if stale:
        names = ", ".join(str(file.path.relative_to(project.root)) for file in stale)
        raise HeadwaterError(
            f"{names}: not what seeds/ says. Run `headwater generate` and commit what it writes."
        )
    make_home(project.root)
    engine = new_engine()
    require_reachable(engine)
    upgrade(engine)
    return catalog, engine


def run(project: Project, names: Sequence[str], say: Say) -> RunResult:
    """Run the named sources, or all whose job is active. One that fails does not stop the others."""
    catalog, engine = prepare(project, lambda catalog: chosen(catalog, names))
    sources = chosen(catalog, names)
    close_abandoned(engine)
    return Run(project, engine, ObjectStore.from_environment(), catalog, sources, say).whole()


class Run:
    """The steps of one run over some sources. Each step can be called alone, and again."""

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
    ) -> None:
        """Of its own, or as a part of the job instance `joined`; `runner` runs models instead of a dbt of its own."""
        self.run_id = joined.run_id if joined else str(uuid4())
        self.results = {source.name: SourceResult(source.name) for source in sources}
        self._project, self._engine, self._store, self._say = project, engine, store, say
        self._sources = {source.name: source for source in sources}
        self._every_source = tuple(catalog.sources)
        is_all = len(sources) == len(catalog.sources)
        names = None if is_all else [source.name for source in sources]
        self._dbt = Dbt(
            project.root, project.home, self.run_id, job=joined.job if joined else None, sources=names
        )
        self._dbt_of_marts = (
            self._dbt if is_all else Dbt(project.root, project.home, self.run_id, sources=[MARTS])
        )
        self._runner: ModelRunner = runner or self._dbt
        self._jobs: dict[str, JobInstance | SharedJobInstance] = {}  # by source
        if joined:
            self._jobs = dict.fromkeys(self._sources, joined)
        self._marts_failures: list[str] = []
        self._failed: set[tuple[str, str]] = set()  # layer and source: not tried again in this run
        self._is_offline = is_offline  # asks no publisher
        self.brought: set[int] = set()  # deliveries that `bring` has landed

    def whole(self) -> RunResult:
        """All steps, in order, as one job instance for each job that the sources belong to."""
        with self._job_instances():
            for source in self._sources.values():
                self.register(source) if self._is_offline else self.extract(source)
                self.load_raw(source)
            if self._dbt.load_seeds(self._engine):
                self._say("metadata: loaded the seeds into Postgres")
            self.staging()
            for source in self._sources.values():
                self.check(source)
            self.reload()
            self.historical()
            self.marts()
            for source in self._sources.values():
                self.purge(source)
        return self._result()

    def only_purge(self) -> RunResult:
        """The last step alone."""
        with self._job_instances():
            for source in self._sources.values():
                self.purge(source)
        return self._result()

    def _result(self) -> RunResult:
        return RunResult(self.run_id, tuple(self.results.values()), tuple(self._marts_failures))

    def extract(self, source: Source) -> None:
        """Publisher → S3."""
        job = self._jobs[source.name]
        with self._guarded(source, "extract") as outcome:
            self._say(f"{source.name}: asking {source.data_source.name} what is new")
            found = extract_source(self._engine, self._store, source, job.job_inst_id, job.log)
            self._summarize(source, found, outcome)

    def discover(self, source: Source, *, is_full: bool = False) -> list[Told]:
        """What the publisher has that is new, for `bring` to land; what is read as it is asked for is landed now."""
        job = self._jobs[source.name]
        offers: list[Told] = []
        with self._guarded(source, "discover") as outcome:
            self._say(f"{source.name}: asking {source.data_source.name} what is new")
            found, offers = list_source(
                self._engine, self._store, source, job.job_inst_id, job.log, is_full=is_full
            )
            self._summarize(source, found, outcome)
        return offers

    def bring(self, source: Source, offers: Sequence[Told], sqns: Sequence[int] = ()) -> None:
        """Publisher → S3 → raw for some offers, and S3 → raw for deliveries that are landed already."""
        job, landed, known = self._jobs[source.name], set(sqns), set()
        for said in offers:
            with self._guarded(source, "land") as outcome:
                found = land_told(self._engine, self._store, source, said, job.job_inst_id, job.log)
                self._summarize(source, found, outcome)
                self.brought |= {delivery.delivery_sqn for delivery in found.landed}
                if found.known:
                    known.add(said["publisher_name"])
        if known:  # an earlier try has landed them, and may have died before it could load them
            with self._engine.connect() as connection:
                waiting = raw_pending(connection, source.name)
            landed |= {delivery.delivery_sqn for delivery in waiting if delivery.publisher_name in known}
        if landed | self.brought:
            self.load_raw(source, only=landed | self.brought)

    def _summarize(self, source: Source, found: ExtractSummary, outcome: Outcome) -> None:
        result = self.results[source.name]
        result.landed += len(found.landed)
        result.failures += found.failed
        outcome.worsen("failed" if found.failed else "succeeded")
        if found.landed:
            self._say(f"{source.name}: landed {_deliveries(len(found.landed))}")

    def register(self, source: Source) -> None:
        """What S3 has and Postgres does not know: its deliveries and events."""
        with self._guarded(source, "register"):
            job_inst_id = self._jobs[source.name].job_inst_id
            found = register_archive(self._engine, self._store, source.name, job_inst_id)
            if found:
                self._say(f"{source.name}: registered {_deliveries(len(found))} that S3 has")

    def rehearse(self, source: Source, event: str, delivery_sqn: int, checks: Sequence[str]) -> Rehearsal:
        """What an event would do to history; only the job instance of asking it stays, and what had to be staged."""
        with self._job_instances():
            self._bring_back(source, retention.unstaged_for_decision(self._engine, event, delivery_sqn))
            with self._jobs[source.name].task("dry run", event=event, delivery_sqn=delivery_sqn):
                return self._dbt.rehearse(source.name, event, delivery_sqn, checks)

    def rehearse_replay(self, source: Source, delivery_sqn: int) -> Rehearsal:
        """What today's checks would say of a delivery as it is staged, and what would come of that in history."""
        with self._job_instances():
            self._bring_back(source, retention.unstaged_for_decision(self._engine, "replayed", delivery_sqn))
            with self._jobs[source.name].task("dry run", event="replayed", delivery_sqn=delivery_sqn):
                verdict = foresee_verdict(self._engine, source, delivery_sqn)
                event = "passed" if verdict.passed else "halted"
                would = self._dbt.rehearse(source.name, event, delivery_sqn, ())
                return replace(would, verdict=event, why=verdict.why)

    def bring_back(self, source: Source, sqns: Sequence[int]) -> None:
        """Stage deliveries again that a question needs and history does not. Raises `HeadwaterError` when S3 cannot."""
        with self._job_instances():
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
            loads = load_pending(self._engine, self._store, source, job.job_inst_id, job.log, only=only)
            result.failures += [said for said in loads.failed if said not in result.failures]
            for delivery, check, why in loads.refused:
                result.halts.append(
                    Halt(delivery.delivery_sqn, source.name, delivery.publisher_name, (check,), why)
                )
            outcome.worsen("failed" if loads.failed else "halted" if loads.refused else "succeeded")
            if loads.refused:
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

    def reload(self) -> None:
        """Bring back to staging what history needs again and no longer finds there: S3 has it."""
        for source in self._sources.values():
            if self._pending(source.name, "raw"):
                self.load_raw(source)
        if any(self._pending(name, "staging") for name in self._sources):
            self.staging()

    def historical(self) -> None:
        """staging → history, for all sources in which what counts is not what is loaded, in one dbt run."""
        held = {name: self._held_by_history(name) for name in self._sources}
        self._build_layer("historical", "hist_")
        for name, before in held.items():
            after = self._held_by_history(name)
            self.results[name].loaded = len(after.items() - before.items())
            self.results[name].taken_out = len(before.keys() - after.keys())

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
        with session_lock(self._engine, marts.LOCK):
            unbuilt = marts.unbuilt(self._engine, self._every_source)
            made_of = marts.made_of(self._project, self._engine, unbuilt)
            if made_of == marts.last_made_of(self._engine):
                return
            self._say("marts: building")
            with self._shared_task(marts.TASK, self._sources, made_of=made_of) as outcome:
                for model in self._dbt_of_marts.run(
                    ["path:models/marts"], exclude=[f"hist_{name}+" for name in unbuilt]
                ):
                    if model.error is not None:
                        self._marts_failures.append(str(model.error))
                        self._log_all("error", str(model.error))
                        outcome.worsen("failed")

    def _build_layer(self, layer: str, prefix: str) -> None:
        """Run a layer's models; a delivery whose ledger breaks is halted, and the rest of its source tried again."""
        todo = [
            name
            for name in self._sources
            if (
                self._pending(name, layer)
                or not self._exists(layer, prefix, name)
                or self._is_redefined(name)
            )
            and (layer, name) not in self._failed
        ]
        with self._shared_task(layer, todo) as outcome:
            while todo:
                self._say(f"{layer}: {', '.join(todo)}")
                again = []
                for model in self._runner.run([f"{prefix}{name}" for name in todo]):
                    name = model.name.removeprefix(prefix)
                    if isinstance(model.error, LedgerBroken) and not self._is_reload(layer, model.error):
                        self._halt(name, model.error)
                        again.append(name)
                        outcome.worsen("halted")
                    elif model.error is not None:
                        self._failed.add((layer, name))
                        self._fail(name, model.error)
                        outcome.worsen("failed")
                todo = again

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

    def _fail(self, name: str, error: HeadwaterError) -> None:
        failure = _of_source(name, error)
        if failure in self.results[name].failures:  # an earlier layer has said so
            return
        self.results[name].failures.append(failure)
        self._jobs[name].log("error", f"{name}: {error}")
        self._jobs[name].outcome.worsen("failed")

    @contextmanager
    def _guarded(self, source: Source, task: str) -> Iterator[Outcome]:
        """A task of one source, on record; what it raises for a person to read is kept as the source's failure."""
        try:
            with self._jobs[source.name].task(task, source=source.name) as outcome:
                yield outcome
        except HeadwaterError as error:
            self.results[source.name].failures.append(_of_source(source.name, error))
            self._say(f"{task} failed: {_of_source(source.name, error)}")

    @contextmanager
    def _shared_task(self, task: str, names: Iterable[str], **parameters: str) -> Iterator[Outcome]:
        """One task that serves several sources at once, on record in each of their jobs."""
        shared = Outcome()
        with ExitStack() as tasks:
            jobs = {job.job_inst_id: job for job in map(self._jobs.__getitem__, names)}
            outcomes = [tasks.enter_context(job.task(task, **parameters)) for _, job in sorted(jobs.items())]
            try:
                yield shared
            finally:
                for outcome in outcomes:
                    outcome.worsen(shared.status)

    @contextmanager
    def _job_instances(self) -> Iterator[None]:
        """Open a job instance for each job; close them with the truth, whatever happens."""
        opened: list[JobInstance] = []
        try:
            for job in sorted({source.job for source in self._sources.values()}):
                names = [source.name for source in self._sources.values() if source.job == job]
                opened.append(JobInstance(self._engine, job, self.run_id, {"sources": names}))
                self._jobs.update(dict.fromkeys(names, opened[-1]))
            yield
        except BaseException as error:
            for instance in opened:
                instance.outcome.worsen("failed")
                instance.log("error", str(error) or type(error).__name__)
            raise
        finally:
            for name, its_job in self._jobs.items():
                its_job.outcome.worsen(self.results[name].status)
            for instance in opened:
                instance.close()

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

    def _exists(self, layer: str, prefix: str, name: str) -> bool:
        table = f"{layer}.{prefix if layer == 'staging' else ''}{name}"
        with self._engine.connect() as connection:
            return (
                connection.execute(sa.text("select to_regclass(:table)"), {"table": table}).scalar()
                is not None
            )


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


def _of_source(name: str, error: HeadwaterError) -> str:
    """The error's message, with the name of its source in front, once."""
    said = str(error)
    return said if said.startswith(f"{name}: ") else f"{name}: {said}"


def _deliveries(count: int) -> str:
    return f"{count} {'delivery' if count == 1 else 'deliveries'}"
