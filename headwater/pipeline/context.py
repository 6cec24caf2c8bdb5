"""The context of the steps of one run: what they read from, write to, and report to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy import Engine

from headwater.checks import data_docs
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.errors import LedgerBroken
from headwater.metadata.failures import FAILURES, failure_of
from headwater.metadata.process.deliveries import has_verdict
from headwater.metadata.process.jobs import JobInstance, SharedJobInstance
from headwater.metadata.static.model import Source
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.layer_builds import IsReload, LayerBuilds
from headwater.pipeline.model_code import ModelCode
from headwater.pipeline.models import Models
from headwater.pipeline.preparation import Say
from headwater.pipeline.run_record import RunRecord
from headwater.pipeline.side_by_side import each_beside
from headwater.project import Project


@dataclass
class RunContext:
    """The things that the steps of one run share.

    Steps that are Python go side by side for `at_once` sources. `is_reload` says whether a delivery that broke in a
    step was checked before, which changes no verdict; by default that is so of what staging brings back.
    """

    project: Project
    engine: Engine
    store: ObjectStore
    record: RunRecord
    models: Models
    say: Say
    at_once: int = 1
    is_reload: IsReload | None = None
    has_checked: bool = field(
        default=False, init=False
    )  # a delivery, since the list of the Data Docs was written

    @cached_property
    def builds(self) -> LayerBuilds:
        """The dbt runs of the layers."""
        return LayerBuilds(
            self.engine, self.store, self.record, ModelCode(self.engine, self.project),
            self.is_reload or self.was_checked, self.say,
        )  # fmt: skip

    def job(self, source: Source) -> JobInstance | SharedJobInstance:
        """Return the job instance in whose name a source is worked on."""
        return self.record.jobs[source.name]

    def each(
        self,
        name: StepName,
        sources: Iterable[Source],
        *steps: Callable[[RunContext, Source], object],
        alone_in: Callable[[Source], str | None] = lambda _: None,
    ) -> None:
        """Do some steps for each source, side by side; what fails one does not stop the others.

        Those for which `alone_in` names the same group go one after the other.
        """

        def do(source: Source) -> None:
            for step in steps:
                with self.record.spared(source.name, name):
                    step(self, source)

        each_beside(do, sources, self.at_once, alone_in)

    def was_checked(self, step: StepName, broken: LedgerBroken) -> bool:
        """Return whether staging only had to bring back what was checked before: that changes no verdict."""
        with self.engine.connect() as connection:
            return step is StepName.STAGE and has_verdict(connection, broken.delivery_sqn)

    def list_checked(self) -> None:
        """Write the list of all sources among the Data Docs, when this run has checked a delivery.

        That it cannot be written is said, and holds up nothing: it is of no source in particular.
        """
        if not self.has_checked:
            return
        try:
            data_docs.write_list_of_sources(self.project.home, self.engine)
        except FAILURES as error:
            self.record.keep_trace("the list of the Data Docs", error)
            failure = f"the list of the Data Docs cannot be written: {failure_of(error)}"
            self.record.failures.append(failure)
            self.say(failure)
