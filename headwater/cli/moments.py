"""Days and moments as people write them: a day means the whole day in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta


@dataclass(frozen=True)
class Moment:
    """A day or moment that a user typed: its first and last moment (aware, UTC), which differ only for a day."""

    first: datetime
    last: datetime

    def __str__(self) -> str:
        if self.first == self.last:
            return f"{self.first:%Y-%m-%d %H:%M:%S} UTC"
        return f"the end of {self.first:%Y-%m-%d}, UTC"


def moment(text: str) -> Moment:
    """Parse a day or a moment; without a time zone it is UTC. Raises `ValueError` with the expected format."""
    text = text.strip()
    try:
        day = datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        return _moment(text)
    try:
        return Moment(day, day + timedelta(days=1, microseconds=-1))
    except OverflowError:  # the last day that Python can represent
        return Moment(day, datetime.combine(day, time.max, UTC))


def _moment(text: str) -> Moment:
    try:
        found = datetime.fromisoformat(text)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is neither a day nor a moment. Expected one such as 2026-11-28, which is the whole day in UTC,"
            " or 2026-11-28T14:30+01:00"
        ) from None
    return Moment(found, found)
