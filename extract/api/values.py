"""Single values in an answer, by a path such as `meta.next` or `data.-1.id`."""

from __future__ import annotations

import re

from extract.formats.json_values import JsonValue

INDEX = re.compile(r"-?\d+")


def value_at(value: JsonValue, path: str) -> JsonValue:
    """What stands at a path: members by name, elements by number, -1 the last one. None where nothing does."""
    if isinstance(value, dict) and path in value:  # a member may have a dot in its own name
        return value[path]
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and INDEX.fullmatch(step) and -len(value) <= int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def text_at(value: JsonValue, path: str) -> str | None:
    """The same as text; None where there is nothing, and where it is no single value or an empty one."""
    found = value_at(value, path)
    return str(found) if isinstance(found, str) and found else None
