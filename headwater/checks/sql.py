"""Fragments of SQL for several checks, for `sqlalchemy.text`, which Great Expectations uses too.

No column of a source begins with `_`, so such names are free for us.
"""

from __future__ import annotations

from collections.abc import Iterable

from headwater.metadata.sql_text import for_text, layer_table, sql_identifier, sql_literal
from headwater.metadata.static.model import Attribute, Source


def names_of(attributes: Iterable[Attribute]) -> list[str]:
    """Return the target names of the columns."""
    return [attribute.target_name for attribute in attributes]


def quoted(name: str) -> str:
    """Return the quoted name of a column."""
    return for_text(sql_identifier(name))


def column_list(names: Iterable[str], of: str = "") -> str:
    """Return the quoted columns, each with the prefix `of`, such as `staged.`."""
    return ", ".join(f"{of}{quoted(name)}" for name in names)


def json_object(names: Iterable[str], of: str) -> str:
    """Return SQL for a JSON object of columns that keeps their order, which jsonb would not."""
    pairs = (f"{for_text(sql_literal(name))}, {of}{quoted(name)}" for name in names)
    return f"json_build_object({', '.join(pairs)})"


def all_match(names: Iterable[str], left: str, right: str) -> str:
    """Return the condition that two rows have the same key."""
    return " and ".join(f"{left}.{quoted(name)} = {right}.{quoted(name)}" for name in names)


def staging_table(source: Source) -> str:
    """Return the table of staged rows."""
    return layer_table("staging", source.name)
