"""A sample of a database table: its description in the catalog, and some of its rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect, Inspector

from headwater.extract.sources.sql.connect import engine_of
from headwater.extract.sources.sql.mariadb import DIALECTS
from headwater.extract.sources.sql.parts import Packer
from headwater.extract.sources.sql.queries import Question, regclass_of, table_of
from headwater.extract.sources.sql.reader import PostgresReader, Reader, reading, said_plainly
from headwater.metadata.errors import NewSourceRefused
from headwater.metadata.static.datatypes import INSTEAD, datatype_problem
from headwater.metadata.static.model import Source, Tbl
from headwater.metadata.static.naming import one_of
from headwater.metadata.static.table_names import parts_of, table_name
from headwater.new_source.values import Typed

MOST_ROWS = 200_000  # sampled rows
_CHANGED = re.compile(
    r"(last_?)?(updated|modified|changed|update|modification|change)(_?(at|on|date|time|ts))?", re.IGNORECASE
)
_WHOLE = {"tinyint": "smallint", "smallint": "smallint", "mediumint": "integer", "int": "integer", "integer": "integer",
          "bigint": "bigint"}  # fmt: skip
_UNSIGNED = {"smallint": "integer", "integer": "bigint", "bigint": "numeric(20,0)"}
_SHOWN = 8  # tables in a message


@dataclass(frozen=True)
class CatalogedTable:
    """A table as the catalog describes it. Without datatypes (SQLite enforces none) its values determine them."""

    tbl: str
    rows: int  # about
    key: tuple[str, ...] = ()
    datatypes: Mapping[str, Typed] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)
    incr_column: str | None = None


def sample_table(source: Source, tbl: str | None, target: Path) -> CatalogedTable:
    """Write the first rows of a table to `target` in the landed format, and return its description.

    Raises `NewSourceRefused` if there is no such table, `PublisherError` if the database cannot be read.
    """
    engine = engine_of(source)
    with said_plainly(source.name, engine), reading(engine) as reader:
        inspector = sa.inspect(reader.connection)
        there = _tables(inspector, reader.dialect)
        tbl = _as_named(tbl, there)
        if tbl is None:
            raise NewSourceRefused(
                f"{source.name}: leads to a database, expected one of its tables: --option tbl={_listed(there)}"
            )
        if parts_of(tbl) is None or not inspector.has_table(*_place(tbl)):
            raise NewSourceRefused(f"{source.name}: no table {tbl}, expected {one_of(there, tbl)}")
        found = _cataloged(reader, inspector, source, tbl)
        _write_rows(reader, Question(_reads(source, tbl)), target)
    return found


def _reads(source: Source, tbl: str) -> Source:
    return replace(source, tbl=Tbl(tbl, source.data_source.name, None, "small"))


def _write_rows(reader: Reader, question: Question, target: Path) -> None:
    statement = question.statement(reader.dialect)
    assert isinstance(statement, sa.Select)
    limited = statement.limit(MOST_ROWS)
    packer = Packer()
    packer.write(reader.header(limited))
    reader.write_rows(limited, packer.write)
    part = packer.end()
    part.file.seek(0)
    target.write_bytes(part.file.read())


def _cataloged(reader: Reader, inspector: Inspector, source: Source, tbl: str) -> CatalogedTable:
    columns = inspector.get_columns(*_place(tbl))
    key = inspector.get_pk_constraint(*_place(tbl))["constrained_columns"]
    datatypes = {} if reader.dialect.name == "sqlite" else {
        column["name"]: _datatype(column["type"], reader.dialect) for column in columns
    }  # fmt: skip
    moments = [
        column["name"] for column in columns
        if _CHANGED.fullmatch(column["name"]) and isinstance(column["type"], (sa.DateTime, sa.TIMESTAMP, sa.Text))
    ]  # fmt: skip
    return CatalogedTable(
        tbl=tbl,
        rows=_estimate(reader, _reads(source, tbl)),
        key=tuple(key),
        datatypes=datatypes,
        comments={column["name"]: message for column in columns if (message := column.get("comment"))},
        incr_column=moments[0] if len(moments) == 1 else None,
    )


def _datatype(kind: sa.types.TypeEngine[Any], dialect: Dialect) -> Typed:
    """Return the target datatype that loses nothing of a column's values; text if there is none."""
    try:
        message = kind.compile(dialect=dialect).lower()
    except sa.exc.CompileError:
        return Typed()
    bare = re.sub(r" *\([^)]*\)", "", message)
    whole = _WHOLE.get(bare.split()[0])
    if whole is not None:
        return Typed(_UNSIGNED[whole] if "unsigned" in bare else whole)
    is_sized = bare in ("numeric", "decimal", "varchar")
    message = message.replace("decimal", "numeric").replace(" ", "") if is_sized else bare
    if message == "float" and dialect.name in DIALECTS:
        message = "double precision"
    message = INSTEAD.get(message, message) if message != "char" else "text"
    return Typed(message) if datatype_problem(message) is None else Typed()


def _estimate(reader: Reader, source: Source) -> int:
    """Return the approximate number of rows: from statistics if there are any, else counted."""
    if isinstance(reader, PostgresReader):
        asked = sa.text("select reltuples::bigint from pg_class where oid = to_regclass(:place)")
        found = reader.connection.execute(asked, {"place": regclass_of(source)}).scalar()
        if found is not None and found > 0:
            return int(found)
    counted = sa.select(sa.func.count()).select_from(table_of(source, reader.dialect))
    return int(reader.connection.execute(counted).scalar_one())


def _tables(inspector: Inspector, dialect: Dialect) -> list[str]:
    """Return all tables and views in the form of the option."""
    schemas: list[str | None] = [None]
    if dialect.name == "postgresql":
        schemas = [schema for schema in inspector.get_schema_names() if schema != "information_schema"]
    names = [
        table_name(schema, name) if schema else table_name(name)
        for schema in schemas
        for name in [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
    ]
    return sorted(names)


def _as_named(tbl: str | None, there: list[str]) -> str | None:
    """Return the name of a table that a person wrote without its quotes, such as `public.User`."""
    if tbl is None or parts_of(tbl):
        return tbl
    return next((name for name in there if ".".join(part.text for part in parts_of(name) or ()) == tbl), tbl)


def _place(tbl: str) -> tuple[str, str | None]:
    """Return the name of a table, and its schema in SQLAlchemy's form."""
    *schema, name = (part.text for part in parts_of(tbl) or ())
    return name, ".".join(schema) or None


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "") or "NAME"
