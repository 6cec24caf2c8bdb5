"""Schemas of Avro that a message of a few bytes could make endless values of: lists whose elements take no bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def has_list_of_nothing(schema: Any) -> bool:
    """Return whether there is a list of nulls, or of records without a field that is written, in a parsed schema."""
    parts = list(_parts(schema))
    named = {part["name"]: part for part in parts if "name" in part and "type" in part}
    return any(part.get("type") == "array" and _takes_nothing(part["items"], named, ()) for part in parts)


def _parts(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Every type that is written out in a schema."""
    if isinstance(schema, Mapping):
        yield schema
        for inner in (schema.get("type"), schema.get("items"), schema.get("values"), schema.get("fields")):
            yield from _parts(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _parts(inner)


def _takes_nothing(schema: Any, named: Mapping[str, Any], within: tuple[str, ...]) -> bool:
    """Return whether values of a type are written without a byte; a union writes which of its types it is."""
    if isinstance(schema, str):
        if schema in named and schema not in within:
            return _takes_nothing(named[schema], named, (*within, schema))
        return schema == "null"
    if not isinstance(schema, Mapping):
        return False
    if schema.get("type") == "record":
        return all(_takes_nothing(field["type"], named, within) for field in schema["fields"])
    if schema.get("type") == "fixed":
        return schema.get("size") == 0
    return _takes_nothing(schema.get("type"), named, within)
