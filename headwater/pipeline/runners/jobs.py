"""Jobs in a terminal: the tasks of a job's plan, in the order, side by side and on record as Airflow runs them.

Airflow's retries, pools, schedules and alerts stay Airflow's: here each task has one try.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from graphlib import TopologicalSorter
from queue import Queue
from threading import Semaphore, Thread
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Engine

from headwater.dbt_project import marts
from headwater.dbt_project.dbt import Dbt
from headwater.dbt_project.project_subset import MARTS
from headwater.metadata.errors import StepHalted, StepNotDue
from headwater.metadata.failures import FAILURES, failure_of, is_foreseen, trace_of
from headwater.metadata.process.liveness import Life
from headwater.metadata.static.model import Catalog, Job
from headwater.metadata.static.plan import Step, begins_in, sources_of, waits_for
from headwater.metadata.static.step_names import StepName
from headwater.metadata.static.valid_subset import read_valid_catalog
from headwater.pipeline.job_run import NOT_WELL, JobRun, job_named
from headwater.pipeline.job_steps import Batch
from headwater.pipeline.marts_run import MartsRun
from headwater.pipeline.models import Models
from headwater.pipeline.preparation import Say, open_database
from headwater.pipeline.results import SourceResult
from headwater.pipeline.shared_run import Attempt, SharedRun
from headwater.pipeline.side_by_side import PATIENCE_S, each_beside
from headwater.pipeline.traces import keep_trace
from headwater.project import Project

T = TypeVar("T")


@dataclass(frozen=True)
class JobResult:
    """The end of a run of a job. `error` is the last one; `is_on_record` says whether it has a job instance."""

    job: str
    run_id: str
    status: str  # succeeded, halted or failed
    error: str | None = None
    is_on_record: bool = True
    made_history: bool = False  # as far as any source came to it


def run_jobs(
    project: Project,
    names: Sequence[str],
    say: Say,
    *,
    overrides: Mapping[str, bool] | None = None,
    follow: bool = True,
) -> list[JobResult]:
    """Run jobs one after the other, then the jobs that come after them, and the marts, if history is another one.

    `overrides` are parameters of the named jobs (`is_full_load`, `del_temp_data`) in place of what the metadata says. A
    job follows when all that it comes after (`after_job`) have succeeded in this call. Raises `HeadwaterError` for a
    name that is no job, or `DatabaseUnavailable`.
    """
    catalog, _ = read_valid_catalog(project.seeds)
    named = [job_named(catalog, name) for name in dict.fromkeys(names)]
    most = max([job.max_parallel for job in catalog.jobs.values()], default=1)
    engine = open_database(project, most)
    done: dict[str, JobResult] = {}
    todo = deque(named)
    while todo:
        job = todo.popleft()
        its = overrides or {} if job in named else {}
        done[job.name] = _run_job(project, engine, job, say, its)
        if follow:
            todo += [one for one in _followers(catalog, done) if one not in todo]
    results = list(done.values())
    made_history = any(result.made_history for result in results)
    if made_history and marts.models(project) and (built := _run_marts(project, engine, say)):
        results.append(built)
    return results


def _followers(catalog: Catalog, done: Mapping[str, JobResult]) -> list[Job]:
    """The active jobs that have not run yet, and all of whose predecessors have succeeded."""
    well = {name for name, result in done.items() if result.status == "succeeded"}
    return [
        job
        for job in catalog.jobs.values()
        if job.is_active and job.after_job and job.name not in done and well.issuperset(job.after_job)
    ]


def _run_job(
    project: Project, engine: Engine, job: Job, say: Say, overrides: Mapping[str, bool]
) -> JobResult:
    run_id = str(uuid4())
    say(f"job {job.name}")
    life = Life(engine)
    try:
        try:
            begun = JobRun.begin(
                project, job.name, run_id, say, overrides=overrides, life=life, engine=engine
            )
        except FAILURES as error:
            return JobResult(job.name, run_id, "failed", str(failure_of(error)), is_on_record=False)
        return _JobRunner(project, engine, job, begun, run_id, say).whole()
    finally:
        life.end()


@dataclass
class _Tasks:
    """The states of the tasks of a run, by their names, in the words of Airflow."""

    project: Project
    run_id: str
    say: Say
    states: dict[str, str] = field(default_factory=dict)

    def do(self, task: str, act: Callable[[], T]) -> T | None:
        """Do a task; what it raises is said, and is its failure. None where it did not succeed."""
        try:
            result = act()
        except StepNotDue as error:
            self._end(task, "skipped", str(error))
        except StepHalted as error:
            self._end(task, "failed", f"{task} is halted: {error}")
        except FAILURES as error:
            self.keep_trace(task, error)
            self._end(task, "failed", f"{task} failed: {failure_of(error)}")
        else:
            self.states[task] = "success"
            return result
        return None

    def keep_trace(self, what: str, error: BaseException) -> None:
        """Keep the stack trace of an unexpected error."""
        if not is_foreseen(error):
            keep_trace(self.project.home, f"run {self.run_id}: {what}", trace_of(error))

    def is_well(self, task: str) -> bool:
        return self.states.get(task) == "success"

    def leave(self, task: str, *, after: str) -> None:
        """Do not do a task, since the one before it did not succeed."""
        self.states[task] = "skipped" if self.states[after] == "skipped" else "upstream_failed"

    @property
    def not_well(self) -> dict[str, str]:
        return {task: state for task, state in self.states.items() if state in NOT_WELL}

    def _end(self, task: str, state: str, message: str) -> None:
        self.states[task] = state
        self.say(message)


class _JobRunner:
    """One run of a job that is on record already."""

    def __init__(
        self, project: Project, engine: Engine, job: Job, begun: JobRun, run_id: str, say: Say
    ) -> None:
        self._project, self._engine, self._job, self._begun = project, engine, job, begun
        self._run_id, self._say = run_id, say
        self._tasks = _Tasks(project, run_id, say)
        self._slots = Semaphore(job.max_parallel)
        self._idle: set[str] = set()  # tasks that need not run
        names = [source.name for source in sources_of(begun.steps)]
        self._models = Models(project, run_id, names, say, self._tasks.keep_trace, job=job.name)

    def whole(self) -> JobResult:
        """All steps, each after those that it waits for, and the end."""
        try:
            if begins_in(self._begun.steps) is None:
                self._tasks.do("start", lambda: self._begun.tell_parameters(Attempt("start", 1)))
            self._each_step()
            self._tasks.do("finish", lambda: self._begun.clean_up(Attempt("finish", 1)))
            return _ended(self._begun, self._job.name, self._run_id, self._tasks)
        except FAILURES as error:
            return _broken_off(self._begun, self._job.name, self._run_id, error)
        except BaseException as error:
            _abort(self._begun, error)
            raise

    def _each_step(self) -> None:
        steps = {step.name: step for step in self._begun.steps}
        sorter = TopologicalSorter(
            {name: [one.name for one in before] for name, before in waits_for(steps.values()).items()}
        )
        sorter.prepare()
        ended: Queue[tuple[str, BaseException | None]] = Queue()
        threads: list[Thread] = []

        def work(name: str) -> None:
            try:
                self._step(steps[name])
            except BaseException as error:  # noqa: BLE001  # raised again by who waits for it
                ended.put((name, error))
            else:
                ended.put((name, None))

        try:
            while sorter.is_active():
                for name in sorter.get_ready():
                    threads.append(Thread(target=work, args=(name,), name=name, daemon=True))
                    threads[-1].start()
                name, error = ended.get()
                if error is not None:
                    raise error
                sorter.done(name)
        finally:  # broken off: what is going on goes on only as long as the process
            for thread in threads:
                thread.join(PATIENCE_S / len(threads))

    def _step(self, step: Step) -> None:
        """Do the tasks of a step, one after the other."""
        if step.sql_script:
            self._do(step, step.name, lambda run: run.run_script(step))
            return
        if step.python_callable:
            self._do(step, step.name, lambda run: run.call(step))
            return
        before: str | None = None
        batches: list[dict[str, Any]] = []
        for name in step.names:
            task = step.task_id(name)
            if task in self._idle:
                self._tasks.states[task] = "skipped"
            elif before is not None and name.needs_success and not self._tasks.is_well(before):
                self._tasks.leave(task, after=before)
            elif name is StepName.LAND:
                self._land(step, task, batches)
            elif name is StepName.DISCOVER:
                batches = self._do(step, task, partial(self._discover, step=step)) or []
            else:
                self._do(step, task, partial(_do_step, name=name, step=step))
            before = task

    def _discover(self, run: JobRun, step: Step) -> list[dict[str, Any]]:
        """Ask what is new; where there is nothing to do, note the tasks that are left out."""
        batches = run.discover(step)
        if not batches:
            self._idle.update(run.idle_tasks(step))
        return batches

    def _land(self, step: Step, task: str, batches: Sequence[Batch]) -> None:
        """Do the tasks that land what was discovered, side by side."""

        def do(index: int) -> None:
            self._do(step, task, lambda run: run.do(StepName.LAND, step, batches[index]), index)

        each_beside(do, range(len(batches)), self._job.max_parallel)

    def _do(self, step: Step, task: str, act: Callable[[JobRun], T], index: int | None = None) -> T | None:
        """Do one task of a step, on record, as soon as fewer than `max_parallel` others run."""

        def attempt() -> T:
            run = JobRun(
                self._project,
                self._job.name,
                self._run_id,
                self._say,
                engine=self._engine,
                models=self._models,
            )
            with run.attempt_at(step, Attempt(task, 1, index)):
                return act(run)

        with self._slots:
            return self._tasks.do(task if index is None else f"{task}[{index}]", attempt)


def _do_step(run: JobRun, name: StepName, step: Step) -> SourceResult:
    return run.do(name, step)


def _ended(run: SharedRun, job: str, run_id: str, tasks: _Tasks) -> JobResult:
    status = run.finish(tasks.not_well)
    made_history = any(tasks.is_well(task) for task in tasks.states if f".{StepName.HISTORIZE}." in task)
    error = run.last_error if status != "succeeded" else None
    return JobResult(job, run_id, status, error, made_history=made_history)


def _broken_off(run: SharedRun, job: str, run_id: str, error: BaseException) -> JobResult:
    _abort(run, error)
    return JobResult(job, run_id, "failed", str(failure_of(error)))


def _abort(run: SharedRun, error: BaseException) -> None:
    with suppress(*FAILURES):  # that it cannot be put on record takes no other error's place
        run.abort(error)


def _run_marts(project: Project, engine: Engine, say: Say) -> JobResult | None:
    """Build the marts, each after those that it is made of; None where they are made of this history already."""
    run_id = str(uuid4())
    life = Life(engine)
    try:
        begun = MartsRun.begin(project, run_id, say, life=life, engine=engine)
        if begun is None:
            return None
        try:
            tasks = _Tasks(project, run_id, say)
            _build_marts(project, begun, run_id, tasks)
            return _ended(begun, MartsRun.JOB, run_id, tasks)
        except FAILURES as error:
            return _broken_off(begun, MartsRun.JOB, run_id, error)
        except BaseException as error:
            _abort(begun, error)
            raise
    finally:
        life.end()


def _build_marts(project: Project, run: MartsRun, run_id: str, tasks: _Tasks) -> None:
    dbt = Dbt(project.root, project.home, run_id, job=MartsRun.JOB, sources=[MARTS])
    for model, parents in _marts(dbt, marts.models(project)).items():
        task = f"marts.{model}"
        before = [f"marts.{parent}" for parent in parents if f"marts.{parent}" in tasks.states]
        if missing := next((one for one in before if not tasks.is_well(one)), None):
            tasks.leave(task, after=missing)
            continue

        def build(task: str = task, model: str = model) -> None:
            with run.attempt(Attempt(task, 1)):
                reason = run.build(model, dbt)
            if reason is not None:
                raise StepNotDue(reason)

        tasks.do(task, build)


def _marts(dbt: Dbt, names: Collection[str]) -> dict[str, list[str]]:
    """The marts in the order in which they are built, each with the models that it is made of."""
    nodes: dict[str, Any] = dict(dbt.manifest().nodes)
    made_of = marts.built_after(
        {
            node.name: (
                node.config.materialized == "ephemeral",
                [one.rpartition(".")[2] for one in node.depends_on.nodes if one.startswith("model.")],
            )
            for node in nodes.values()
            if node.resource_type == "model" and node.name in names
        }
    )
    order = TopologicalSorter(made_of).static_order()
    return {name: made_of[name] for name in order if name in made_of}


def exit_code(results: Sequence[JobResult]) -> int:
    """The exit code of some runs: 0 all well, 3 something halted, 1 something failed."""
    worst = {result.status for result in results}
    return 1 if "failed" in worst else 3 if "halted" in worst else 0
