"""The history of one key: its versions, the deliveries that opened and closed them, and its rows that fell out."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TextIO

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.metadata.errors import HeadwaterError
from headwater.metadata.sql_text import for_text, layer_table, sql_identifier, sql_literal
from headwater.metadata.static.naming import OF_HISTORY, ROW_HASH
from headwater.metadata.visible import quoted
from headwater.queries.delivery_list import STATE_OF
from headwater.queries.quarantine import csv_cell
from headwater.queries.shown import shown

CSV_COLUMNS = (
    "valid_from", "valid_to", "change_type", "end_type", "delivery_sqn", "publisher_name", "ended_by_delivery_sqn",
    "ended_by_publisher_name",
)  # fmt: skip

_COLUMNS = """
select
    column_of.attname as name,
    format_type(column_of.atttypid, column_of.atttypmod) as data_type,
    coalesce(cast(definition -> ('attribute ' || column_of.attname) ->> 'is_key' as boolean), false) as is_key,
    coalesce(cast(definition -> ('attribute ' || column_of.attname) ->> 'position' as integer), 0) as position
from metadata.source_definition
inner join pg_attribute as column_of on column_of.attrelid = to_regclass(:history)
where source = :source and column_of.attnum > 0 and not column_of.attisdropped and column_of.attname <> all(:not_its)
order by is_key desc, position, column_of.attnum
"""

_VERSIONS = """
select
    {columns},
    opened.publisher_name as _opened_by_name,
    closed.publisher_name as _closed_by_name
from {history} as version
left join metadata.delivery as opened on opened.delivery_sqn = version.delivery_sqn
left join metadata.delivery as closed on closed.delivery_sqn = version.ended_by_delivery_sqn
where {match}
order by version.valid_from
"""

_FELL_OUT = f"""
select
    fell.delivery_sqn, fell.publisher_name, fell.delivery_date, fell.line_number, fell.column_name, fell.rule,
    fell.value, fell.row, state.status,
    exists (
        select from metadata.stale_current_keys(:source) as stale
        where stale.delivery_sqn = fell.delivery_sqn and stale.line_number = fell.line_number
    ) as is_stale
from metadata.fallen_out_row as fell
inner join metadata.delivery using (delivery_sqn)
{STATE_OF.format(of="delivery")}
where fell.source = :source and state.delivery_sqn = fell.delivery_sqn and fell.key = {{key}}
order by fell.delivery_date, fell.publisher_name collate "C", fell.delivery_sqn, fell.line_number
"""


class KeyNotReadable(HeadwaterError):  # noqa: N818
    """The given values are no key of the source: wrong number of columns, or a value of another type."""


@dataclass(frozen=True)
class Column:
    """A column of a history: its name and its type as Postgres writes it."""

    name: str
    data_type: str

    def __str__(self) -> str:
        return f"{self.name} ({self.data_type})"


@dataclass(frozen=True)
class Shape:
    """The columns of a source's history: the key columns in their order, and the other attributes."""

    source: str
    key: tuple[Column, ...]
    others: tuple[Column, ...]

    @property
    def named_key(self) -> str:
        """Return the key columns with their types, for people."""
        return ", ".join(map(str, self.key))


@dataclass(frozen=True)
class Version:
    """A version of a key; `changed` names the attributes that differ from the previous version.

    `valid_to` is None while the version is current. `end_type` is changed or removed; None while it is
    current.
    """

    valid_from: datetime
    valid_to: datetime | None
    change_type: str
    end_type: str | None
    delivery_sqn: int
    publisher_name: str | None
    ended_by_delivery_sqn: int | None
    ended_by_publisher_name: str | None
    values: dict[str, Any]
    changed: tuple[str, ...]


@dataclass(frozen=True)
class FallenOutRow:
    """A row of the key that fell out.

    `is_stale`: the present version of the key is older than this row. `status` is that of its delivery, such
    as loaded, halted or withdrawn.
    """

    delivery_sqn: int
    publisher_name: str
    delivery_date: datetime
    line_number: int
    column_name: str
    rule: str
    value: str | None
    row: dict[str, Any]
    status: str
    is_stale: bool


@dataclass(frozen=True)
class KeyHistory:
    """The history of one key, oldest first; empty if the key is unknown."""

    source: str
    key: dict[str, str]  # as Postgres writes the values
    versions: tuple[Version, ...]
    fallen_out: tuple[FallenOutRow, ...]

    @property
    def named(self) -> str:
        """Return the key for people."""
        return named_key(self.key)

    @property
    def is_known(self) -> bool:
        """Return whether history or the quarantine contains the key."""
        return bool(self.versions or self.fallen_out)

    @property
    def state(self) -> str:
        """Return the present state of the key: current, removed, or never in history."""
        if not self.versions:
            return "never in history"
        last = self.versions[-1]
        return "current" if last.valid_to is None else (last.end_type or "removed")


def named_key(key: Mapping[str, Any]) -> str:
    """Return the key for people."""
    if len(key) == 1:
        return _cell(next(iter(key.values())))
    return ", ".join(f"{name}={_cell(value)}" for name, value in key.items())


def shape_of(connection: Connection, source: str) -> Shape:
    """Return the columns of a source's history. Raises `HeadwaterError` if there is none yet."""
    values = {
        "source": source,
        "history": layer_table("historical", source),
        "not_its": [*OF_HISTORY, ROW_HASH],
    }
    rows = connection.execute(sa.text(_COLUMNS), values).all()
    key = tuple(Column(row.name, row.data_type) for row in rows if row.is_key)
    if not key:
        raise HeadwaterError(f"{source} has no history yet: `headwater run {source}` makes it")
    return Shape(source, key, tuple(Column(row.name, row.data_type) for row in rows if not row.is_key))


def parse_key(shape: Shape, words: Sequence[str]) -> dict[str, str]:
    """Parse a key that a user typed: its values in the order of the key columns, or `column=value` for each.

    Raises `KeyNotReadable`.
    """
    names = [column.name for column in shape.key]
    pairs = [word.partition("=") for word in words]
    if words and all(sign and name in names for name, sign, _ in pairs):
        twice = [name for name in names if sum(pair[0] == name for pair in pairs) > 1]
        if twice:
            raise KeyNotReadable(f"{', '.join(twice)} is given twice. {_expected(shape)}")
        return _whole(shape, {name: value for name, _, value in pairs})
    if len(words) != len(names):
        given = "1 value is" if len(words) == 1 else f"{len(words)} values are"
        raise KeyNotReadable(f"{given} given. {_expected(shape)}")
    return dict(zip(names, words, strict=True))


def key_history(connection: Connection, shape: Shape, key: Mapping[str, str]) -> KeyHistory:
    """Return the history of one key, whose values are text that Postgres can read. Raises `KeyNotReadable`.

    The index of the history finds the versions, so the cost does not depend on other keys.
    """
    key = _whole(shape, key)
    for column in shape.key:
        _require_readable(connection, shape, column, key[column.name])
    values = {
        column.name: f"cast(:key_{place} as {column.data_type})" for place, column in enumerate(shape.key)
    }
    bound = {f"key_{place}": key[column.name] for place, column in enumerate(shape.key)}

    def rows(statement: str, **more: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in connection.execute(sa.text(statement), {**bound, **more}).mappings()]

    texts = ", ".join(
        f"cast({value} as text) as value_{place}" for place, value in enumerate(values.values())
    )
    (as_written,) = rows(f"select {texts}")
    match = " and ".join(
        f"{for_text(f'version.{sql_identifier(name)}')} = {value}" for name, value in values.items()
    )
    history = for_text(layer_table("historical", shape.source))
    versions = rows(_VERSIONS.format(columns=_columns_of_versions(shape), history=history, match=match))
    as_json = ", ".join(f"{for_text(sql_literal(name))}, {value}" for name, value in values.items())
    fell = rows(_FELL_OUT.format(key=f"jsonb_build_object({as_json})"), source=shape.source)
    return KeyHistory(
        shape.source, dict(zip(values, as_written.values(), strict=True)), _versions(shape, versions),
        tuple(FallenOutRow(**row) for row in fell),
    )  # fmt: skip


def write_csv(file: TextIO, shape: Shape, found: KeyHistory) -> None:
    """Write the versions as CSV, each with its key and attributes; null is an empty cell."""
    writer = csv.writer(file, lineterminator="\n")
    names = [column.name for column in (*shape.key, *shape.others)]
    writer.writerow([*(column.name for column in shape.key), *CSV_COLUMNS, *names[len(shape.key) :]])
    for version in found.versions:
        row = [getattr(version, name) for name in CSV_COLUMNS]
        values = [version.values[column.name] for column in shape.others]
        writer.writerow([_cell(value) for value in (*found.key.values(), *row, *values)])


def _columns_of_versions(shape: Shape) -> str:
    of_history = [f"version.{name}" for name in OF_HISTORY]
    values = {for_text(sql_identifier(column.name)): column.data_type for column in shape.others}
    return ", ".join(
        [
            *of_history,
            *(f"{shown(f'version.{name}', data_type)} as {name}" for name, data_type in values.items()),
        ]
    )


def _whole(shape: Shape, key: Mapping[str, str]) -> dict[str, str]:
    lacking = [column.name for column in shape.key if column.name not in key]
    if lacking:
        raise KeyNotReadable(f"{', '.join(lacking)} is not given. {_expected(shape)}")
    return {column.name: key[column.name] for column in shape.key}


def _require_readable(connection: Connection, shape: Shape, column: Column, value: str) -> None:
    ask = sa.text("select pg_input_is_valid(:value, :data_type)")
    values = {"value": value, "data_type": column.data_type}
    if "\0" in value or not connection.execute(ask, values).scalar_one():
        raise KeyNotReadable(f"{column.name}: {quoted(value)} is no {column.data_type}. {_expected(shape)}")


def _versions(shape: Shape, rows: Sequence[Mapping[str, Any]]) -> tuple[Version, ...]:
    made: list[Version] = []
    for row in rows:
        values = {column.name: row[column.name] for column in shape.others}
        before = made[-1].values if made else values
        made.append(
            Version(
                row["valid_from"], row["valid_to"], row["change_type"], row["end_type"], row["delivery_sqn"],
                row["_opened_by_name"], row["ended_by_delivery_sqn"], row["_closed_by_name"], values,
                tuple(name for name, value in values.items() if _cell(value) != _cell(before[name])),
            )
        )  # fmt: skip
    return tuple(made)


def _expected(shape: Shape) -> str:
    one = "column" if len(shape.key) == 1 else "columns"
    return f"Expected a value for the key {one} of {shape.source}: {shape.named_key}"


def _cell(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else csv_cell(value)
