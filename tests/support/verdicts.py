"""Verdicts on deliveries, and rows of stations that are checked."""

from __future__ import annotations

from typing import Any

from headwater.checks import CheckResult, Verdict


def rows(stations: range, reading: int = 0) -> list[tuple[int, int]]:
    """Return a row of a station each."""
    return [(station, reading) for station in stations]


def result(verdict: Verdict, name: str) -> CheckResult:
    """Return the result of a check by its name."""
    (found,) = [r for r in verdict.results if r.check_name == name]
    return found


def finding(verdict: Verdict, name: str) -> tuple[bool, str, str | None]:
    """Return whether a check passed, how grave it is, and its observed value."""
    found = result(verdict, name)
    return found.passed, found.severity, found.observed


def names(verdict: Verdict) -> list[str]:
    """Return the names of all checks that ran on a delivery."""
    return [r.check_name for r in verdict.results]


def recorded(bench: Any) -> list[tuple[Any, ...]]:
    """Return the results that the database of a bench holds."""
    found: list[tuple[Any, ...]] = bench.rows(
        "select delivery_sqn, check_name, severity, passed, observed, unexpected_count, unexpected_sample"
        " from metadata.data_quality_checks order by 1, 2"
    )
    return found
