"""A delivered project, the damage that a test plants in it, and what a verification finds."""

from __future__ import annotations

from typing import Any

from headwater.dbt_project.dbt import Dbt
from headwater.metadata.static.read import read_catalog
from headwater.pipeline.model_code import ModelCode
from headwater.queries.verify.findings import CheckOutcome, Finding, Report
from headwater.queries.verify.verify import Verification
from tests.pipeline.line import Line
from tests.support.history_oracle import Delivery


class Unseen:
    """Progress that nobody looks at."""

    def begin(self, source: str, theme: str) -> None:
        pass

    def count(self, number: int, total: int) -> None:
        pass


class Verified:
    """A line on which all was delivered; `counting` is by source."""

    def __init__(self, line: Line, counting: dict[str, list[Delivery]]) -> None:
        self.line, self.counting = line, counting

    def report(self, *names: str, reads_objects: bool = False) -> Report:
        """Verify some sources, or all."""
        project = self.line.project
        catalog = read_catalog(project.seeds)
        chosen = [catalog.sources[name] for name in names or catalog.sources]
        dbt = Dbt(project.root, project.home, "verify")
        return Verification(
            self.line.database,
            self.line.store,
            dbt,
            ModelCode(self.line.database, project),
            Unseen(),
            reads_objects=reads_objects,
        ).run(chosen)

    def findings(self, *names: str, reads_objects: bool = False) -> list[Finding]:
        """Return all damage that a verification finds."""
        report = self.report(*names, reads_objects=reads_objects)
        return [finding for outcome in report.outcomes for finding in outcome.findings]

    def outcome(self, source: str, check: str) -> CheckOutcome:
        """Verify a source and return the outcome of one check."""
        return next(outcome for outcome in self.report(source).outcomes if outcome.check == check)

    def drop_foreign_keys(self) -> None:
        """Let rows refer to deliveries that there are not."""
        self.line.execute("alter table metadata.delivery drop constraint delivery_pkey cascade")

    def damage(self, statement: str, **values: Any) -> None:
        """Change one row behind Headwater's back."""
        with self.line.database.begin() as connection:
            done = connection.exec_driver_sql(statement, values or None)
            assert done.rowcount == 1, done.rowcount


def rules(findings: list[Finding]) -> set[str]:
    """Return `check.rule` of each finding."""
    return {f"{finding.check}.{finding.rule}" for finding in findings}


def the(findings: list[Finding], rule: str) -> Finding:
    """Return the only finding of a rule."""
    [found] = [finding for finding in findings if f"{finding.check}.{finding.rule}" == rule]
    return found
