"""One run: every chosen source from its publisher to history, each layer asking what is there and not yet processed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.checks import data_docs, run_checks
from headwater.dbt_project import marts
from headwater.extract.landing.register import register_archive
from headwater.extract.landing.store import ObjectStore
from headwater.extract.offers.payload import Payload
from headwater.extract.raw.load import lacking_columns
from headwater.extract.run import (
    ExtractSummary,
    extract_source,
    land_payload,
    list_source,
    load_pending,
)
from headwater.metadata.connection import session_lock
from headwater.metadata.errors import LedgerBroken
from headwater.metadata.failures import FAILURES, failure_of
from headwater.metadata.process.deliveries import has_verdict, raw_pending
from headwater.metadata.process.jobs import SharedJobInstance
from headwater.metadata.process.orphaned_runs import close_abandoned
from headwater.metadata.process.recorded_run import Outcome
from headwater.metadata.static.model import Catalog, Source
from headwater.metadata.static.source_types import find_type
from headwater.pipeline import layers, retention
from headwater.pipeline.layer_builds import LayerBuilds
from headwater.pipeline.model_runner import ModelRunner
from headwater.pipeline.models import Models
from headwater.pipeline.preparation import Say, chosen, counted, prepare
from headwater.pipeline.results import RunResult, SourceResult
from headwater.pipeline.run_record import RunRecord
from headwater.pipeline.side_by_side import default_at_once, each_beside
from headwater.project import Project
from headwater.queries.fallen_out import fallen_out, together
from headwater.queries.halts import Halt

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
        self._at_once = at_once
        self.record = RunRecord(engine, project.home, self.run_id, self.results, say, joined)
        self._models = Models(
            project, self.run_id, names, say, self.record.keep_trace, job=joined.job if joined else None,
            at_once=at_once, runner=runner,
        )  # fmt: skip
        self._marts_failures: list[str] = []
        self._builds = LayerBuilds(engine, store, self.record, self._models, self._is_reload, say)
        self._has_judged = False
        self._is_offline = is_offline  # asks no publisher
        self.brought: set[int] = set()  # deliveries that `bring` has landed

    def whole(self) -> RunResult:
        """All steps, in order, as one job instance for each job that the sources belong to."""
        with self._job_instances():
            if self._is_offline:
                self._each("extract", self.register, self.load_raw)
            else:
                self._each("extract", self.extract, self.load_raw, alone_in=shared_publisher)
            self._load_seeds()
            self.staging()
            self._each("checks", self.check)
            self.reload()
            self.list_judged()
            self.historical()
            for name in self._sources:
                with self.record.spared(name, "historical"):
                    self.record.log_fallen_out(name)
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
                with self.record.spared(source.name, task):
                    step(source)

        each_beside(do, self._sources.values(), self._at_once or 1, alone_in)

    def _result(self) -> RunResult:
        return RunResult(
            self.run_id,
            tuple(self.results.values()),
            tuple(self._marts_failures),
            tuple(self.record.failures),
        )

    def _load_seeds(self) -> None:
        if self._models.load_seeds(self._engine):
            self._say("metadata: loaded the seeds into Postgres")

    def extract(self, source: Source) -> None:
        """Publisher → S3."""
        job = self.record.jobs[source.name]
        with self.record.task(source, "extract") as outcome:
            self._say(f"{source.name}: asking {source.data_source.name} what is new")
            found = extract_source(
                self._engine, self._store, source, job.job_inst_id, self.record.report(source)
            )
            self._summarize(source, found, outcome)

    def discover(self, source: Source, *, is_full: bool = False) -> list[Payload]:
        """Return what the publisher has that is new, for `bring` to land.

        What is read as it is asked for is landed now.
        """
        job = self.record.jobs[source.name]
        offers: list[Payload] = []
        with self.record.task(source, "discover") as outcome:
            self._say(f"{source.name}: asking {source.data_source.name} what is new")
            found, offers = list_source(
                self._engine,
                self._store,
                source,
                job.job_inst_id,
                self.record.report(source),
                is_full=is_full,
            )
            self._summarize(source, found, outcome)
        return offers

    def bring(self, source: Source, offers: Sequence[Payload], sqns: Sequence[int] = ()) -> None:
        """Publisher → S3 → raw for some offers, and S3 → raw for deliveries that are landed already."""
        job, landed, known = self.record.jobs[source.name], set(sqns), set()
        for payload in offers:
            with self.record.task(source, "land") as outcome:
                found = land_payload(
                    self._engine, self._store, source, payload, job.job_inst_id, self.record.report(source)
                )
                self._summarize(source, found, outcome)
                self.brought |= {delivery.delivery_sqn for delivery in found.landed}
                if found.known:
                    known.add(payload["publisher_name"])
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
            self._say(f"{source.name}: landed {counted(len(found.landed))}")

    def register(self, source: Source) -> None:
        """Register what S3 has and Postgres does not know: its deliveries and events."""
        with self.record.task(source, "register"):
            job_inst_id = self.record.jobs[source.name].job_inst_id
            warn = self.results[source.name].warnings.append
            found = register_archive(self._engine, self._store, source.name, job_inst_id, warn)
            if found:
                self._say(f"{source.name}: registered {counted(len(found))} that S3 has")

    def _job_instances(self, kind: str | None = None) -> AbstractContextManager[None]:
        """Open a job instance for each job; `kind` is one of KINDS for what is no whole run."""
        whole = "TL" if self._is_offline else "ETL"
        return self.record.job_instances(
            self._sources.values(), kind=kind or self.kind, etl_steps=None if kind else whole
        )

    def load_raw(self, source: Source, *, only: Collection[int] | None = None) -> None:
        """S3 → raw: what is pending, or `only` some of it."""
        result, job = self.results[source.name], self.record.jobs[source.name]
        with self.record.task(source, "raw") as outcome:
            if not layers.keep_definition(self._engine, source):  # raw would hold rows of two definitions
                outcome.worsen("failed")  # the staging model says what differs
                return
            loads = load_pending(
                self._engine, self._store, source, job.job_inst_id, self.record.report(source), only=only
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
        self._builds.build("staging", self._sources)

    def check(self, source: Source) -> None:
        """Judge what is staged."""
        result, job = self.results[source.name], self.record.jobs[source.name]
        with self.record.task(source, "checks") as outcome:
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
            self.record.keep_trace("the list of the Data Docs", error)
            failure = f"the list of the Data Docs cannot be written: {failure_of(error)}"
            self.record.failures.append(failure)
            self._say(failure)

    def reload(self) -> None:
        """Bring back to staging what history needs again and no longer finds there: S3 has it."""
        self._each("reload", self._reload_raw)
        if self._builds.due(
            "staging", self._sources, lambda name: bool(layers.pending(self._engine, name, "staging"))
        ):
            self.staging()

    def _reload_raw(self, source: Source) -> None:
        if layers.pending(self._engine, source.name, "raw"):
            self.load_raw(source)

    def historical(self) -> None:
        """staging → history, for all sources in which what counts is not what is loaded, in one dbt run."""
        held: dict[str, dict[int, str]] = {}
        for name in self._sources:
            with self.record.spared(name, "historical"):
                held[name] = layers.held_by_history(self._engine, name)
        self._builds.build("historical", self._sources)
        for name, before in held.items():
            with self.record.spared(name, "historical"):
                after = layers.held_by_history(self._engine, name)
                self.results[name].loaded = len(after.items() - before.items())
                self.results[name].taken_out = len(before.keys() - after.keys())
                self.count_fallen_out(name, [sqn for sqn, _ in after.items() - before.items()])

    def count_fallen_out(self, name: str, more: Iterable[int] = ()) -> None:
        """Count what fell out of the deliveries that this job instance staged or judged, and of `more`."""
        done_by = {"source": name, "job_inst_id": self.record.jobs[name].job_inst_id}
        with self._engine.connect() as connection:
            done = connection.scalars(sa.text(_DONE_BY), done_by)
            found = fallen_out(connection, {*done, *more})
        self.results[name].fallen_out = together(found.values())

    def purge(self, source: Source, keep: Mapping[str, int] | None = None) -> None:
        """Raw and staging lose what history has, by the source's policy or by `keep`."""
        with self.record.task(source, "purge"):
            keep = retention.policy(source) if keep is None else keep
            job_inst_id = self.record.jobs[source.name].job_inst_id
            purged = retention.purge(self._engine, source.name, keep, job_inst_id)
            self.results[source.name].purged = purged
            for found in purged:
                gone = f"{counted(len(found.deliveries))}, {found.row_count:,} rows"
                self._say(f"{source.name}: purged {gone}, from {found.layer}")

    def marts(self) -> None:
        """History → what consumers read, unless it was made of this very history and these very models."""
        if not marts.models(self._project):
            return
        try:
            self._build_marts()
        except FAILURES as error:
            self.record.keep_trace(marts.TASK, error)
            self._fail_marts(f"{marts.TASK}: {failure_of(error)}")

    def _build_marts(self) -> None:
        with session_lock(self._engine, marts.LOCK):
            unbuilt = marts.unbuilt(self._engine, self._every_source)
            made_of = marts.made_of(self._project, self._engine, unbuilt)
            if made_of == marts.last_made_of(self._engine):
                return
            self._say("marts: building")
            exclude = [f"hist_{name}+" for name in unbuilt]
            with self.record.shared_task(marts.TASK, self._sources, made_of=made_of) as outcomes:
                for model in self._models.run_marts(exclude):
                    if model.error is not None:
                        self._fail_marts(str(model.error))
                        for outcome in outcomes.values():
                            outcome.worsen("failed")

    def _fail_marts(self, failure: str) -> None:
        self._marts_failures.append(failure)
        with suppress(*FAILURES):
            self.record.log_all("error", failure)

    def _is_reload(self, layer: str, broken: LedgerBroken) -> bool:
        """Return whether staging only had to bring back what was judged before: a verdict is not changed by that."""
        with self._engine.connect() as connection:
            return layer == "staging" and has_verdict(connection, broken.delivery_sqn)


def shared_publisher(source: Source) -> str | None:
    """Return who is asked by one source at a time; a system of our own can be asked by many."""
    publisher = source.data_source
    declared = find_type(publisher.data_source_type)
    return publisher.name if declared and declared.asks_one_at_a_time else None
