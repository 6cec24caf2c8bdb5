"""Watermarks: up to where the records of a source were read, by what they say of their own last change.

A watermark is a fact of a delivery: the greatest value at `watermark_path` that its records hold, never a clock's. The
next window begins there, less `lag_window`, so that what a publisher commits late is read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from headwater.metadata.errors import PublisherError
from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.redaction import beginning
from headwater.metadata.static.lag import SINCE_1970, parse_lag
from headwater.metadata.static.model import Source

Value = datetime | Decimal

NO_LAG = "0"
NUMBER = re.compile(r"-?\d+(\.\d+)?")
EPOCH = datetime.fromtimestamp(0, UTC)
MICROSECONDS = 1_000_000  # of a second


@dataclass(frozen=True)
class Scale:
    """The notation of a source's watermarks, and the lag of its windows."""

    source: str
    path: str
    form: str | None  # strptime's signs, or a unit that is counted since 1970; None: ISO 8601, or a number
    lag: str

    @classmethod
    def of(cls, source: Source) -> Scale | None:
        """The scale of a source that asks for what changed; None of all others."""
        if source.conn_api is None or not source.conn_api.use_incremental:
            return None
        options = source.options
        return cls(
            source.name,
            options["watermark_path"],
            options.get("watermark_format"),
            options.get("lag_window", NO_LAG),
        )

    def read(self, text: str) -> Value:
        """A value as the publisher writes it. Raises `PublisherError` when it is no watermark."""
        try:
            if self.form in SINCE_1970:
                return _since_1970(text, SINCE_1970[self.form])
            if self.form is not None:
                moment = datetime.strptime(text, self.form)  # noqa: DTZ007
            elif NUMBER.fullmatch(text):
                return Decimal(text)
            else:
                moment = datetime.fromisoformat(text)
        except ValueError:
            counted = f"{self.form} since 1970" if self.form in SINCE_1970 else self.form
            expected = counted or "a moment such as 2026-01-31T12:00:00Z, or a number"
            raise PublisherError(
                f"{self.source}: {beginning(text)!r} at {self.path} is no watermark, expected {expected}"
                " (watermark_format)"
            ) from None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def write(self, value: Value) -> str:
        """A value as a parameter."""
        if isinstance(value, Decimal):
            return f"{value:f}"
        if self.form in SINCE_1970:
            microseconds = Decimal((value - EPOCH) // timedelta(microseconds=1))
            count = microseconds * SINCE_1970[self.form] / MICROSECONDS
            return f"{count.normalize():f}"
        if self.form is not None:
            return value.strftime(self.form)
        return value.isoformat().replace("+00:00", "Z")

    def back(self, value: Value) -> Value:
        """Return where the window after `value` begins. Raises `PublisherError` when the lag is of another kind."""
        lag = parse_lag(self.lag)
        if isinstance(value, datetime) and isinstance(lag, timedelta):
            return value - lag
        if isinstance(value, Decimal) and isinstance(lag, Decimal):
            return value - lag
        if self.lag == NO_LAG:
            return value
        expected = "a time such as 15 minutes" if isinstance(value, datetime) else "a number such as 100"
        raise PublisherError(
            f"{self.source}: lag_window {self.lag} at {self.write(value)}, expected {expected}"
        )

    def greatest(self, landed: Iterable[Delivery]) -> tuple[Value, Delivery] | None:
        """The greatest watermark that landed, and the delivery that has it, whatever became of it."""
        found: tuple[Value, Delivery] | None = None
        for delivery in landed:
            text = (delivery.watermark_to or {}).get(self.path)
            if text is None:
                continue
            value = self.read(text)
            if found is None or not is_less(value, found[0]):
                found = value, delivery
        return found

    def fact(self, value: Value) -> Mapping[str, Any]:
        """A watermark as a delivery keeps it."""
        return {self.path: self.write(value)}


def _since_1970(text: str, per_second: int) -> datetime:
    """The moment that a count names, or the last one there is. Raises `ValueError` when it names none."""
    if not NUMBER.fullmatch(text):
        raise ValueError(text)
    microseconds = int(Decimal(text) * MICROSECONDS / per_second)
    try:
        return EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        if microseconds < 0:
            raise ValueError(text) from None
        return datetime.max.replace(tzinfo=UTC)


def sortable(value: Value) -> str:
    """A watermark in a form that sorts as text the way that watermarks do (negative numbers aside)."""
    if isinstance(value, Decimal):
        return f"{value:030.9f}"
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def is_less(one: Value, other: Value) -> bool:
    """Return which comes first; a number and a moment cannot be told apart,
    so the kind that came later counts as more."""
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return one < other
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one < other
    return False


def later(one: Value, other: Value) -> Value:
    """The greater of two; the first one where they are equal."""
    return other if is_less(one, other) else one
