"""The record of a run: a job instance for each job, its tasks, its log, and what failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from headwater.extract.run import Report
from headwater.metadata.failures import FAILURES, failure_of, is_foreseen, trace_of
from headwater.metadata.process.jobs import JobInstance, SharedJobInstance
from headwater.metadata.process.liveness import Life
from headwater.metadata.process.recorded_run import Outcome
from headwater.metadata.static.model import Source
from headwater.metadata.storable import storable
from headwater.pipeline.results import SourceResult
from headwater.pipeline.traces import keep_trace


class RunRecord:
    """The record of one run over some sources. What fails a source is its own: on record, and in its result."""

    def __init__(
        self, engine: Engine, home: Path, run_id: str, results: Mapping[str, SourceResult],
        say: Callable[[str], None], joined: SharedJobInstance | None = None,
    ) -> None:  # fmt: skip
        """`results` are those of the sources; all sources belong to the job instance `joined`, if there is one."""
        self.run_id, self.results = run_id, results
        self.jobs: dict[str, JobInstance | SharedJobInstance] = (
            dict.fromkeys(results, joined) if joined else {}
        )
        self.failures: list[str] = []  # of putting the run on record, and of its pages
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
    def task(self, source: Source, task: str) -> Iterator[Outcome]:
        """A task of one source, on record; what it raises is the source's failure.

        What keeps the task from being begun is raised, for the body cannot be left out here.
        """
        is_begun = False
        try:
            with self.jobs[source.name].task(task, source=source.name) as outcome:
                is_begun = True
                yield outcome
        except FAILURES as error:
            if not is_begun:
                raise
            self._note(source.name, task, error)

    @contextmanager
    def shared_task(
        self, task: str, names: Iterable[str], **parameters: Any
    ) -> Iterator[Mapping[str, Outcome]]:
        """One task that serves several sources at once, on record in each of their jobs: its outcome by source."""
        with ExitStack() as tasks:
            jobs = {name: self.jobs[name] for name in names}
            outcomes = {
                job_inst_id: tasks.enter_context(job.task(task, **parameters))
                for job_inst_id, job in sorted({job.job_inst_id: job for job in jobs.values()}.items())
            }
            yield {name: outcomes[job.job_inst_id] for name, job in jobs.items()}

    @contextmanager
    def spared(self, name: str, task: str) -> Iterator[Outcome]:
        """Take what the body raises for the failure of the source alone: logged, and its stack trace kept."""
        spared = Outcome()
        try:
            yield spared
        except FAILURES as error:
            spared.worsen("failed")
            self._note(name, task, error)

    def _note(self, name: str, task: str, error: BaseException) -> None:
        self.keep_trace(f"{name}: {task}", error)
        failure = _of_step(name, task, error)
        if failure not in self.results[name].failures:
            self.results[name].failures.append(failure)
            self._say(f"{task} failed: {failure}")
            with suppress(*FAILURES):
                self.jobs[name].log_once(failure)
        self.jobs[name].outcome.worsen("failed")

    def fail(self, name: str, task: str, error: BaseException) -> None:
        """Put on record that a source failed in a task, unless an earlier layer has done so."""
        failure = _of_step(name, task, error)
        if failure in self.results[name].failures:
            return
        self.results[name].failures.append(failure)
        with suppress(*FAILURES):  # it is told, also where it cannot be put on record
            self.jobs[name].log("error", failure)
        self.jobs[name].outcome.worsen("failed")

    def keep_trace(self, what: str, error: BaseException) -> None:
        """Keep the stack trace of an error that nobody foresaw."""
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

    def log_fallen_out(self, name: str) -> None:
        """Log what fell out of a source's deliveries."""
        if found := self.results[name].fallen_out:
            for message in found.messages(name):
                self.jobs[name].log("information", f"{name}: {message}")

    def log_all(self, level: str, message: str) -> None:
        """Write a line into the log of each job instance."""
        for instance in {job.job_inst_id: job for job in self.jobs.values()}.values():
            instance.log(level, message)


def _of_step(name: str, task: str, error: BaseException) -> str:
    """Return the failure of a source in a step: its name in front, and the step where nobody foresaw it."""
    failure = failure_of(error)
    message = str(failure)
    if not is_foreseen(failure):
        return storable(f"{name}: {task}: {message}")
    return message if message.startswith(f"{name}: ") else f"{name}: {message}"
