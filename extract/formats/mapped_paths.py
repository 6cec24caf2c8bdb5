"""The members of nested records that become columns: the mapped paths, and all other members.

`address.city` is the member `city` of the object `address`, `tags.0` the first element of the list `tags`. An
object without a mapped path inside is one column as a whole, and so is a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from headwater.extract.formats.json_values import JsonValue, NotJsonError, as_json, as_text
from headwater.extract.formats.record_path import PARENT
from headwater.extract.schema.raw_table import mapped_columns
from headwater.metadata.static.model import Source


@dataclass
class _Node:
    """A member that is a mapped column, or contains mapped columns, or both."""

    name: str | None = None  # of the column that it is
    below: dict[str, _Node] = field(default_factory=dict)


@dataclass(frozen=True)
class Paths:
    """The mapped paths of a source, by their members."""

    names: frozenset[str]
    _root: _Node
    _others: frozenset[str]  # members that are more, or something else, than the column of their name

    @classmethod
    def of(cls, source: Source) -> Paths:
        """Return the paths of the attributes and of the delete mark, and their later names at the publisher."""
        names = [later for name in mapped_columns(source) for later in (name, *source.later_names(name))]
        root = _Node()
        for name in names:
            node = root
            for part in name.split("."):
                node = node.below.setdefault(part, _Node())
            node.name = name
        for name in names:
            if "." in name:  # a member may have a dot in its own name
                root.below.setdefault(name, _Node()).name = name
        others = {member for member, node in root.below.items() if node.below or node.name != member}
        return cls(frozenset(names), root, frozenset({*others, PARENT}))

    def columns(self, record: Mapping[str, JsonValue]) -> dict[str, str | None]:
        """The columns of a record: those that are mapped as text, all others as JSON.

        Raises `NotJsonError` where two members claim one column.
        """
        columns: dict[str, str | None] = {}
        _take(record, self._root.below, "", columns)
        return columns

    def are_columns(self, members: Iterable[str]) -> bool:
        """Return whether each of these members of a record is the column of its name and nothing else,
        or not mapped."""
        return self._others.isdisjoint(members)


def _take(
    members: Mapping[str, JsonValue], nodes: Mapping[str, _Node], prefix: str, columns: dict[str, str | None]
) -> None:
    if prefix.startswith(PARENT):  # what is around a list is not of its records, unless it is mapped
        members = {name: members[name] for name in nodes if name in members}
    for member, value in members.items():
        node = nodes.get(member)
        if node is not None:
            _take_mapped(member, value, node, prefix, columns)
        elif member != PARENT:
            _put(columns, prefix + member, as_json(value))


def _take_mapped(
    member: str, value: JsonValue, node: _Node, prefix: str, columns: dict[str, str | None]
) -> None:
    if node.name is not None:
        _put(columns, node.name, as_text(value))
    if not node.below:
        return
    if isinstance(value, list):
        value = {str(place): element for place, element in enumerate(value)}
    if isinstance(value, dict):
        _take(value, node.below, f"{prefix}{member}.", columns)
    elif value is None:
        _nothing_below(node, columns)
    elif node.name is None:
        _put(columns, prefix + member, as_json(value))


def _nothing_below(node: _Node, columns: dict[str, str | None]) -> None:
    """Set the members of an object that is null: they are null, not missing."""
    for below in node.below.values():
        if below.name is not None:
            _put(columns, below.name, None)
        _nothing_below(below, columns)


def _put(columns: dict[str, str | None], name: str, value: str | None) -> None:
    if name in columns:
        raise NotJsonError(f"two members make the column {name!r}, expected one")
    columns[name] = value
