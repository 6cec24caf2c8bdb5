"""The raw table of a source, from its metadata: every column as text, unknown columns in `_rest`."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import JSONB

from headwater.metadata.static.model import Source
from headwater.metadata.static.naming import is_raw_column

SCHEMA = "raw"
REST = "_rest"
DELETE_COLUMN = "_delete_column"  # for a publisher's delete mark whose name Postgres could not take
OWN_COLUMNS = ("line_number", "delivery_sqn", "job_inst_id")


def mapped_columns(source: Source) -> dict[str, tuple[str, bool]]:
    """The publisher's name of each column → its raw column, and whether it may be missing."""
    mapped = {a.source_name: (a.raw_column, a.is_optional) for a in source.attributes}
    mark = source.options.get("delete_column")
    if mark is not None and mark not in mapped:
        mapped[mark] = (mark if is_raw_column(mark) else DELETE_COLUMN, False)
    return mapped


def raw_table(source: Source) -> sa.Table:
    """The table `raw.<source>` as the metadata now wants it."""
    return sa.Table(
        source.name,
        sa.MetaData(schema=SCHEMA),
        *(sa.Column(name, sa.Text) for name, _ in mapped_columns(source).values()),
        sa.Column(REST, JSONB),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in OWN_COLUMNS),
    )


def ensure_raw_table(connection: Connection, source: Source) -> None:
    """Make the table, or add the columns that it lacks. The caller holds the source's lock.

    A column that the metadata no longer has stays: older deliveries have it.
    """
    table = raw_table(source)
    inspector = sa.inspect(connection)
    if not inspector.has_table(table.name, SCHEMA):
        sa.Index(f"{source.name}_sqn_idx", table.c.delivery_sqn, postgresql_using="brin")
        table.create(connection)
        return
    there = {column["name"] for column in inspector.get_columns(table.name, SCHEMA)}
    for column in table.columns:
        if column.name not in there:  # not "if not exists", which locks the table even when it does
            name = connection.dialect.identifier_preparer.format_column(column)
            place = connection.dialect.identifier_preparer.format_table(table)
            connection.exec_driver_sql(f"alter table {place} add column {name} text")


def forget_rows(connection: Connection, source: Source, delivery_sqn: int) -> None:
    """Delete the rows of an earlier load of a delivery from its raw table."""
    table = raw_table(source)
    if sa.inspect(connection).has_table(table.name, SCHEMA):
        connection.execute(sa.delete(table).where(table.c.delivery_sqn == delivery_sqn))


def first_values(
    connection: Connection, source: Source, delivery_sqn: int, names: Sequence[str], limit: int
) -> dict[str, set[str]]:
    """The different values that columns, by the metadata's names, have in the first rows of a delivery in raw."""
    table, mapped = raw_table(source), mapped_columns(source)
    wanted = [table.c[mapped[name][0]] for name in names]
    rows = connection.execute(
        sa.select(*wanted)
        .where(table.c.delivery_sqn == delivery_sqn)
        .order_by(table.c.line_number)
        .limit(limit)
    ).all()
    return {name: {row[place] or "" for row in rows} for place, name in enumerate(names)}
