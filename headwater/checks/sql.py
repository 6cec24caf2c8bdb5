"""Pieces of SQL that several checks are made of, for `sqlalchemy.text` as Great Expectations uses it, too.

No column of a source begins with `_`: such names are ours.
"""

from __future__ import annotations

from collections.abc import Iterable

from headwater.metadata.sql_text import for_text, layer_table, sql_identifier, sql_literal
from headwater.metadata.static.model import Attribute, Source


def names_of(attributes: Iterable[Attribute]) -> list[str]:
    """Their columns from staging on."""
    return [attribute.target_name for attribute in attributes]


def quoted(name: str) -> str:
    """A column's name."""
    return for_text(sql_identifier(name))


def column_list(names: Iterable[str], of: str = "") -> str:
    """The columns, quoted; `of` is put before each, as in `staged.`."""
    return ", ".join(f"{of}{quoted(name)}" for name in names)


def json_object(names: Iterable[str], of: str) -> str:
    """A JSON object of columns, in their order, which jsonb would not keep."""
    pairs = (f"{for_text(sql_literal(name))}, {of}{quoted(name)}" for name in names)
    return f"json_build_object({', '.join(pairs)})"


def all_match(names: Iterable[str], left: str, right: str) -> str:
    """The condition that two rows have the same key."""
    return " and ".join(f"{left}.{quoted(name)} = {right}.{quoted(name)}" for name in names)


def staging_table(source: Source) -> str:
    """The table of staged rows."""
    return layer_table("staging", source.name)
