"""Pieces of SQL that several checks are made of. No column of a source begins with `_`: such names are ours."""

from __future__ import annotations

from collections.abc import Iterable

from metadata.static.model import Attribute, Source


def names_of(attributes: Iterable[Attribute]) -> list[str]:
    """Their columns from staging on."""
    return [attribute.target_name for attribute in attributes]


def column_list(names: Iterable[str], of: str = "") -> str:
    """The columns, quoted; `of` is put before each, as in `staged.`."""
    return ", ".join(f'{of}"{name}"' for name in names)


def json_object(names: Iterable[str], of: str) -> str:
    """A JSON object of columns, in their order, which jsonb would not keep."""
    return "json_build_object(" + ", ".join(f"'{name}', {of}\"{name}\"" for name in names) + ")"


def all_match(names: Iterable[str], left: str, right: str) -> str:
    """The condition that two rows have the same key."""
    return " and ".join(f'{left}."{name}" = {right}."{name}"' for name in names)


def staging_table(source: Source) -> str:
    """The table of staged rows."""
    return f'staging."stg_{source.name}"'
