"""The lag of a window behind the last watermark: `15 minutes`, or a number where watermarks are numbers."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

# watermarks that count since 1970, by what a watermark_format calls them: how many are a second
SINCE_1970 = {"seconds": 1, "milliseconds": 1000}
_LAG = re.compile(r"([0-9]{1,9})(?: (second|minute|hour|day|week)s?)?")


def parse_lag(text: str) -> timedelta | Decimal:
    """Return what a `lag_window` says. Raises `ValueError` when it says neither."""
    match = _LAG.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no lag")
    try:
        return timedelta(**{f"{match[2]}s": int(match[1])}) if match[2] else Decimal(match[1])
    except OverflowError:
        raise ValueError(f"{text!r} is too long") from None


def lag_problem(cell: str) -> tuple[str, str] | None:
    """Return whether the cell is a lag."""
    try:
        parse_lag(cell)
    except ValueError:
        expected = "one such as 15 minutes or 2 days, or a number where watermarks are numbers"
        return f'"{cell}" is not a time', expected
    return None
