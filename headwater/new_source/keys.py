"""The key: the smallest set of columns without nulls whose values identify the records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from headwater.new_source.look import Column

MOST_COLUMNS = 14  # columns to try in pairs
_NAMED_KEY = re.compile(r"(^|[_ .-])(id|key|code|uuid|guid|nr|no|num|number|isin|iso\w*)$", re.IGNORECASE)
_HUMP = re.compile(r"[a-z](Id|ID|Code|Key|Nr|No)$")
_NEVER = ("jsonb", "boolean", "real", "double precision")


def find_key(columns: Sequence[Column], records: int) -> tuple[Column, ...]:
    """Return one column, else two; of several candidates the one whose name and type fit a key best. () if none."""
    if not records:
        return ()
    able = sorted(
        (column for column in columns if not column.nulls and column.typed.datatype not in _NEVER), key=_rank
    )
    for column in able:
        if len(column.distinct) == records:
            return (column,)
    for pair in sorted(
        combinations(able[:MOST_COLUMNS], 2), key=lambda two: _rank(two[0])[0] + _rank(two[1])[0]
    ):
        if _could_be(pair, records) and not any(doubles(pair)):
            return tuple(sorted(pair, key=lambda column: column.place))
    return ()


def is_named(column: Column) -> bool:
    """Return whether a column has the name of a key."""
    return bool(_NAMED_KEY.search(column.name) or _HUMP.search(column.name))


def rivals(key: Sequence[Column], columns: Sequence[Column], records: int) -> list[Column]:
    """Return other columns with the name of a key that also identify the records."""
    return [
        column
        for column in columns
        if column not in key and is_named(column) and not column.nulls and len(column.distinct) == records
    ]


def doubles(key: Sequence[Column]) -> Iterator[tuple[int, tuple[str | None, ...]]]:
    """Yield the records, counted from 0, whose key an earlier record has, with that key."""
    seen: set[tuple[str | None, ...]] = set()
    for number, values in enumerate(zip(*(column.values for column in key), strict=True)):
        if values in seen:
            yield number, values
        seen.add(values)


def _could_be(pair: Sequence[Column], records: int) -> bool:
    return len(pair[0].distinct) * len(pair[1].distinct) >= records


def _rank(column: Column) -> tuple[int, int]:
    """Return how unlike a key a column is; sorts equal ones by position."""
    datatype = column.typed.datatype
    unlike = (
        3
        if datatype.startswith(("numeric", "timestamp", "time"))
        else 1
        if datatype in ("text", "date")
        else 0
    )
    longest = max(map(len, column.distinct), default=0)
    return (0 if is_named(column) else 2) + unlike + (2 if longest > 40 else 0), column.place
