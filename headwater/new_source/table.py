"""A look into a database: what its catalog says of a table, and some of its rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect, Inspector

from extract.sql.connect import engine_of
from extract.sql.mariadb import DIALECTS
from extract.sql.parts import Packer
from extract.sql.queries import Question, named_table
from extract.sql.reader import PostgresReader, Reader, reading, said_plainly
from headwater.new_source.values import Typed
from metadata.errors import NewSourceRefused
from metadata.static.datatypes import INSTEAD, datatype_problem
from metadata.static.model import Source, Tbl
from metadata.static.naming import one_of

MOST_ROWS = 200_000  # that are looked at
_CHANGED = re.compile(
    r"(last_?)?(updated|modified|changed|update|modification|change)(_?(at|on|date|time|ts))?", re.IGNORECASE
)
_WHOLE = {"tinyint": "smallint", "smallint": "smallint", "mediumint": "integer", "int": "integer", "integer": "integer",
          "bigint": "bigint"}  # fmt: skip
_UNSIGNED = {"smallint": "integer", "integer": "bigint", "bigint": "numeric(20,0)"}
_SHOWN = 8  # tables in a message


@dataclass(frozen=True)
class CatalogedTable:
    """What the catalog says of a table. Without datatypes its values say them: SQLite holds to none."""

    tbl: str
    rows: int  # about
    key: tuple[str, ...] = ()
    datatypes: Mapping[str, Typed] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)
    incr_column: str | None = None


def sample_table(source: Source, tbl: str | None, target: Path) -> CatalogedTable:
    """Write the first rows of a table to `target`, as they would land, and say what the catalog says of it.

    Raises `NewSourceRefused` where there is no such table, `PublisherError` where the database cannot be read.
    """
    engine = engine_of(source)
    with said_plainly(source.name, engine), reading(engine) as reader:
        inspector = sa.inspect(reader.connection)
        there = _tables(inspector, reader.dialect)
        if tbl is None:
            raise NewSourceRefused(
                f"{source.name}: leads to a database, expected one of its tables: --option tbl={_listed(there)}"
            )
        schema, _, name = tbl.rpartition(".")
        if not inspector.has_table(name, schema or None):
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
    schema, _, name = tbl.rpartition(".")
    columns = inspector.get_columns(name, schema or None)
    key = inspector.get_pk_constraint(name, schema or None)["constrained_columns"]
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
        comments={column["name"]: said for column in columns if (said := column.get("comment"))},
        incr_column=moments[0] if len(moments) == 1 else None,
    )


def _datatype(kind: sa.types.TypeEngine[Any], dialect: Dialect) -> Typed:
    """The datatype of ours that loses nothing of a column's; text where there is none."""
    try:
        said = kind.compile(dialect=dialect).lower()
    except sa.exc.CompileError:
        return Typed()
    bare = re.sub(r" *\([^)]*\)", "", said)
    whole = _WHOLE.get(bare.split()[0])
    if whole is not None:
        return Typed(_UNSIGNED[whole] if "unsigned" in bare else whole)
    is_sized = bare in ("numeric", "decimal", "varchar")
    said = said.replace("decimal", "numeric").replace(" ", "") if is_sized else bare
    if said == "float" and dialect.name in DIALECTS:
        said = "double precision"
    said = INSTEAD.get(said, said) if said != "char" else "text"
    return Typed(said) if datatype_problem(said) is None else Typed()


def _estimate(reader: Reader, source: Source) -> int:
    """About how many rows there are: by statistics where they are, else counted."""
    place = named_table(source, reader.dialect)
    if isinstance(reader, PostgresReader):
        asked = sa.text("select reltuples::bigint from pg_class where oid = to_regclass(:place)")
        found = reader.connection.execute(asked, {"place": place}).scalar()
        if found is not None and found > 0:
            return int(found)
    return int(reader.connection.execute(sa.text(f"select count(*) from {place}")).scalar_one())


def _tables(inspector: Inspector, dialect: Dialect) -> list[str]:
    """All tables and views, as the option names them."""
    schemas: list[str | None] = [None]
    if dialect.name == "postgresql":
        schemas = [schema for schema in inspector.get_schema_names() if schema != "information_schema"]
    names = [
        f"{schema}.{name}" if schema else name
        for schema in schemas
        for name in [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
    ]
    return sorted(names)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "") or "NAME"
