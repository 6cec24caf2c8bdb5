"""Numbers for the periods of a series of deliveries: adjacent periods differ by one. Days are those of UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DAYS = {"day": 1, "week": 7}


def period_number(moment: datetime, every: str) -> int:
    """Return the number of the day, week (from Monday), month, quarter or year that contains `moment`."""
    day = moment.astimezone(UTC).date()
    if every in _DAYS:
        return (day.toordinal() - 1) // _DAYS[every]  # ordinal 1 was a Monday
    return (day.year * 12 + day.month - 1) // _MONTHS[every]


def period_name(number: int, every: str) -> str:
    """Return `2026-03-02`, `2026-W10`, `2026-03`, `2026-Q1` or `2026`."""
    if every in _DAYS:
        day = date.min + timedelta(days=number * _DAYS[every])
        return day.isoformat() if every == "day" else f"{day:%G-W%V}"
    year, month = divmod(number * _MONTHS[every], 12)
    return {"month": f"{year}-{month + 1:02}", "quarter": f"{year}-Q{month // 3 + 1}", "year": str(year)}[
        every
    ]
