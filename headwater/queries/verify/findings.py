"""Findings: a violated promise, its place, the expected state, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from headwater.metadata.visible import shortened
from headwater.queries.key_history import named_key

SAMPLE_SIZE = 5  # findings of one rule that are listed; all are counted


@dataclass(frozen=True)
class Finding:
    """One violated promise. It names a delivery, a version (key and valid_from) or an object."""

    source: str
    check: str
    rule: str
    expected: str
    found: str
    action: str
    delivery_sqn: int | None = None
    publisher_name: str | None = None
    key: Mapping[str, Any] | None = None
    valid_from: str | None = None  # ISO 8601, UTC
    address: str | None = None  # of an object

    @property
    def about(self) -> str:
        """Return the delivery, version or object for people."""
        parts = []
        if self.key is not None:
            parts.append(f"key {shortened(named_key(self.key))}")
        if self.valid_from is not None:
            parts.append(f"from {self.valid_from}")
        if self.delivery_sqn is not None:
            name = f", {self.publisher_name}" if self.publisher_name else ""
            parts.append(f"delivery {self.delivery_sqn}{name}")
        if self.address is not None:
            parts.append(self.address)
        return ", ".join(parts) or self.source


@dataclass(frozen=True)
class CheckOutcome:
    """The outcome of one check of a source.

    `checked` says how much was compared. `findings` are damage: the first ones of each rule; `counts` has the numbers
    by rule. `unproven` says what the check could not prove; `notices` are no damage, but worth a look.
    """

    source: str
    check: str
    checked: str
    findings: tuple[Finding, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    unproven: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """Return damaged, unproven or clean."""
        return "damaged" if self.findings else "unproven" if self.unproven else "clean"

    @property
    def total(self) -> int:
        """Return the number of findings, including those that are not listed."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Report:
    """The outcomes of all checks, in order."""

    outcomes: tuple[CheckOutcome, ...]

    @property
    def damaged(self) -> list[CheckOutcome]:
        """Return the outcomes with damage."""
        return [outcome for outcome in self.outcomes if outcome.status == "damaged"]

    @property
    def unproven(self) -> list[CheckOutcome]:
        """Return the outcomes that leave something unproven."""
        return [outcome for outcome in self.outcomes if outcome.unproven]

    @property
    def is_clean(self) -> bool:
        """Return whether no check has found damage."""
        return not self.damaged

    def as_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return {
            "is_clean": self.is_clean,
            "checks": [
                {**asdict(outcome), "status": outcome.status, "total": outcome.total}
                for outcome in self.outcomes
            ],
        }


def outcome_of(
    source: str, check: str, checked: str, findings: Sequence[Finding],
    unproven: Sequence[str] = (), notices: Sequence[str] = (), counts: Mapping[str, int] | None = None,
) -> CheckOutcome:  # fmt: skip
    """Return the outcome of a check: the first findings of each rule, and their number.

    `counts` has the numbers by rule where the findings are a sample already.
    """
    listed: dict[str, list[Finding]] = {}
    for finding in findings:
        listed.setdefault(finding.rule, []).append(finding)
    sample = [finding for group in listed.values() for finding in group[:SAMPLE_SIZE]]
    numbers = {rule: len(group) for rule, group in listed.items()} if counts is None else dict(counts)
    return CheckOutcome(source, check, checked, tuple(sample), numbers, tuple(unproven), tuple(notices))


def amount(count: int, one: str, several: str | None = None) -> str:
    """Return a number of things: `1 version`, `1,200 versions`."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def moment_text(moment: datetime | str | None) -> str:
    """Return a moment for people; `never` if there is none."""
    if moment is None:
        return "never"
    return moment if isinstance(moment, str) else moment.isoformat()
