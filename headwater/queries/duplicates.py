"""Rows of one delivery with the same key, side by side, for a person who decides which of them is right."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.metadata.sql_text import for_text, layer_table
from headwater.metadata.static.naming import ROW_HASH

KEYS_SHOWN = 5
LINES_SHOWN = 6
OF_ROWS = ("delivery_sqn", "line_number", "job_inst_id")  # technical columns of raw and staging
REST = "_rest"  # columns without an attribute, with the publisher's names

_SAMPLE = """
select unexpected_sample, unexpected_count
from metadata.data_quality_checks
where delivery_sqn = :sqn and check_name = 'duplicate_keys' and not passed
"""

_ATTRIBUTES = """
select
    substr(part_name, length('attribute ') + 1) as name,
    part ->> 'raw_column' as raw_column,
    coalesce(cast(part ->> 'is_key' as boolean), false) as is_key
from metadata.source_definition
cross join lateral jsonb_each(definition) as part (part_name, part)
where source = :source and part_name like 'attribute %'
order by cast(part ->> 'position' as integer)
"""

_ROWS = "select line_number, to_jsonb(found) as row from {table} as found where {these} and line_number = any(:lines)"
_FELL = """
select line_number, row
from metadata.quarantined_row
where delivery_sqn = :sqn and line_number = any(:lines)
"""
_STAGED_LINE = """
select max(line_number)
from {table} as staged
cross join lateral (select jsonb_populate_record(cast(null as {table}), cast(:key as jsonb)) as key) as typed
where {these} and {match}
"""


@dataclass(frozen=True)
class Compared:
    """One column of rows with the same key: its original value on each line; None means no value."""

    name: str
    values: tuple[str | None, ...]

    @property
    def differs(self) -> bool:
        """Return whether the rows have different values."""
        return len(set(self.values)) > 1


@dataclass(frozen=True)
class DuplicateKey:
    """A duplicate key: some of its lines, and each column beside the key on these lines.

    `staged_line` is the line that won, None if none did. There are `line_count` lines in all.
    """

    key: dict[str, Any]
    lines: tuple[int, ...]
    line_count: int
    staged_line: int | None
    columns: tuple[Compared, ...]

    @property
    def differing(self) -> tuple[Compared, ...]:
        """Return the columns whose values differ."""
        return tuple(column for column in self.columns if column.differs)

    @property
    def agreeing(self) -> tuple[Compared, ...]:
        """Return the columns whose values are the same in all rows."""
        return tuple(column for column in self.columns if not column.differs)


@dataclass(frozen=True)
class Duplicates:
    """The first duplicate keys of a delivery; it has `key_count` of them."""

    keys: tuple[DuplicateKey, ...]
    key_count: int


def duplicates(connection: Connection, source: str, delivery_sqn: int) -> Duplicates | None:
    """Return the keys that failed the check duplicate_keys, with their delivered rows; None without any.

    The rows come from raw; if retention has purged them there, from staging and the quarantine.
    """
    found = connection.execute(sa.text(_SAMPLE), {"sqn": delivery_sqn}).first()
    if found is None or not found.unexpected_sample:
        return None
    rows = _Rows(connection, source, delivery_sqn)
    return Duplicates(rows.side_by_side(found.unexpected_sample[:KEYS_SHOWN]), found.unexpected_count)


class _Rows:
    """The rows of a delivery, from the layers that still have them."""

    def __init__(self, connection: Connection, source: str, delivery_sqn: int) -> None:
        self._connection, self._source, self._sqn = connection, source, delivery_sqn
        attributes = connection.execute(sa.text(_ATTRIBUTES), {"source": source}).all()
        self._keys = {row.name for row in attributes if row.is_key}
        self._names = {row.raw_column: row.name for row in attributes}

    def side_by_side(self, sample: Sequence[Mapping[str, Any]]) -> tuple[DuplicateKey, ...]:
        """Return the keys of a check's sample, `{"key": …, "lines": […]}` each, with their rows."""
        staged = (
            [self._staged_line(one["key"]) for one in sample]
            if self._has_losers()
            else [None for _ in sample]
        )
        every = [
            sorted({*one["lines"], *([] if winner is None else [winner])})
            for one, winner in zip(sample, staged, strict=True)
        ]
        shown = [_first_and(lines, winner) for lines, winner in zip(every, staged, strict=True)]
        found = self._found([line for lines in shown for line in lines])
        order = list(self._names.values())
        return tuple(
            _compared(
                one["key"], [line for line in lines if line in found], len(all_lines), winner, found, order
            )
            for one, lines, all_lines, winner in zip(sample, shown, every, staged, strict=True)
        )

    def _found(self, lines: Sequence[int]) -> dict[int, dict[str, str | None]]:
        """Return the rows by line, with target names; the earlier layer first."""
        found: dict[int, dict[str, str | None]] = {}
        for rows in (self._of_layer("raw", lines), self._of_layer("staging", lines), self._fallen(lines)):
            for line, row in rows:
                found.setdefault(line, self._named(row))
        return found

    def _of_layer(self, layer: str, lines: Sequence[int]) -> Iterable[tuple[int, dict[str, Any]]]:
        if not self._has_table(layer):
            return []
        ask = _ROWS.format(table=for_text(layer_table(layer, self._source)), these=self._these)
        rows = self._connection.execute(sa.text(ask), {"lines": list(lines)})
        return [(row.line_number, row.row) for row in rows]

    def _fallen(self, lines: Sequence[int]) -> Iterable[tuple[int, dict[str, Any]]]:
        rows = self._connection.execute(sa.text(_FELL), {"sqn": self._sqn, "lines": list(lines)})
        return [(row.line_number, row.row) for row in rows]

    def _named(self, row: Mapping[str, Any]) -> dict[str, str | None]:
        rest = row.get(REST) if isinstance(row.get(REST), Mapping) else {}
        columns = {
            self._names.get(name, name): _text(value)
            for name, value in row.items()
            if name not in (*OF_ROWS, REST, ROW_HASH)
        }
        more = {f"{name} (no attribute)": _text(value) for name, value in (rest or {}).items()}
        return {name: value for name, value in {**columns, **more}.items() if name not in self._keys}

    def _staged_line(self, key: Mapping[str, Any]) -> int | None:
        ask = sa.text("select metadata.key_match(:source, 'staged', '(typed.key)')")
        match = self._connection.execute(ask, {"source": self._source}).scalar()
        if match is None or not self._has_table("staging"):
            return None
        statement = _STAGED_LINE.format(
            table=for_text(layer_table("staging", self._source)), these=self._these, match=for_text(match)
        )
        found: int | None = self._connection.execute(sa.text(statement), {"key": json.dumps(key)}).scalar()
        return found

    def _has_losers(self) -> bool:
        ask = sa.text(
            "select exists (select from metadata.quarantined_row where delivery_sqn = :sqn and rule = 'duplicate_key')"
        )
        return bool(self._connection.execute(ask, {"sqn": self._sqn}).scalar())

    def _has_table(self, layer: str) -> bool:
        ask = sa.text("select to_regclass(:table) is not null")
        return bool(self._connection.execute(ask, {"table": layer_table(layer, self._source)}).scalar())

    @property
    def _these(self) -> str:
        # a number in the text: only then does the planner use the index on delivery_sqn
        return f"delivery_sqn = {int(self._sqn)}"


def _compared(
    key: Mapping[str, Any], lines: Sequence[int], line_count: int, staged_line: int | None,
    found: Mapping[int, Mapping[str, str | None]], order: Sequence[str],
) -> DuplicateKey:  # fmt: skip
    came = dict.fromkeys(name for line in lines for name in found[line])
    names = [*(name for name in order if name in came), *sorted(came.keys() - set(order))]
    columns = tuple(Compared(name, tuple(found[line].get(name) for line in lines)) for name in names)
    return DuplicateKey(dict(key), tuple(lines), line_count, staged_line, columns)


def _first_and(lines: Sequence[int], one: int | None) -> tuple[int, ...]:
    """Return the first lines, always including the given one."""
    first = lines[:LINES_SHOWN]
    return tuple(first if one is None or one in first else [*first[:-1], one])


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
