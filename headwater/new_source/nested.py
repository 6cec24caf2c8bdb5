"""Where the records of a JSON or XML document are, and which members of a record are columns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any
from xml.parsers import expat

MOST_LEVELS = 4
MOST_MEMBERS = 60  # of an object that is taken apart; one of more is a mapping, and one column


def json_format(content: bytes, encoding: str) -> str:
    """json, ndjson or geojson."""
    text = content.decode(encoding, "ignore").lstrip("\ufeff").strip()
    lines = (line for line in text.splitlines() if line.strip())
    first, second = next(lines, ""), next(lines, "")
    if _is_object(first) and _is_object(second):
        return "ndjson"
    try:
        document = json.loads(text)
    except ValueError:
        return "json"
    return "geojson" if isinstance(document, dict) and document.get("type") == "FeatureCollection" else "json"


def json_record_path(content: bytes, encoding: str) -> str | None:
    """The path to the longest list of objects; None where the document is the list, or cannot be read."""
    try:
        document = json.loads(content.decode(encoding).removeprefix("\ufeff"))
    except ValueError:
        return None  # the reader says what is wrong with it
    if not isinstance(document, dict):
        return None
    found = sorted(_lists(document, "", 0), key=lambda entry: -entry[1])
    return found[0][0] if found else "."


def _lists(value: dict[str, Any], path: str, level: int) -> Iterator[tuple[str, int]]:
    for name, member in value.items():
        if any(sign in name for sign in ".[]"):
            continue
        here = f"{path}.{name}".lstrip(".")
        if isinstance(member, list) and member and all(isinstance(element, dict) for element in member):
            yield here, len(member)
        elif isinstance(member, dict) and level < MOST_LEVELS:
            yield from _lists(member, here, level + 1)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def xml_record_path(content: bytes) -> str | None:
    """The path of the elements that come most often; of equals the outermost. None where the document is broken."""
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
        return None
    repeated = [path for path, count in counts.items() if count > 1 and len(path) > 1]
    # the outermost that repeats: what repeats below it belongs to its records
    outermost = sorted(repeated, key=lambda path: (len(path), -counts[path]))
    return ".".join(outermost[0]) if outermost else None


def member_paths(name: str, values: Collection[str], level: int = 1) -> list[str]:
    """The paths of the members of a column that is an object in every record; [] where it is not."""
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
