"""Rules of what a source doubts in its deliveries: options that make no sense without, or beside, others."""

from __future__ import annotations

from headwater.metadata.static.delivery_checks import DOUBTS, PERIODS, Doubt
from headwater.metadata.static.model import SNAPSHOTS
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.source_parts import SourceParts

# How often a source is delivered, as the shortest period in which a delivery can be expected.
_SHORTEST = {
    "continuous": "day", "hourly": "day", "daily": "day", "weekly": "week",
    "monthly": "month", "quarterly": "quarter", "yearly": "year",
}  # fmt: skip


def check_doubts(source: SourceParts, problems: Problems) -> None:
    """All doubts of one source."""
    is_snapshot = source.row["delivery_type"] in SNAPSHOTS
    if is_snapshot and source.row["max_removed_pct"] is not None and source.row["load_removed"] == "false":
        expected = "a blank cell, or load_removed true"
        source.blame(problems, "max_removed_pct", "guards what load_removed leaves out", expected)
    for doubt in DOUBTS.values():
        if doubt.option in source.options:
            _check_reaction(source, doubt, problems)
    _check_series(source, problems)


def _check_reaction(source: SourceParts, doubt: Doubt, problems: Problems) -> None:
    if doubt.compares and source.row["delivery_type"] == "delta":
        message = f"{doubt.option} stands for a delta"
        expected = "none: only a snapshot says what is gone or the same"
        source.blame_option(problems, doubt.option, "name", message, expected)
        return
    needs = doubt.needs
    if needs is None or needs in source.options or source.row[needs] is not None:
        return
    where = "in source.csv" if needs in source.row.cells else "in source_attribute.csv"
    message = f"{doubt.option} needs {needs}"
    source.blame_option(problems, doubt.option, "name", message, f"{needs} {where}")


def _check_series(source: SourceParts, problems: Problems) -> None:
    every, schedule = source.option("expected_every"), source.row["schedule"]
    if every not in PERIODS or schedule is None:
        return
    if schedule in ("irregular", "once"):
        message = f"expected_every stands for a source that is delivered {schedule}"
        expected = "none, or another schedule in source.csv"
        source.blame_option(problems, "expected_every", "name", message, expected)
    elif schedule in _SHORTEST and PERIODS.index(every) < PERIODS.index(_SHORTEST[schedule]):
        message = f'expected_every "{every}" is more often than the source is delivered, {schedule}'
        longer = PERIODS[PERIODS.index(_SHORTEST[schedule]) :]
        expected = f"one of {', '.join(longer)}" if len(longer) > 1 else longer[0]
        source.blame_option(problems, "expected_every", "value", message, expected)
