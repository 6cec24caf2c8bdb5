"""Single values in an answer, by a path such as `meta.next` or `data.-1.id`."""

from __future__ import annotations

import re

from headwater.extract.formats.json_values import JsonValue

INDEX = re.compile(r"-?\d+")


def value_at(value: JsonValue, path: str) -> JsonValue:
    """Return what stands at a path: members by name, elements by number, -1 the last one. None where nothing does."""
    try:
        return _walked(value, path)
    except LookupError:
        return None


def has_place(value: JsonValue, path: str) -> bool:
    """Return whether there is such a path: something or null stands there, or null on the way."""
    try:
        _walked(value, path)
    except LookupError:
        return False
    return True


def text_at(value: JsonValue, path: str) -> str | None:
    """The same as text; None where there is nothing, and where it is no single value or an empty one."""
    found = value_at(value, path)
    return str(found) if isinstance(found, str) and found else None


def _walked(value: JsonValue, path: str) -> JsonValue:
    if isinstance(value, dict) and path in value:  # a member may have a dot in its own name
        return value[path]
    for step in path.split("."):
        if value is None:
            return None
        if isinstance(value, dict):
            value = value[step]
        elif isinstance(value, list) and INDEX.fullmatch(step):
            value = value[int(step)]
        else:
            raise LookupError(step)
    return value
