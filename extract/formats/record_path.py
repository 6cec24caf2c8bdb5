"""Where the records are in a document: `data.items`, or `data[].stations[]` for lists within lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from extract.formats.json_values import JsonValue, NotJsonError

EACH = "[]"
PARENT = "^"  # in a record of an inner list: the object that holds the list


def parse_record_path(path: str) -> tuple[str, ...]:
    """The steps of a path: names of members, and EACH for the elements of a list."""
    steps: list[str] = []
    for part in path.split(".") if path not in ("", ".") else []:
        name = part.rstrip("[]")
        steps += [name] if name else []
        steps += [EACH] * (part.count(EACH))
    return tuple(steps)


def records_below(
    value: JsonValue, steps: Sequence[str], parent: Mapping[str, JsonValue] | None = None
) -> Iterator[JsonValue]:
    """The records inside an element of the outermost list. Where a member or list is not there, there are none.

    A record of an inner list gets a member `^`: the object that the list belongs to, which may have one too.
    """
    if not steps:
        yield value if parent is None else _with_parent(value, parent)
    elif value is None:
        return
    elif steps[0] == EACH:
        if not isinstance(value, list):
            raise NotJsonError(f"{kind(value)}, expected a list at {EACH} (record_path)")
        for element in value:
            yield from records_below(element, steps[1:], parent)
    elif isinstance(value, dict):
        inner = value.get(steps[0])
        rest = steps[1:] or ((EACH,) if isinstance(inner, list) else ())
        if inner is not None:
            holder = value if parent is None else _with_parent(value, parent)
            yield from records_below(inner, rest, cast("dict[str, JsonValue]", holder))
    else:
        raise NotJsonError(f"{kind(value)}, expected an object with the member {steps[0]!r} (record_path)")


def _with_parent(value: JsonValue, parent: Mapping[str, JsonValue]) -> JsonValue:
    if not isinstance(value, dict):
        return value
    if PARENT in value:
        raise NotJsonError(f"a member is called {PARENT!r}, which is how the object around a list is named")
    return {**value, PARENT: dict(parent)}


def kind(value: JsonValue) -> str:
    """What a value is, for a message."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "a string" if type(value) is str else f"the number {value}"
