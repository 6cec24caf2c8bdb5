"""Records, which every format gives."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """A record and the physical line, from 1, on which it begins. None is a value that is not there."""

    line: int
    values: list[str | None]
