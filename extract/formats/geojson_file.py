"""GeoJSON: a record is a feature: its properties, its geometry as WKT, and its other members below `feature`."""

from __future__ import annotations

from collections.abc import Iterator

from headwater.extract.files.text_blocks import Readable
from headwater.extract.formats.discovered import FoundRecord
from headwater.extract.formats.json_file import read_decoded
from headwater.extract.formats.json_values import JsonValue, NotJsonError
from headwater.extract.formats.record_path import kind
from headwater.extract.formats.wkt import as_wkt
from headwater.metadata.errors import FormatBroken
from headwater.metadata.static.model import Source

FEATURES = "features"
GEOMETRY, FEATURE = "geometry", "feature"


def read_geojson(source: Source, stream: Readable, file: str) -> Iterator[FoundRecord]:
    """The features of one collection. Raises `FormatBroken`."""
    path = source.options.get("record_path", FEATURES)
    for number, feature in enumerate(read_decoded(source, stream, file, path), 1):
        try:
            yield None, _record(feature)
        except NotJsonError as error:
            raise FormatBroken(file, None, f"feature {number}: {error}") from None


def _record(feature: JsonValue) -> JsonValue:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise NotJsonError(f"{kind(feature)} without the type Feature, expected one")
    properties = feature.get("properties")
    if properties is not None and not isinstance(properties, dict):
        raise NotJsonError(f"its properties are {kind(properties)}, expected an object")
    if "geometry" not in feature:
        raise NotJsonError("it has no geometry, expected one, or null")
    record: dict[str, JsonValue] = dict(properties or {})
    others = {name: value for name, value in feature.items() if name not in ("type", "properties", GEOMETRY)}
    for name, value in ((GEOMETRY, as_wkt(feature[GEOMETRY])), (FEATURE, others)):
        if name in record:
            raise NotJsonError(f"it has a property {name!r}, a name that stands for the feature's own")
        if value != {}:
            record[name] = value
    return record
