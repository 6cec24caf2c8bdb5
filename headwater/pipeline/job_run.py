"""One run of a job whose steps are processes of their own, as in Airflow: begun, joined by each step, and finished.

Each step asks what is available and not yet processed, so it can be run again at any time. What halted or failed is
raised when the step is done with everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine

from headwater.dbt_project.dbt import Dbt
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.errors import HeadwaterError, MetadataInvalid, StepFailed, StepHalted, StepNotDue
from headwater.metadata.process.jobs import SharedJobInstance
from headwater.metadata.process.liveness import Life
from headwater.metadata.process.orphaned_runs import close_abandoned, close_ended
from headwater.metadata.static.model import Catalog, Job, Source
from headwater.metadata.static.of_job import catalog_of_rows, rows_of_job
from headwater.metadata.static.plan import Step, begins_in, left_to_source, plan, sources_of
from headwater.metadata.static.step_names import StepName
from headwater.metadata.static.valid_subset import read_valid_catalog, read_valid_seeds
from headwater.pipeline.context import RunContext
from headwater.pipeline.idle import are_marts_due, is_idle
from headwater.pipeline.job_steps import JOB_STEPS, Batch, Work, require_well
from headwater.pipeline.model_runner import ModelRunner
from headwater.pipeline.models import Models
from headwater.pipeline.preparation import Say, open_database, require_fresh
from headwater.pipeline.results import SourceResult
from headwater.pipeline.run_record import RunRecord
from headwater.pipeline.shared_run import Attempt, SharedRun
from headwater.pipeline.step_audit import StepAudit, StepTry, audit
from headwater.pipeline.steps.call import call
from headwater.pipeline.steps.run_script import run_script
from headwater.project import Project
from headwater.queries.halts import Halt, halted_by

NOT_WELL = ("failed", "upstream_failed")  # states of tasks, in the words of Airflow


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
        models: Models | None = None,
    ) -> None:
        """Join a run; it goes on with the metadata that it began with. By default each step has `models` of its own."""
        super().__init__(project, job, run_id, say, engine=engine)
        self._models = models
        rows = self._instance.job_metadata()
        # a run that an older version began has none
        self._catalog = catalog_of_rows(rows) if rows else read_valid_catalog(project.seeds)[0]
        self._job = job_named(self._catalog, job)
        self._try: StepTry | None = None

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
        """The first task of a run that begins in none of its steps: put on record with which parameters it runs."""
        with self.attempt(attempt):
            self._log_parameters()

    def _log_parameters(self) -> None:
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

    def audit(self) -> StepAudit | None:
        """Return what the last try of a source's task wrote, as the ledger has it; None without one."""
        return audit(self._engine, self._instance, self._try) if self._try else None

    def do(
        self, name: StepName, step: Step, batch: Batch | None = None, runner: ModelRunner | None = None
    ) -> SourceResult:
        """Do what one task of a source's step does; the caller is in `attempt_at`.

        `batch` is one of those that `discover` returns, for LAND; `runner` runs the model of STAGE or HISTORIZE. Raises
        `StepFailed`, or `StepHalted` when a delivery is halted; CHECK also when an earlier try has halted it.
        """
        return self._do(name, step.source_or_fail, Work(self.parameters, batch, runner))

    def discover(self, step: Step) -> list[dict[str, Any]]:
        """Ask the publisher what is new, as `do` does; return the batches that are to be landed."""
        if begins_in(self.steps) == step:
            self._log_parameters()
        work = Work(self.parameters)
        self._do(StepName.DISCOVER, step.source_or_fail, work)
        return work.batches

    def idle_tasks(self, step: Step) -> list[str]:
        """Return the tasks that need not run after `discover` of a step found nothing, which is put on record.

        They are the rest of what the source does before a script or callable has its turn, where none of it has
        anything to do; and none is left out while the marts wait to be built, which the history's task has begin.
        """
        source = step.source_or_fail
        after = left_to_source(self.steps, step)
        is_idle_source = is_idle(
            self._context_of(source), source, del_temp_data=self.parameters["del_temp_data"]
        )
        if not is_idle_source or (
            any(one.etl_step == "L" for one in after) and are_marts_due(self._project, self._engine)
        ):
            return []
        tasks = [step.task_id(StepName.LAND), *(one.task_id(name) for one in after for name in one.names)]
        message = f"{source.name}: nothing is new and nothing waits in any layer, so {', '.join(tasks)}"
        self.log("information", f"{message} {'is' if len(tasks) == 1 else 'are'} skipped")
        return tasks

    def clean_up(self, attempt: Attempt, tell: Callable[[], None] = lambda: None) -> None:
        """Delete what need not stay of the sources whose history was made, in the last task of the run.

        `tell` is called after each of them. Raises `StepFailed` when it is done with the others.
        """
        statuses = self._instance.statuses()
        made = [
            step.source_or_fail
            for step in self.steps
            if step.etl_step == "L"
            and step.is_of_source
            and statuses.get((step.task_id(StepName.HISTORIZE), None)) == "succeeded"
        ]
        if not made:
            return
        with self.attempt(attempt):
            failures: list[str] = []
            for source in made:
                try:
                    self._do(StepName.CLEAN_UP, source, Work(self.parameters))
                except StepFailed as error:
                    failures.append(str(error))
                finally:
                    tell()
            if failures:
                raise StepFailed(*failures)

    def _do(self, name: StepName, source: Source, work: Work) -> SourceResult:
        self._try = StepTry(name, source, work.batch, work.landed)
        context = self._context_of(source)
        result = context.record.results[source.name]
        JOB_STEPS[name](context, source, work)
        self._try.taken_out = result.taken_out
        require_well(context, source)
        if name is StepName.CHECK and (halted := self._halted(source)):
            raise StepHalted(*(halt.message for halt in halted))
        return result

    def run_script(self, step: Step) -> None:
        """Run a step's sql_script. Raises `StepFailed`."""
        run_script(self._engine, step, self._numbers, self.log)

    def call(self, step: Step) -> None:
        """Call a step's python_callable with what its parameters name of what a job offers. Raises `StepFailed`."""
        offered: dict[str, Callable[[], Any]] = {
            "job_inst_id": lambda: self._instance.job_inst_id,
            "job_inst_task_id": lambda: self._instance.job_inst_task_id,
            "engine": lambda: self._engine,
            "store": ObjectStore.from_environment,
            "project": lambda: self._project,
            "parameters": lambda: dict(self.parameters),
            "say": lambda: self._say,
        }
        call(step, offered, self.log)

    def _context_of(self, source: Source) -> RunContext:
        """Return the context of a step of a source: its result begins anew."""
        record = RunRecord(
            self._engine, self._project.home, self._instance.run_id,
            {source.name: SourceResult(source=source.name)}, self._say, self._instance,
        )  # fmt: skip
        models = self._models or Models(
            self._project, record.run_id, [source.name], self._say, record.keep_trace, job=self._job.name
        )
        return RunContext(
            self._project, self._engine, ObjectStore.from_environment(), record, models, self._say
        )

    @property
    def _numbers(self) -> dict[str, int | None]:
        """Return those of the job instance and of the task that runs."""
        instance = self._instance
        return {"job_inst_id": instance.job_inst_id, "job_inst_task_id": instance.job_inst_task_id}

    def finish(self, not_well: Mapping[str, str]) -> str:
        """As that of any run; and a delivery that this run halted is told, though whoever did may have died."""
        if any(self._halted(source) for source in sources_of(plan(self._catalog, self._job))):
            self._instance.outcome.worsen("halted")
        return super().finish(not_well)

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

    def _halted(self, source: Source) -> list[Halt]:
        """The deliveries of a source that this run checked and that are halted still."""
        with self._engine.connect() as connection:
            return halted_by(connection, self.job_inst_id, source.name)


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
