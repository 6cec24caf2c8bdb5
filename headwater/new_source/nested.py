"""The position of the records in a JSON or XML document, and the members of a record that become columns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from headwater.extract.formats.json_text import JsonText
from headwater.extract.formats.json_values import JsonValue
from headwater.metadata.errors import FormatBroken
from headwater.new_source.dialect import physical_lines
from headwater.new_source.doubt import Doubt, listed, option_flag

MOST_LEVELS = 4
MOST_MEMBERS = 60  # members of an object that become columns; a larger object is a map and one column
MAP_MEMBERS = 5  # similar members that make an object a map from names to records
ALIKE_PCT = 80  # of the members of a map that look like the others
EACH_MEMBER = "*"
_ELEMENTS_LOOKED_AT = 200


@dataclass
class Shape:
    """A value of a document: a list with the number of its objects, an object with its members, or neither."""

    kind: str  # list, object or other
    records: int = 0  # of a list: its objects
    is_of_objects: bool = False  # a list, and nothing in it but objects
    names: frozenset[str] = frozenset()  # of the members of its objects, or its own
    members: dict[str, Shape] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """The path of the records, `*` for each member of a map, and their number."""

    path: tuple[str, ...]
    records: int
    names: frozenset[str]
    is_list: bool = True

    @property
    def is_map(self) -> bool:
        """Return whether the path contains a map."""
        return EACH_MEMBER in self.path

    @property
    def record_path(self) -> str:
        """Return the path in the form of the option `record_path`."""
        return ".".join(self.path) + ("[]" if self.is_map and self.is_list else "")


def json_format(content: bytes, encoding: str) -> str:
    """Return json or ndjson."""
    text = content.decode(encoding, "ignore").lstrip("\ufeff").strip()
    lines = (line for line in physical_lines(text) if line.strip())
    first, second = next(lines, ""), next(lines, "")
    return "ndjson" if _is_object(first) and _is_object(second) else "json"


def json_outline(text: JsonText) -> Shape | None:
    """Return the structure of a document of any size; None if it is unreadable, which the reader then reports."""
    try:
        return _shape(text, 0)
    except FormatBroken:
        return None


def is_feature_collection(outline: Shape) -> bool:
    """Return whether a document is a GeoJSON collection."""
    features = outline.members.get("features")
    return "type" in outline.names and features is not None and {"type", "geometry"} <= features.names


def json_record_path(outline: Shape) -> tuple[str | None, list[Doubt]]:
    """Return the path to the most records, and its doubts; None if the document itself is the list."""
    if outline.kind != "object":
        return None, []
    places = sorted(_places(outline, ()), key=lambda place: -place.records)
    if not places:
        return ".", [_doubt_of_one_record(outline)]
    best, others = places[0], places[1:]
    return best.record_path, [*([_doubt_of_map(best)] if best.is_map else []), _doubt_of_places(best, others)]


def _doubt_of_map(place: Place) -> Doubt:
    column = ".".join(place.path[: len(place.path) - place.path[::-1].index(EACH_MEMBER)])
    return Doubt(
        "record_path", f"the {place.records:,} records are members of an object that maps names to them",
        f"its members look alike; their names are the column {column}", "columns become rows",
        option_flag("record_path", place.record_path), is_harmful=True, option="record_path",
        choices=(place.record_path, "."),
    )  # fmt: skip


def _doubt_of_places(best: Place, others: Sequence[Place]) -> Doubt:
    guess = f"the {best.records:,} records are at {best.record_path}"
    flag = option_flag("record_path", best.record_path)
    if not others:
        return Doubt("record_path", guess, "no other list of objects is there", "other values are lost", flag)
    elsewhere = sum(place.records for place in others)
    alike = sum(place.records for place in others if _are_alike(place.names, best.names))
    where = listed(f"{place.record_path} ({place.records:,})" for place in others)
    message = f", {alike:,} of them with like members" if alike else ""
    return Doubt(
        "record_path", guess, f"{elsewhere:,} records are elsewhere{message}: {where}",
        f"{100 * elsewhere // (elsewhere + best.records)} % of the records are left out", flag, is_harmful=True,
        option="record_path",
        choices=tuple(place.record_path for place in (best, *others)),
    )  # fmt: skip


def _doubt_of_one_record(outline: Shape) -> Doubt:
    names = listed(sorted(outline.names))
    return Doubt(
        "record_path", "the whole document is one record",
        f"no list of objects is in it; its {len(outline.names):,} members are {names}",
        "what is a record becomes columns", option_flag("record_path", "."), is_harmful=True, option="record_path",
        choices=(".",),
    )  # fmt: skip


def _shape(text: JsonText, level: int) -> Shape:
    found = text.peek()
    if found == "[":
        return _shape_of_list(text)
    if found == "{" and level < MOST_LEVELS:
        members = {name: _shape(text, level + 1) for name in text.members()}
        return Shape("object", names=frozenset(members), members=members)
    return _shape_of_value(text.value())


def _shape_of_list(text: JsonText) -> Shape:
    records, names, is_of_objects = 0, set[str](), True
    for _ in text.elements():
        element = text.value()
        is_of_objects &= isinstance(element, dict)
        if isinstance(element, dict):
            records += 1
            if records <= _ELEMENTS_LOOKED_AT:
                names.update(element)
    return Shape("list", records, is_of_objects and records > 0, frozenset(names))


def _shape_of_value(value: JsonValue) -> Shape:
    return Shape("object", names=frozenset(value)) if isinstance(value, dict) else Shape("other")


def _places(shape: Shape, path: tuple[str, ...]) -> Iterator[Place]:
    """Yield the lists of objects, and the maps, that are in no other."""
    if shape.is_of_objects and path:
        yield Place(path, shape.records, shape.names)
        return
    if _is_map(shape):
        yield from _places_of_map(shape, (*path, EACH_MEMBER))
        return
    for name, member in shape.members.items():
        if name and not any(sign in name for sign in ".[]*^"):
            yield from _places(member, (*path, name))


def _places_of_map(shape: Shape, path: tuple[str, ...]) -> Iterator[Place]:
    """Yield the records below each member of a map; the members themselves if they contain no list."""
    found: dict[tuple[str, ...], Place] = {}
    for member in shape.members.values():
        for place in _places(member, path):
            before = found.get(place.path)
            found[place.path] = (
                Place(place.path, before.records + place.records, before.names | place.names, place.is_list)
                if before
                else place
            )
    if found:
        yield from found.values()
    else:
        names = frozenset(name for member in shape.members.values() for name in member.names)
        yield Place(path, len(shape.members), names, is_list=False)


def _is_map(shape: Shape) -> bool:
    """Return whether an object has many members, nearly all of them similar lists of objects, or objects."""
    members = list(shape.members.values())
    if len(members) < MAP_MEMBERS:
        return False
    able = [one for one in members if one.is_of_objects or (one.kind == "object" and one.names)]
    if len(able) * 100 < ALIKE_PCT * len(members):
        return False
    usual = Counter(name for one in able for name in one.names)
    typical = frozenset(name for name, count in usual.items() if 2 * count >= len(able))
    alike = [one for one in able if typical and _are_alike(one.names, typical)]
    return len(alike) * 100 >= ALIKE_PCT * len(members)


def _are_alike(names: frozenset[str], others: frozenset[str]) -> bool:
    return 2 * len(names & others) >= min(len(names), len(others)) > 0


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def xml_record_path(content: bytes) -> tuple[str | None, list[Doubt]]:
    """Return the path of the outermost repeated elements, and its doubts. None: the document is broken."""
    counts: Counter[tuple[str, ...]] = Counter()
    here: list[str] = []
    parser = expat.ParserCreate()

    def begin(name: str, _: dict[str, str]) -> None:
        here.append(name)
        counts[tuple(here)] += 1

    parser.StartElementHandler = begin
    parser.EndElementHandler = lambda _: here.pop() and None
    try:
        parser.Parse(content, False)
    except expat.ExpatError:
        return None, []
    repeated = [path for path, count in counts.items() if count > 1 and len(path) > 1]
    # the outermost repeated element: repeated elements below it belong to its records
    outermost = sorted(repeated, key=lambda path: (len(path), -counts[path]))
    if not outermost:
        return None, []
    chosen = [outermost[0]]
    for path in outermost[1:]:
        if not any(path[: len(other)] == other for other in chosen):
            chosen.append(path)
    places = [Place(path, counts[path], _children(path, counts)) for path in chosen]
    return places[0].record_path, [_doubt_of_places(places[0], places[1:])]


def _children(path: tuple[str, ...], counts: Counter[tuple[str, ...]]) -> frozenset[str]:
    return frozenset(other[-1] for other in counts if other[:-1] == path)


def member_paths(name: str, values: Collection[str], level: int = 1) -> list[str]:
    """Return the paths of the members of a column that is an object in every record; [] for other columns."""
    members: dict[str, list[Any]] = {}
    for value in values:
        if not value.startswith("{"):
            return []
        for member, below in json.loads(value).items():
            members.setdefault(member, []).append(below)
    if not members or len(members) > MOST_MEMBERS or any("." in member or not member for member in members):
        return []
    paths = []
    for member, below in members.items():
        objects = [json.dumps(value) for value in below if isinstance(value, dict)]
        is_object = objects and all(value is None or isinstance(value, dict) for value in below)
        deeper = (
            member_paths(f"{name}.{member}", objects, level + 1) if is_object and level < MOST_LEVELS else []
        )
        paths += deeper or [f"{name}.{member}"]
    return paths
