"""Names and values as pieces of SQL for Postgres: the only way in which they get into SQL that is put together.

Where SQLAlchemy can say it, or a parameter can be bound, no SQL is put together. The macros `sql_identifier` and
`sql_literal` say the same to dbt.
"""

from __future__ import annotations


def sql_identifier(*names: str) -> str:
    """A name in quotes, whatever it is made of; several with dots between them, such as schema and table."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def sql_literal(value: object) -> str:
    """A value as text in quotes. A backslash is a character like any other: sessions have it so."""
    return "'" + str(value).replace("'", "''") + "'"


def layer_table(layer: str, source: str) -> str:
    """The table in which a layer (raw, staging or historical) holds the rows of a source."""
    return sql_identifier(layer, f"stg_{source}" if layer == "staging" else source)


def for_text(sql: str) -> str:
    """A piece of SQL as `sqlalchemy.text` takes it, which would read a parameter in `"at :time"`."""
    return sql.replace(":", r"\:")
