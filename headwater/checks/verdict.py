"""The verdict on a delivery: the result of each check, and whether the delivery passes or halts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headwater.metadata.static.model import Severity
from headwater.metadata.visible import shortened

SAMPLE_SIZE = 20  # unexpected items kept per delivery and check
NAMED_IN_WHY = 5  # items that the sentence of a verdict names
LONGEST_VALUE = 200  # characters of a value in a sample


@dataclass(frozen=True)
class CheckResult:
    """The result of one check in one delivery.

    `observed` is a phrase for people. `unexpected_count` is None if a check has one value and nothing to
    count. `unexpected_sample` holds at most 20 JSON-like items, with key values and line numbers if there are
    any. `rule_digest` says by what rule an extra expectation judged each row alone; None for other checks.
    """

    check_name: str
    severity: Severity
    passed: bool
    observed: str | None
    unexpected_count: int | None
    unexpected_sample: tuple[Any, ...]
    rule_digest: str | None = None


@dataclass(frozen=True)
class Verdict:
    """The verdict on a delivery: whether it may enter `historical`. `delivery_date` is aware, in UTC."""

    delivery_sqn: int
    source: str
    publisher_name: str
    delivery_date: datetime
    passed: bool
    results: tuple[CheckResult, ...]

    @property
    def halting(self) -> tuple[CheckResult, ...]:
        """Return the critical checks that failed: a single one halts the delivery."""
        return tuple(r for r in self.results if r.severity == "critical" and not r.passed)

    @property
    def warnings(self) -> tuple[CheckResult, ...]:
        """Return the failed checks that let the delivery pass."""
        return tuple(r for r in self.results if r.severity == "warning" and not r.passed)

    @property
    def why(self) -> str:
        """Return one sentence for the record: the failed checks, and the keys."""
        if self.halting:
            return "; ".join(_description(result) for result in self.halting)
        if self.warnings:
            return "no critical check failed; warnings: " + "; ".join(_description(r) for r in self.warnings)
        return f"all {len(self.results)} checks passed"


def _description(result: CheckResult) -> str:
    message = f"{result.check_name}: {result.observed or 'failed'}"
    named = [_named(found) for found in result.unexpected_sample[:NAMED_IN_WHY]]
    count = result.unexpected_count or 0
    more = f" and {count - len(named):,} more" if count > len(named) else ""
    return f"{message} ({'; '.join(named)}{more})" if named else message


def _named(found: Any) -> str:
    """Return `origin=EWR, hour=1, lines 24, 25` for an item of a sample."""
    if not isinstance(found, Mapping):
        return shortened(str(found))
    parts = []
    for name, value in found.items():
        if name == "key" and isinstance(value, Mapping):
            parts += [f"{column}={shortened(str(text))}" for column, text in value.items()]
        elif name in ("line", "lines"):
            lines = value if isinstance(value, list) else [value]
            parts.append(f"{name} {', '.join(map(str, lines))}")
        elif value is not None:
            parts.append(f"{name}={shortened(str(value))}")
    return ", ".join(parts)
