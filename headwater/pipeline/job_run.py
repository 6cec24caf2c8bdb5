"""One run of a job whose steps are processes of their own, as in Airflow: begun, joined by each step, and finished.

Each step asks what is available and not yet processed, so it can be run again at any time. What halted or failed is
raised when the step is done with everything else.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.dbt_project.dbt import Dbt
from headwater.extract.landing.store import ObjectStore
from headwater.extract.offers.payload import Payload
from headwater.extract.sources.sql.connect import engine_of
from headwater.metadata.errors import HeadwaterError, MetadataInvalid, StepFailed, StepHalted, StepNotDue
from headwater.metadata.failures import FAILURES, failure_of, refusal_in
from headwater.metadata.process.deliveries import raw_pending
from headwater.metadata.process.jobs import SharedJobInstance
from headwater.metadata.process.liveness import Life
from headwater.metadata.process.orphaned_runs import close_abandoned, close_ended
from headwater.metadata.static.model import WAREHOUSE, Catalog, Job, Source
from headwater.metadata.static.of_job import catalog_of_rows, rows_of_job
from headwater.metadata.static.plan import Step, plan, sources_of
from headwater.metadata.static.script_text import escaped
from headwater.metadata.static.valid_subset import read_valid_catalog, read_valid_seeds
from headwater.pipeline import retention
from headwater.pipeline.model_runner import ModelRunner
from headwater.pipeline.preparation import Say, open_database, require_fresh
from headwater.pipeline.results import SourceResult
from headwater.pipeline.run import Run
from headwater.pipeline.shared_run import Attempt, SharedRun
from headwater.pipeline.step_result import (
    BRING,
    CHECK,
    CLEAN_UP,
    DISCOVER,
    HISTORIZE,
    STAGE,
    StepContext,
    StepResult,
    result_of,
)
from headwater.project import Project
from headwater.queries.halts import Halt, halted_by

NOT_WELL = ("failed", "upstream_failed")  # states of tasks, in the words of Airflow


MOST_BATCHES = 500  # of deliveries that are brought in side by side


class JobRun(SharedRun):
    """A run of a job of the metadata; `begin` puts it on record."""

    def __init__(
        self,
        project: Project,
        job: str,
        run_id: str,
        say: Say,
        *,
        engine: Engine | None = None,
        runner: ModelRunner | None = None,
    ) -> None:
        """Join a run; it goes on with the metadata that it began with. `runner` runs all its models."""
        super().__init__(project, job, run_id, say, engine=engine)
        self._runner = runner
        rows = self._instance.job_metadata()
        # a run that an older version began has none
        self._catalog = catalog_of_rows(rows) if rows else read_valid_catalog(project.seeds)[0]
        self._job = job_named(self._catalog, job)
        self._context: StepContext | None = None

    @classmethod
    def begin(
        cls,
        project: Project,
        job: str,
        run_id: str,
        say: Say,
        *,
        overrides: Mapping[str, Any] | None = None,
        how_ended: Callable[[str, str], str | None] = lambda _job, _run_id: None,
        life: Life | None = None,
        engine: Engine | None = None,
    ) -> JobRun:
        """Put a run on record with the parameters that it really runs with: the job's, or `overrides` of them.

        With a `life` it is one of a terminal, else of Airflow.

        Runs of the job that ended without a word are closed first: those of which `how_ended` says so by their job
        and run_id, and those of dead processes. Raises `MetadataInvalid` when something is wrong with what the job has
        to do with, or `HeadwaterError` when files made from that are stale. What is wrong elsewhere is said.
        """
        seeds, problems = read_valid_seeds(project.seeds)
        if problems and seeds.find("job", job) is None:
            raise MetadataInvalid(problems)
        rows = rows_of_job(seeds, job)
        catalog = catalog_of_rows(rows)
        its_job = job_named(catalog, job)
        require_fresh(project, sources_of(plan(catalog, its_job)))
        engine = engine or open_database(project)
        close_abandoned(engine)
        close_ended(engine, how_ended, job)
        parameters = parameters_of(catalog, its_job, overrides or {})
        SharedJobInstance.begin(engine, job, run_id, parameters, its_job.etl_steps, rows, life)
        if problems:  # dbt would load the broken rows, or fail on them
            for problem in problems:
                say(f"metadata: {problem}")
            say(f"metadata: not loaded into Postgres until that is mended; {job} has nothing to do with it")
        elif Dbt(project.root, project.home, run_id, sources=()).load_seeds(engine):
            say("metadata: loaded the seeds into Postgres")
        return cls(project, job, run_id, say, engine=engine)

    def tell_parameters(self, attempt: Attempt) -> None:
        """The first task of the run: put on record with which parameters it runs."""
        with self.attempt(attempt):
            self.log("information", f"{self._job.name}: runs with {dict(self.parameters)}")

    @property
    def steps(self) -> tuple[Step, ...]:
        """The active steps of the job."""
        return plan(self._catalog, self._job)

    @contextmanager
    def attempt_at(self, step: Step, attempt: Attempt) -> Iterator[None]:
        """Run the body as one try of a step's task.

        Raises `StepNotDue` when a script or callable of an earlier step_seq did not succeed, and if it is one itself,
        when anything before it did not.
        """
        self._require_due(step)
        more: dict[str, Any] = {"etl_step": step.etl_step, "step_seq": step.step_seq}
        more |= {"source": step.source.name} if step.source else {}
        with self.attempt(attempt, **more):
            yield

    def step(self, name: str) -> Step:
        """A step of the job. Raises `StepFailed` when the metadata that the run began with has none of that name."""
        for step in plan(self._catalog, self._job):
            if step.name == name:
                return step
        raise StepFailed(
            f"{self._job.name} had no active step {name} when the run began, and the run goes on as it began. Start"
            " another run, or clear the task start of this one, which reads the metadata anew"
        )

    def written(self) -> StepResult | None:
        """Return what the last try of a source's task wrote, as the ledger has it; None without one."""
        return result_of(self._engine, self._instance, self._context) if self._context else None

    def discover(self, source: Source) -> list[dict[str, Any]]:
        """Ask the publisher what is new; what has to be brought in, in batches for `bring`, usually of one delivery."""
        self._context = StepContext(DISCOVER, source)
        run = self._run(source)
        offers = run.discover(source, is_full=self.parameters["is_full_load"])
        with self._engine.connect() as connection:
            landed = [delivery.delivery_sqn for delivery in raw_pending(connection, source.name)]
        batches = [
            *({"offers": batch, "deliveries": []} for batch in _batches(offers)),
            *({"offers": [], "deliveries": batch} for batch in _batches(landed)),
        ]
        self._require_well(run, source)
        return batches

    def bring(self, source: Source, batch: Mapping[str, Any]) -> None:
        """Land and load raw what `discover` found."""
        run = self._run(source)
        self._context = StepContext(BRING, source, batch, run.brought)
        offers: Sequence[Payload] = batch["offers"]
        run.bring(source, offers, batch["deliveries"])
        run.list_judged()
        self._require_well(run, source)

    def stage(self, source: Source, runner: ModelRunner | None = None) -> None:
        """raw → staging."""
        self._context = StepContext(STAGE, source)
        run = self._run(source, runner)
        run.staging()
        run.count_fallen_out(source.name)
        self._log_fallen_out(run, source)
        self._require_well(run, source)

    def check(self, source: Source) -> None:
        """Judge what is staged. Raises `StepHalted` when a delivery is halted in this run, also by an earlier try."""
        self._context = StepContext(CHECK, source)
        run = self._run(source)
        run.check(source)
        run.list_judged()
        self._require_well(run, source)
        halted = self._halted(source)
        if halted:
            raise StepHalted(*(halt.message for halt in halted))

    def historize(self, source: Source, runner: ModelRunner | None = None) -> SourceResult:
        """staging → history; what history needs again and staging has no more is brought back first."""
        self._context = StepContext(HISTORIZE, source)
        reloading = self._run(source)
        reloading.reload()
        self._require_well(reloading, source)
        run = self._run(source, runner)
        run.historical()
        self._log_fallen_out(run, source)
        self._context.taken_out = run.results[source.name].taken_out
        self._require_well(run, source)
        return run.results[source.name]

    def clean_up(self, source: Source) -> None:
        """Delete what the source's retention, or `del_temp_data`, lets go."""
        self._context = StepContext(CLEAN_UP, source)
        keep = retention.policy(source)
        if self.parameters["del_temp_data"]:
            keep = {**keep, "raw": 0}
        run = self._run(source)
        run.purge(source, keep)
        self._require_well(run, source)

    def run_script(self, step: Step) -> None:
        """Run a sql_script in one transaction on its connection, with the numbers of the job instance and the task.

        A stored procedure is called with both of them, a statement may name them `:job_inst_id` and
        `:job_inst_task_id`.
        """
        script = step.sql_script
        assert script is not None, f"{step.name} has no script"
        numbers = {
            "job_inst_id": self._instance.job_inst_id,
            "job_inst_task_id": self._instance.job_inst_task_id,
        }
        text = script.sql_text
        if script.is_stored_proc:
            text = f"call {text.strip().rstrip(';')}(:job_inst_id, :job_inst_task_id)"
        try:
            with self._engine_of(step).begin() as connection:
                result = connection.execute(sa.text(escaped(text)), numbers)
                count = result.rowcount
        except sa.exc.DBAPIError as error:
            message = " ".join(str(error.orig).split())
            refusal = refusal_in(message)
            expected = f". {refusal.expected}" if refusal else ""
            raise StepFailed(
                f"{step.name}: the sql_script {script.name} failed: {message}{expected}"
            ) from None
        except sa.exc.StatementError as error:
            raise StepFailed(
                f"{step.name}: the sql_script {script.name} cannot be run: {error.orig}, expected no parameters but"
                " :job_inst_id and :job_inst_task_id"
            ) from None
        counted = f", {count} rows" if count >= 0 else ""
        known = {"row_count": count} if count >= 0 else {}  # of a procedure and of DDL Postgres tells none
        self.log("information", f"{step.name}: ran {script.name}{counted}", **known)

    def call(self, step: Step) -> None:
        """Call a step's Python callable with what its parameters name of: job_inst_id, job_inst_task_id, engine,
        store, project, parameters, say."""
        name = step.python_callable or ""
        module, _, function = name.partition(":")
        try:
            callable_ = getattr(importlib.import_module(module), function)
        except FAILURES as error:  # a module may fail in any way while it is imported
            raise StepFailed(
                f"{step.name}: python_callable {name!r} cannot be used ({type(error).__name__}: {error}), expected"
                " package.module:function"
            ) from None
        offered: dict[str, Any] = {
            "job_inst_id": self._instance.job_inst_id,
            "job_inst_task_id": self._instance.job_inst_task_id,
            "engine": self._engine,
            "project": self._project,
            "parameters": dict(self.parameters),
            "say": self._say,
        }
        wanted = inspect.signature(callable_).parameters
        if "store" in wanted:
            offered["store"] = ObjectStore.from_environment()
        try:
            message = callable_(**{name: value for name, value in offered.items() if name in wanted})
        except SystemExit as error:
            raise StepFailed(f"{step.name}: {name}: {failure_of(error)}") from None
        self.log(
            "information",
            f"{step.name}: called {name}" + (f": {message}" if isinstance(message, str) else ""),
        )

    def finish(self, not_well: Mapping[str, str]) -> str:
        """As that of any run; and a delivery that this run halted is told, though whoever did may have died."""
        if any(self._halted(source) for source in sources_of(plan(self._catalog, self._job))):
            self._instance.outcome.worsen("halted")
        return super().finish(not_well)

    def _run(self, source: Source, runner: ModelRunner | None = None) -> Run:
        store = ObjectStore.from_environment()
        return Run(
            self._project, self._engine, store, self._catalog, [source], self._say,
            joined=self._instance, runner=runner or self._runner,
        )  # fmt: skip

    def _require_due(self, step: Step) -> None:
        earlier = {one.name: one for one in plan(self._catalog, self._job) if one.step_seq < step.step_seq}
        outcomes: dict[str, str] = {name: "not run" for name, one in earlier.items() if not one.is_of_source}
        for (task, _), status in self._instance.statuses().items():
            name = task.partition(".")[0]
            if name in earlier and outcomes.get(name) in (None, "not run", "succeeded"):
                outcomes[name] = status
        for name, status in outcomes.items():
            # a step of a source asks by itself what there is to do; anything else wants all to be well
            if status != "succeeded" and not (step.is_of_source and earlier[name].is_of_source):
                raise StepNotDue(f"{step.name} is not run: {name}, before it, is {status}")

    def _require_well(self, run: Run, source: Source) -> None:
        result = run.results[source.name]
        if result.failures:
            raise StepFailed(*result.failures)
        if result.halts:
            raise StepHalted(*(halt.message for halt in result.halts))

    def _log_fallen_out(self, run: Run, source: Source) -> None:
        if found := run.results[source.name].fallen_out:
            for message in found.messages(source.name):
                self.log("information", f"{source.name}: {message}")

    def _halted(self, source: Source) -> list[Halt]:
        """The deliveries of a source that this run judged and that are halted still."""
        with self._engine.connect() as connection:
            return halted_by(connection, self.job_inst_id, source.name)

    def _engine_of(self, step: Step) -> Engine:
        if step.conn_str is None or step.conn_str.data_source == WAREHOUSE:
            return self._engine
        return engine_of(step)


def job_named(catalog: Catalog, name: str) -> Job:
    """A job of the catalog. Raises `HeadwaterError` when there is none of that name."""
    if name not in catalog.jobs:
        raise HeadwaterError(f"no job {name}. Expected one of: {', '.join(sorted(catalog.jobs))}.")
    return catalog.jobs[name]


def parameters_of(catalog: Catalog, job: Job, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a run: what the job says, or what a person said of this one run."""
    return {
        "sources": [source.name for source in sources_of(plan(catalog, job))],
        **{name: overrides.get(name, getattr(job, name)) for name in ("is_full_load", "del_temp_data")},
    }


def _batches(items: Sequence[Any]) -> Iterator[list[Any]]:
    """Each by itself; when there are very many, in batches of equal size."""
    size = -(-len(items) // MOST_BATCHES) or 1
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
