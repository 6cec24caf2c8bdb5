"""Questions about history: what a decision would do to it, and what was known at a moment. Nothing of it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from headwater.checks import foresee_verdict
from headwater.dbt_project.dry_run import DryRunResult
from headwater.metadata.errors import HeadwaterError
from headwater.metadata.process.deliveries import lock_source
from headwater.metadata.static.model import Source
from headwater.pipeline import retention
from headwater.pipeline.preparation import counted
from headwater.pipeline.run import Run


class Question(Run):
    """A run that asks. Of it stay its job instance, and what had to be staged for it until the next purge."""

    def dry_run(self, source: Source, event: str, delivery_sqn: int, checks: Sequence[str]) -> DryRunResult:
        """Return what an event would do to history; only the job instance of asking it stays,
        and what had to be staged."""
        with self._job_instances("dry_run"):
            self._bring_back(source, retention.unstaged_for_decision(self._engine, event, delivery_sqn))
            with self.record.jobs[source.name].task("dry run", event=event, delivery_sqn=delivery_sqn):
                self._say(f"{source.name}: making history as if it were so, and taking it back")
                return self._models.dbt.dry_run(source.name, event, delivery_sqn, checks)

    def dry_run_of_replay(self, source: Source, delivery_sqn: int) -> DryRunResult:
        """Return what today's checks would say of a delivery as it is staged,
        and what would come of that in history."""
        with self._job_instances("dry_run"):
            self._bring_back(source, retention.unstaged_for_decision(self._engine, "replayed", delivery_sqn))
            with self.record.jobs[source.name].task("dry run", event="replayed", delivery_sqn=delivery_sqn):
                self._say(f"{source.name}: judging delivery {delivery_sqn} by today's checks")
                verdict = foresee_verdict(self._engine, source, delivery_sqn)
                event = "passed" if verdict.passed else "halted"
                self._say(f"{source.name}: making history as if it were so, and taking it back")
                would = self._models.dbt.dry_run(source.name, event, delivery_sqn, ())
                return replace(would, verdict=event, why=verdict.why)

    def bring_back(self, source: Source, sqns: Sequence[int]) -> None:
        """Stage deliveries again that a question needs and history does not. Raises `HeadwaterError` when S3 cannot."""
        with self._job_instances("recall"):
            self._bring_back(source, sqns)

    def _bring_back(self, source: Source, sqns: Sequence[int]) -> None:
        if not sqns:
            return
        self._say(f"{source.name}: bringing {counted(len(sqns))} back from S3")
        job_inst_id = self.record.jobs[source.name].job_inst_id
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
