"""Geometries of GeoJSON as well-known text, their coordinates with the digits that they came with."""

from __future__ import annotations

from headwater.extract.formats.json_values import JsonValue, NotJsonError, Number
from headwater.extract.formats.record_path import kind

# how many lists stand around a position
LISTS = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}
PLANE, SPACE = 2, 3  # numbers in a position


def as_wkt(geometry: JsonValue) -> str | None:
    """`POINT (10 48.40)`; null is None. Raises `NotJsonError` for what is no geometry."""
    if geometry is None:
        return None
    name = geometry.get("type") if isinstance(geometry, dict) else None
    if isinstance(geometry, dict) and name == "GeometryCollection":
        members = geometry.get("geometries")
        if not isinstance(members, list):
            raise NotJsonError("a GeometryCollection without a list of geometries")
        inner = ", ".join(as_wkt(member) or "POINT EMPTY" for member in members)
        return f"GEOMETRYCOLLECTION ({inner})" if members else "GEOMETRYCOLLECTION EMPTY"
    if not isinstance(geometry, dict) or name not in LISTS:
        raise NotJsonError(f"{name or kind(geometry)!r} is no geometry, expected one of {', '.join(LISTS)}")
    coordinates = geometry.get("coordinates")
    if coordinates == []:
        return f"{str(name).upper()} EMPTY"
    dimensions: set[int] = set()
    text = _text(coordinates, LISTS[str(name)], dimensions)
    if len(dimensions) > 1:
        raise NotJsonError(f"a {name} of positions with {PLANE} numbers and with {SPACE}, expected one kind")
    if name == "MultiPoint":
        text = "(" + ", ".join(f"({point})" for point in text.strip("()").split(", ")) + ")"
    mark = " Z" if SPACE in dimensions else ""
    return f"{str(name).upper()}{mark} {text if text.startswith('(') else f'({text})'}"


def _text(value: JsonValue, lists: int, dimensions: set[int]) -> str:
    if not isinstance(value, list) or not value:
        raise NotJsonError(
            f"{'an empty list' if value == [] else kind(value)} among coordinates, expected a list"
        )
    if lists:
        parts = [_text(element, lists - 1, dimensions) for element in value]
        return f"({', '.join(parts)})"
    if len(value) not in (PLANE, SPACE) or not all(isinstance(number, Number) for number in value):
        raise NotJsonError(f"a position of {len(value)} values, expected {PLANE} or {SPACE} numbers")
    dimensions.add(len(value))
    return " ".join(str(number) for number in value)
