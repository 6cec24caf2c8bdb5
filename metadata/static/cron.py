"""Schedules of jobs: five cron fields, or one of cron's words; and the time zones in which they may be meant."""

from __future__ import annotations

import re
from functools import cache
from zoneinfo import available_timezones

from headwater.metadata.static.naming import nearest, one_of

WORDS = ("@once", "@hourly", "@daily", "@weekly", "@monthly", "@yearly")

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>[1-9][0-9]*))?")


def schedule_problem(schedule: str) -> tuple[str, str] | None:
    """Return what is wrong with a schedule and what was expected, or None."""
    if schedule.startswith("@"):
        return None if schedule in WORDS else (f'"{schedule}" is not a schedule', one_of(WORDS, schedule))
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        return (
            f'"{schedule}" is not a schedule',
            f"five cron fields such as 30 5 * * 1-5, or {one_of(WORDS, schedule)}",
        )
    for field, (name, least, greatest, words) in zip(fields, _FIELDS, strict=True):
        if not all(_fits(part, least, greatest, words) for part in field.split(",")):
            return (
                f'"{field}" does not say the {name} of a schedule',
                f"* or numbers from {least} to {greatest}",
            )
    return None


def time_zone_problem(name: str) -> tuple[str, str] | None:
    """Return what is wrong with the name of a time zone and what was expected, or None."""
    if name in _time_zones():
        return None
    near = nearest(name, _time_zones())
    expected = "a name such as Europe/Berlin or America/New_York" + (f" (perhaps {near})" if near else "")
    return f'"{name}" is not a time zone', expected


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _fits(part: str, least: int, greatest: int, words: tuple[str, ...]) -> bool:
    found = _PART.fullmatch(part)
    if not found or (found["first"] == "*" and found["last"]):
        return False
    numbers = []
    for text in (found["first"], found["last"]):
        if text is None or text == "*":
            continue
        if text.lower() in words:
            numbers.append(words.index(text.lower()) + least)
        elif text.isascii() and text.isdigit():
            numbers.append(int(text))
        else:
            return False
    return all(least <= number <= greatest for number in numbers) and numbers == sorted(numbers)
