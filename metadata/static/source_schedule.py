"""Schedules of sources: how often a publisher delivers, in a word; or when the own job of a source looks, as cron."""

from __future__ import annotations

from zlib import crc32

from headwater.metadata.static.cron import schedule_problem
from headwater.metadata.static.naming import one_of

# by word: the cron of a source's own job, at a minute and an hour that follow from its name
_CRONS = {
    "continuous": "{minute_of_quarter}-59/15 * * * *",
    "hourly": "{minute} * * * *",
    "daily": "{minute} {hour} * * *",
    "weekly": "{minute} {hour} * * 1",
    "monthly": "{minute} {hour} 1 * *",
    "quarterly": "{minute} {hour} 1 1,4,7,10 *",
    "yearly": "{minute} {hour} 1 1 *",
    "irregular": "{minute} {hour} * * *",
    "once": "@once",
}
SOURCE_SCHEDULES = (
    "hourly", "daily", "weekly", "monthly", "quarterly", "yearly", "irregular", "once", "continuous",
)  # fmt: skip
NIGHT_HOURS = 6  # from midnight on, in UTC


def source_schedule_problem(cell: str) -> tuple[str, str] | None:
    """Return what is wrong with the schedule of a source and what was expected, or None."""
    if cell in SOURCE_SCHEDULES:
        return None
    if cell.startswith("@") or len(cell.split()) > 1:
        return schedule_problem(cell)
    expected = f"{one_of(SOURCE_SCHEDULES, cell)}, or five cron fields such as 30 5 * * 1-5"
    return f'"{cell}" is not a schedule', expected


def default_cron(name: str, schedule: str) -> str:
    """Return when the own job of a source looks, by a word of `SOURCE_SCHEDULES`: the same for a name, at any time."""
    place = crc32(name.encode()) % (NIGHT_HOURS * 60)
    hour, minute = divmod(place, 60)
    return _CRONS[schedule].format(hour=hour, minute=minute, minute_of_quarter=minute % 15)
