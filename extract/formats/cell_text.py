"""Cells of a sheet as text: whole numbers without a point, moments as ISO 8601 writes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from headwater.metadata.errors import FormatBroken

MOST_COLUMNS, MOST_ROWS = 16_384, 1_048_576  # of a sheet of any workbook

_NO_SIGNS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')  # of a number format: what is shown as it is
_CLOCK = re.compile(r"[hs]", re.IGNORECASE)


def number_text(number: float) -> str:
    """Return a number with the digits that Excel shows, never with an exponent: 1, 0.1, 0.0000001."""
    text = repr(number)
    return (format(Decimal(text), "f") if "e" in text else text).removesuffix(".0")


def moment_text(moment: datetime | date | time | timedelta, *, has_clock: bool = False) -> str:
    """Return a date, with a time of day if it has one or its cell shows one. A duration is in hours, also beyond 24."""
    if isinstance(moment, timedelta):
        seconds = round(abs(moment).total_seconds())
        sign = "-" if moment < timedelta(0) else ""
        return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if isinstance(moment, datetime):
        is_day = not has_clock and moment.time() == time()
        return moment.date().isoformat() if is_day else moment.isoformat(" ")
    return moment.isoformat()


def shows_clock(number_format: str) -> bool:
    """Return whether a cell of this format shows a time of day."""
    return bool(_CLOCK.search(_NO_SIGNS.sub("", number_format)))


def choose_sheet(names: Sequence[str], wanted: str | None, file: str) -> str:
    """Return the sheet with this name or number from 1; without either, the only sheet. Raises `FormatBroken`."""
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted in names:
        return str(wanted)
    if wanted is not None and wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return names[int(wanted) - 1]
    there = ", ".join(map(repr, names)) or "none"
    expected = "one of them named by the option sheet" if wanted is None else f"{wanted!r} (sheet)"
    raise FormatBroken(file, None, f"its sheets are {there}, expected {expected}")
