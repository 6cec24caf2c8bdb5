"""The record type that every format yields."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """A record and the physical line, from 1, on which it begins. None is a missing value."""

    line: int
    values: list[str | None]
