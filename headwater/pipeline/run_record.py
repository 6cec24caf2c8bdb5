"""The record of a run: a job instance for each job, its tasks, its log, and what failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.metadata.failures import FAILURES, failure_of, is_foreseen, trace_of
from headwater.metadata.process.jobs import JobInstance, SharedJobInstance
from headwater.metadata.process.liveness import Life
from headwater.metadata.process.recorded_run import Outcome, Report
from headwater.metadata.static.model import Source
from headwater.metadata.static.step_names import StepName
from headwater.metadata.storable import storable
from headwater.pipeline.results import SourceResult, StepResult
from headwater.pipeline.traces import keep_trace
from headwater.queries.fallen_out import fallen_out, together

# deliveries of a source that a job instance staged or checked
_DONE_BY = """
select distinct delivery_sqn
from metadata.delivery_status
inner join metadata.delivery using (delivery_sqn)
where delivery.source = :source
    and delivery_status.job_inst_id = :job_inst_id
    and layer in ('staging', 'checks')
    and status in ('loaded', 'passed', 'halted')
"""


class RunRecord:
    """The record of one run over some sources. What fails a source is its own: on record, and in its result.

    Names of steps are those of `StepName`, by which their tasks are on record.
    """

    def __init__(
        self, engine: Engine, home: Path, run_id: str, results: Mapping[str, SourceResult],
        say: Callable[[str], None], joined: SharedJobInstance | None = None,
    ) -> None:  # fmt: skip
        """`results` are those of the sources; all sources belong to the job instance `joined`, if there is one."""
        self.run_id, self.results = run_id, results
        self.jobs: dict[str, JobInstance | SharedJobInstance] = (
            dict.fromkeys(results, joined) if joined else {}
        )
        self._is_joined = joined is not None
        self.failures: list[str] = []  # of putting the run on record, and of its pages
        self.marts_failures: list[str] = []
        self._engine, self._home, self._say = engine, home, say

    @contextmanager
    def job_instances(self, sources: Iterable[Source], **about: Any) -> Iterator[None]:
        """Open a job instance for each job; close them with the truth, whatever happens."""
        of_job: dict[str, list[str]] = {}
        for source in sources:
            of_job.setdefault(source.job, []).append(source.name)
        opened: list[JobInstance] = []
        life = Life(self._engine)
        try:
            for job, names in sorted(of_job.items()):
                opened.append(JobInstance(self._engine, job, self.run_id, {"sources": names}, life, **about))
                self.jobs.update(dict.fromkeys(names, opened[-1]))
            yield
        except BaseException as error:
            for instance in opened:
                instance.outcome.worsen("failed")
                with suppress(*FAILURES):
                    instance.log_failure(error)
            raise
        finally:
            for name, its_job in self.jobs.items():
                its_job.outcome.worsen(self.results[name].status)
            self._close(opened)
            life.end()

    def _close(self, instances: Iterable[JobInstance]) -> None:
        """Close job instances; of one that cannot be closed the run says so, and the next one closes it as failed."""
        for instance in instances:
            try:
                instance.close()
            except FAILURES as error:
                self.keep_trace(f"closing the job instance of {instance.job}", error)
                self.failures.append(
                    f"{instance.job}: its job instance {instance.job_inst_id} cannot be closed: {failure_of(error)}"
                )

    @contextmanager
    def step(self, source: Source, name: StepName) -> Iterator[StepResult]:
        """A step of one source as a task on record; the body writes what it did into its result.

        What it raises is the source's failure. What keeps the task from being begun is raised, for the body cannot be
        left out here.
        """
        done, is_begun = StepResult(), False
        try:
            with self.jobs[source.name].task(name, source=source.name) as outcome:
                is_begun = True
                try:
                    yield done
                finally:
                    self.results[source.name].add(done)
                    outcome.worsen(done.status)
        except FAILURES as error:
            if not is_begun:
                raise
            self._note(source.name, name, error)

    @contextmanager
    def shared_step(
        self, step: StepName, names: Iterable[str], **parameters: Any
    ) -> Iterator[Mapping[str, Outcome]]:
        """A step that serves several sources at once, a task on record in each of their jobs: its outcome by source."""
        with ExitStack() as tasks:
            jobs = {name: self.jobs[name] for name in names}
            outcomes = {
                job_inst_id: tasks.enter_context(job.task(step, **parameters))
                for job_inst_id, job in sorted({job.job_inst_id: job for job in jobs.values()}.items())
            }
            yield {name: outcomes[job.job_inst_id] for name, job in jobs.items()}

    @contextmanager
    def spared(self, name: str, step: StepName) -> Iterator[Outcome]:
        """Take what the body raises for the failure of the source alone: logged, and its stack trace kept."""
        spared = Outcome()
        try:
            yield spared
        except FAILURES as error:
            spared.worsen("failed")
            self._note(name, step, error)

    def _note(self, name: str, step: StepName, error: BaseException) -> None:
        self.keep_trace(f"{name}: {step}", error)
        failure = _of_step(name, step, error)
        if failure not in self.results[name].failures:
            self.results[name].failures.append(failure)
            self._say(f"{step} failed: {failure}")
            with suppress(*FAILURES):
                self.jobs[name].log_once(failure)
        self.jobs[name].outcome.worsen("failed")

    def fail(self, name: str, step: StepName, error: BaseException) -> None:
        """Put on record that a source failed in a step, unless an earlier one has done so."""
        failure = _of_step(name, step, error)
        if failure in self.results[name].failures:
            return
        self.results[name].failures.append(failure)
        with suppress(*FAILURES):  # it is told, also where it cannot be put on record
            self.jobs[name].log("error", failure)
        self.jobs[name].outcome.worsen("failed")

    def keep_trace(self, what: str, error: BaseException) -> None:
        """Keep the stack trace of an unexpected error."""
        if not is_foreseen(error):
            keep_trace(self._home, f"run {self.run_id}: {what}", trace_of(error))

    def report(self, source: Source) -> Report:
        """Return the function by which the extraction of a source reports; stack traces go to their file, too."""
        job = self.jobs[source.name]

        def report(level: str, message: str, **context: Any) -> None:
            if "trace" in context:
                keep_trace(self._home, f"run {self.run_id}: {message}", context["trace"])
            job.log(level, message, **context)

        return report

    def count_fallen_out(self, name: str, more: Iterable[int] = ()) -> None:
        """Count what fell out of the deliveries that a source's job instance staged or checked, and of `more`."""
        done_by = {"source": name, "job_inst_id": self.jobs[name].job_inst_id}
        with self._engine.connect() as connection:
            done = connection.scalars(sa.text(_DONE_BY), done_by)
            found = fallen_out(connection, {*done, *more})
        self.results[name].fallen_out = together(found.values())

    def log_fallen_out(self, name: str) -> None:
        """Log what fell out of a source's deliveries; the task of a job says it, too, as nobody sums it up."""
        if found := self.results[name].fallen_out:
            for message in found.messages(name):
                self.jobs[name].log("information", f"{name}: {message}")
                if self._is_joined:
                    self._say(f"{name}: {message}")

    def fail_marts(self, failure: str) -> None:
        """Put on record, in each job instance, that the marts failed."""
        self.marts_failures.append(failure)
        with suppress(*FAILURES):  # it is told, also where it cannot be put on record
            for instance in {job.job_inst_id: job for job in self.jobs.values()}.values():
                instance.log("error", failure)


def _of_step(name: str, step: StepName, error: BaseException) -> str:
    """Return the failure of a source in a step: its name in front, and the step if it is unexpected."""
    failure = failure_of(error)
    message = str(failure)
    if not is_foreseen(failure):
        return storable(f"{name}: {step}: {message}")
    return message if message.startswith(f"{name}: ") else f"{name}: {message}"
