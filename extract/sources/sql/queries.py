"""Queries of a source: a table as a whole, what changed in it, a part of its keys, or a script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.sql.expression import ClauseElement, ColumnElement

from headwater.metadata.sql_text import sql_identifier
from headwater.metadata.static.model import Source
from headwater.metadata.static.script_text import escaped
from headwater.metadata.static.table_names import Part, parts_of

PARAMETERS = ("watermark_from", "watermark_to")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
_INTEGERS_OF_SQLITE = 2**63


@dataclass(frozen=True)
class Keys:
    """A part of a table by one column, from `low` on and below `high`; None is no bound. The first has what is null."""

    column: str
    low: str | None = None
    high: str | None = None


@dataclass(frozen=True)
class Question:
    """The rows that are wanted. Plain data, so that it may be asked by another process."""

    source: Source
    since: str | None = None  # of the incr_column; what has none is wanted too
    until: str | None = None  # for scripts only
    keys: Keys | None = None

    def statement(self, dialect: Dialect) -> ClauseElement:
        """The question in SQL, its values bound."""
        if self.source.sql_script is not None:
            return _script(self, dialect)
        conditions = [*_since(self, dialect), *_of_keys(self.keys)]
        return (
            sa.select(sa.literal_column("*")).select_from(table_of(self.source, dialect)).where(*conditions)
        )


def greatest(question: Question, dialect: Dialect) -> sa.Select[Any]:
    """The greatest value of the incr_column in a table, from the question's beginning on."""
    column = incr_column(question.source)
    return (
        sa.select(sa.func.max(column))
        .select_from(table_of(question.source, dialect))
        .where(*_since(question, dialect))
    )


def incr_column(source: Source) -> ColumnElement[Any]:
    """The column that says when a row changed last."""
    assert source.tbl is not None
    assert source.tbl.incr_column is not None
    return sa.column(source.tbl.incr_column)


def table_of(source: Source, dialect: Dialect) -> sa.TableClause:
    """The table, its name as the database wants it written."""
    prepare = dialect.identifier_preparer
    parts = (
        prepare.quote_identifier(p.text) if p.is_quoted else prepare.quote(p.text) for p in _parts(source)
    )
    return sa.table(quoted_name(".".join(parts), quote=False))


def regclass_of(source: Source) -> str:
    """The table's name as `to_regclass` of Postgres takes it."""
    return sql_identifier(*(part.text for part in _parts(source)))


def _parts(source: Source) -> Sequence[Part]:
    assert source.tbl is not None
    parts = parts_of(source.tbl.name)
    assert parts is not None, f"{source.tbl.name}: tbl.csv holds names of tables only"
    return parts


def publisher_name(source: Source) -> str:
    """Return what the publisher calls what is read: its table, or our script's name."""
    read = source.sql_script or source.tbl
    assert read is not None
    return read.name


def _since(question: Question, dialect: Dialect) -> list[ColumnElement[bool]]:
    if question.since is None:
        return []
    column = incr_column(question.source)
    return [sa.or_(column >= _bound(_value(question.since, dialect)), column.is_(None))]


def _of_keys(keys: Keys | None) -> list[ColumnElement[bool]]:
    if keys is None:
        return []
    column: ColumnElement[Any] = sa.column(keys.column)
    conditions: list[ColumnElement[bool]] = []
    if keys.low is not None:
        conditions.append(column >= _bound(keys.low))
    if keys.high is not None:
        below = column < _bound(keys.high)
        conditions.append(below if keys.low is not None else sa.or_(below, column.is_(None)))
    return conditions


def _value(text: str, dialect: Dialect) -> str | int | float | Decimal:
    """A watermark as the database compares it: only Postgres takes a text for the number that it is compared with."""
    if dialect.name == "postgresql" or not NUMBER.fullmatch(text):
        return text
    if dialect.name != "sqlite":
        return Decimal(text)
    return int(text) if "." not in text and abs(int(text)) < _INTEGERS_OF_SQLITE else float(text)


def _bound(value: Any) -> sa.BindParameter[Any]:
    """A value of which the database finds the type, from the column that it is compared with."""
    return sa.bindparam(None, value, type_=sa.types.NullType(), unique=True)


def _script(question: Question, dialect: Dialect) -> sa.TextClause:
    assert question.source.sql_script is not None
    text = re.sub(r"[;\s]+$", "", question.source.sql_script.sql_text)
    clause = sa.text(escaped(text))
    bounds = [None if text is None else _value(text, dialect) for text in (question.since, question.until)]
    values = dict(zip(PARAMETERS, bounds, strict=True))
    return clause.bindparams(**{name: values[name] for name in PARAMETERS if name in clause._bindparams})
