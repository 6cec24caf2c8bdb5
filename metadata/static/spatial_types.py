"""Spatial datatypes, as PostGIS writes them, and the formats of pairs of coordinates.

Each function returns None when all is well, or what is wrong and what was expected instead.
"""

from __future__ import annotations

import re

from headwater.metadata.static.naming import nearest

SPATIAL = ("geometry", "geography")
SHAPES = (
    "Geometry", "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection",
)  # fmt: skip
DIMENSIONS = ("", "Z", "M", "ZM")
EXAMPLES = ("geometry", "geometry(Point,4326)", "geography(Point,4326)")
GREATEST_SRID = 998_999  # that PostGIS takes
LONGITUDE_LATITUDE = 4326  # the SRID of a geography

_WRITTEN = re.compile(r"(geometry|geography)(?:\(([a-z]+)(?:,([0-9]+))?\))?")
_NAMES = {
    f"{shape}{dimensions}".lower(): f"{shape}{dimensions}" for shape in SHAPES for dimensions in DIMENSIONS
}
_PAIR = re.compile(r"(\(?)(lat|lon|x|y)([,;/| ])(lat|lon|x|y)(\)?)")
_ORDERS = (("lat", "lon"), ("lon", "lat"), ("x", "y"), ("y", "x"))

Wrong = tuple[str, str]


def is_spatial(datatype: str) -> bool:
    """Return whether a datatype is one of PostGIS's, whatever its arguments."""
    return datatype.partition("(")[0].strip().lower() in SPATIAL


def spatial_problem(datatype: str) -> Wrong | None:
    """Return whether a spatial datatype is written as PostGIS writes it: one type has one name."""
    wrong = f'"{datatype}" is not a datatype of an attribute'
    found = _WRITTEN.fullmatch(re.sub(r"\s", "", datatype.lower()))
    if not found:
        return wrong, f"a shape and its SRID, as in {' or '.join(EXAMPLES[1:])}"
    base, shape, srid = found[1], found[2], int(found[3] or 0)
    if shape is not None and shape not in _NAMES:
        near = nearest(shape, _NAMES)
        known = f"one of {', '.join(SHAPES)}, with Z, M or ZM after it where positions have these"
        return f'"{datatype}" has a shape that PostGIS does not know', _proper(
            base, near, srid
        ) if near else known
    if srid > GREATEST_SRID:
        return f'"{datatype}" has an SRID that PostGIS does not know', f"1 to {GREATEST_SRID}"
    if base == "geography" and srid not in (0, LONGITUDE_LATITUDE):
        return f'"{datatype}" is a geography that is not in SRID {LONGITUDE_LATITUDE}', (
            f"geography({_NAMES[shape]},{LONGITUDE_LATITUDE}), or geometry({_NAMES[shape]},{srid})"
        )
    proper = _proper(base, shape, srid)
    return None if datatype == proper else (wrong, proper)


def _proper(base: str, shape: str | None, srid: int) -> str:
    if shape is None:
        return base
    if base == "geography":
        return f"geography({_NAMES[shape]},{LONGITUDE_LATITUDE})"
    if srid:
        return f"geometry({_NAMES[shape]},{srid})"
    return "geometry" if shape == "geometry" else f"geometry({_NAMES[shape]})"


def pair_problem(datatype: str, template: str) -> Wrong | None:
    """Return whether `template` says how a pair of coordinates is written that becomes a point."""
    shape = _WRITTEN.fullmatch(datatype.lower())
    if shape is None or shape[2] not in (None, "geometry", "point"):
        message = f'"{template}" is given for {datatype}, which is no point'
        return message, "a blank cell: WKT, WKB and GeoJSON are read without a format"
    found = _PAIR.fullmatch(template)
    if not found or (found[2], found[4]) not in _ORDERS or bool(found[1]) != bool(found[5]):
        return (
            f'"{template}" does not say how a pair of coordinates is written',
            "lat,lon or lon,lat or y x, with the sign between them and the brackets around them that the source has",
        )
    return None
