"""Values of a database as text, without loss: what a driver gives, as Postgres would write it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

_PLAIN = frozenset("-.0123456789")


class NoTextError(Exception):
    """A value of a type that nobody has said the text of."""


def to_text(value: Any) -> str | None:
    """A value as text, None for NULL. Raises `NoTextError` for a type that is not known."""
    if value is None or type(value) is str:
        return value
    write = _WRITERS.get(type(value)) or next(
        (write for kind, write in _WRITERS.items() if isinstance(value, kind)), None
    )
    if write is None:
        raise NoTextError(type(value).__name__)
    return write(value)


def texts_of(values: Sequence[Any]) -> Sequence[str | None]:
    """The values of a column as text, most columns as a whole. Raises `NoTextError`."""
    kinds = set(map(type, values))
    if kinds <= {str, type(None)}:
        return values
    if kinds == {int}:
        return list(map(str, values))
    if kinds == {float}:
        texts = list(map(repr, values))
        if set("".join(texts)) <= _PLAIN:
            return texts
    return [value if type(value) is str else to_text(value) for value in values]


def _float(value: float) -> str:
    text = repr(value)
    return (
        f"{Decimal(text):f}"
        if "e" in text
        else {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(text, text)
    )


def _decimal(value: Decimal) -> str:
    return f"{value:f}" if value.is_finite() else str(value)


def _bytes(value: Any) -> str:
    return rf"\x{bytes(value).hex()}"


def _moment(value: datetime) -> str:
    return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat(" ")


def _span(value: timedelta) -> str:
    """A time of day, or a span of hours as MySQL's time has them."""
    seconds = abs(value) // timedelta(seconds=1)
    fraction = f".{abs(value).microseconds:06}".rstrip("0") if value.microseconds else ""
    sign = "-" if value < timedelta(0) else ""
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=to_text)


_WRITERS: Mapping[type, Callable[[Any], str]] = {
    bool: lambda value: "t" if value else "f",
    int: str,
    float: _float,
    Decimal: _decimal,
    str: str,
    bytes: _bytes,
    bytearray: _bytes,
    memoryview: _bytes,
    datetime: _moment,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: _span,
    UUID: str,
    dict: _json,
    list: _json,
    tuple: _json,
    set: lambda value: ",".join(sorted(map(str, value))),
}
