"""The place of the records in a document: `data.items`, `data[].stations[]` for lists within lists, and `*` for objects
that are used as maps: `regions.*.items[]`, or `*` where the document is an object keyed by an id.

The name of a member that `*` passed is a column of each record below it. It is called like the path up to there,
`regions.*`. A record that is no object, as in `{"EUR": 1.1}`, is the column `.`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from headwater.extract.formats.json_values import JsonValue, NotJsonError
from headwater.metadata.static.formats import ANY

EACH = "[]"
PARENT = "^"  # in a record of an inner list: the object that holds the list
VALUE = "."  # a record that is no object, below a map

Walked = Mapping[str, str]  # the names of members that were passed, by what their column is called
NOTHING: Walked = {}


def parse_record_path(path: str) -> tuple[str, ...]:
    """The steps of a path: names of members, EACH for the elements of a list, and paths that end in ANY for a map's.

    The step of a map is what its column is called.
    """
    steps: list[str] = []
    here = ""
    for part in path.split(".") if path not in ("", ".") else []:
        here = f"{here}.{part}".lstrip(".")
        name = part.rstrip("[]")
        if name == ANY:
            steps.append(here.rstrip("[]"))
        elif name:
            steps.append(name)
        steps += [EACH] * (part.count(EACH))
    return tuple(steps)


def is_any(step: str) -> bool:
    """Return whether a step leads to every member of a map."""
    return step == ANY or step.endswith(f".{ANY}")


def records_below(
    value: JsonValue,
    steps: Sequence[str],
    parent: Mapping[str, JsonValue] | None = None,
    walked: Walked = NOTHING,
) -> Iterator[JsonValue]:
    """The records inside an element of the outermost list. Where a member or list is not there, there are none.

    A record of an inner list gets a member `^`: the object that the list belongs to, which may have one too.
    """
    if not steps:
        record = with_names(value, walked)
        yield record if parent is None else _with_parent(record, parent)
    elif value is None:
        return
    elif steps[0] == EACH:
        for element in _list(value):
            yield from records_below(element, steps[1:], parent, walked)
    elif is_any(steps[0]):
        for name, inner in _map(
            value, steps[0]
        ).items():  # around a record is no map: it holds the other records
            rest = _rest(steps, inner)
            if inner is not None or not rest:
                yield from records_below(inner, rest, parent, {**walked, steps[0]: name})
    elif isinstance(value, dict):
        inner = value.get(steps[0])
        if inner is not None:
            holder = value if parent is None else _with_parent(value, parent)
            yield from records_below(inner, _rest(steps, inner), cast("dict[str, JsonValue]", holder), walked)
    else:
        raise NotJsonError(f"{kind(value)}, expected an object with the member {steps[0]!r} (record_path)")


def _list(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, list):
        return value
    raise NotJsonError(f"{kind(value)}, expected a list at {EACH} (record_path)")


def _map(value: JsonValue, step: str) -> dict[str, JsonValue]:
    if isinstance(value, dict):
        return value
    raise NotJsonError(
        f"{kind(value)}, expected an object of records by their names at {step!r} (record_path)"
    )


def _rest(steps: Sequence[str], inner: JsonValue) -> Sequence[str]:
    """Return the further steps: a path that ends at a list means its elements."""
    return steps[1:] or ((EACH,) if isinstance(inner, list) else ())


def with_names(value: JsonValue, walked: Walked) -> JsonValue:
    """A record with the names of the members that led to it. Raises `NotJsonError` where it has such a member."""
    if not walked:
        return value
    if not isinstance(value, dict):
        return {**walked, **({} if value is None else {VALUE: value})}
    for name in walked:
        if name in value:
            raise NotJsonError(
                f"a member is called {name!r}, which is how the names of members at that place are called (record_path)"
            )
    return {**walked, **value}


def _with_parent(value: JsonValue, parent: Mapping[str, JsonValue]) -> JsonValue:
    if not isinstance(value, dict):
        return value
    if PARENT in value:
        raise NotJsonError(f"a member is called {PARENT!r}, which is how the object around a list is named")
    return {**value, PARENT: cast("dict[str, JsonValue]", parent)}


def kind(value: JsonValue) -> str:
    """Return the kind of a value, for a message."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "a string" if type(value) is str else f"the number {value}"
