"""Exact values of MariaDB and MySQL, which would round them.

A `float` is written with six digits, whatever it has, and a `bit` comes as bytes without its length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.expression import ClauseElement, ColumnElement, FromClause

DIALECTS = frozenset({"mysql", "mariadb"})
# what a text means must not depend on the server's settings
SETTINGS = (
    "set time_zone = '+00:00', sql_mode = replace(@@sql_mode, 'PAD_CHAR_TO_FULL_LENGTH', '')",
    "start transaction with consistent snapshot, read only",
)
_FLOAT, _BIT = 4, 16  # of the protocol
_LENGTH = 3  # where a description has it


def without_rows(statement: ClauseElement) -> sa.Select[Any]:
    """The question, of which only the description is wanted. Its driver would read all rows to close a cursor."""
    return sa.select(sa.literal_column("*")).select_from(_asked(statement)).limit(0)


def exactly(statement: ClauseElement, described: Sequence[Sequence[Any]]) -> ClauseElement:
    """The question, its columns as text that loses nothing."""
    if not {_FLOAT, _BIT} & {kind for _, kind, *_ in described}:
        return statement
    return sa.select(*map(_exact, described)).select_from(_asked(statement))


@contextmanager
def leaving_unread(connection: Any) -> Iterator[None]:
    """After an error the rest of an answer is not wanted: PyMySQL would look for it, and complain of a dead server."""
    try:
        yield
    except BaseException:
        if (result := getattr(connection, "_result", None)) is not None:
            result.unbuffered_active = False
        raise


def _asked(statement: ClauseElement) -> FromClause:
    if isinstance(statement, sa.TextClause):
        return statement.columns().subquery("question")
    assert isinstance(statement, sa.Select)
    return statement.subquery("question")


def _exact(described: Sequence[Any]) -> ColumnElement[Any]:
    name, kind = described[:2]
    column: ColumnElement[Any] = sa.column(name)
    if kind == _FLOAT:
        return sa.cast(column, sa.Double).label(name)
    if kind == _BIT:
        return sa.func.lpad(sa.func.bin(column), described[_LENGTH], "0").label(name)
    return column
