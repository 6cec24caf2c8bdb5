"""GeoJSON: properties as columns, geometries as WKT with their digits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.reading_formats import opened, refusal, rows
from tests.support.sources import make_source

SOURCE = make_source(
    ["name", "geometry", "feature.id"], optional=["feature.id"], options={"format": "geojson"}
)


def collection(*features: str) -> bytes:
    return f'{{"type":"FeatureCollection","features":[{",".join(features)}]}}'.encode()


def feature(geometry: str, properties: str = '{"name":"x"}', more: str = "") -> str:
    return f'{{"type":"Feature",{more}"geometry":{geometry},"properties":{properties}}}'


GEOMETRIES = {
    '{"type":"Point","coordinates":[10.0,48.40]}': "POINT (10.0 48.40)",
    '{"type":"Point","coordinates":[1,2,3e2]}': "POINT Z (1 2 3e2)",
    '{"type":"Point","coordinates":[]}': "POINT EMPTY",
    '{"type":"MultiPoint","coordinates":[[1,2],[3,4]]}': "MULTIPOINT ((1 2), (3 4))",
    '{"type":"LineString","coordinates":[[1,2],[3,4]]}': "LINESTRING (1 2, 3 4)",
    '{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]],[[2,2]]]}': "POLYGON ((0 0, 1 0, 1 1, 0 0), (2 2))",
    '{"type":"MultiLineString","coordinates":[[[1,2],[3,4]]]}': "MULTILINESTRING ((1 2, 3 4))",
    '{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0]]],[[[5,5]]]]}': "MULTIPOLYGON (((0 0, 1 0)), ((5 5)))",
    '{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]}]}': (
        "GEOMETRYCOLLECTION (POINT (1 2))"
    ),
    "null": None,
}


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_geometry_is_well_known_text(geometry: str) -> None:
    [(_, values)] = rows(SOURCE, collection(feature(geometry)))
    assert dict(zip(opened(SOURCE, collection(feature(geometry))).header, values, strict=False)) == {
        "name": "x", "geometry": GEOMETRIES[geometry],
    }  # fmt: skip


def test_what_a_feature_has_beside_properties_stays_its_own() -> None:
    content = collection(
        feature("null", '{"name":"a","id":7}', '"id":"n1","bbox":[1.0,2],'),
        feature("null", "null", '"id":2,'),
    )
    source = make_source(["name", "feature.id"], options={"format": "geojson"})
    found = [(values[:2], json.loads(values[2] or "")) for _, values in rows(source, content)]
    assert found == [
        (["a", "n1"], {"id": 7, "geometry": None, "feature.bbox": [1.0, 2]}),
        ([None, "2"], {"geometry": None}),
    ]


POINT = '{"type":"Point","coordinates":[1,2]}'
REFUSED: dict[str, str] = {
    '{"type":"Point","coordinates":[1,"2"]}': "feature 1: a position of 2 values, expected 2 or 3 numbers",
    '{"type":"Point","coordinates":[1]}': "feature 1: a position of 1 values, expected 2 or 3 numbers",
    '{"type":"LineString","coordinates":[1,2]}': "feature 1: the number 1 among coordinates, expected a list",
    '{"type":"LineString","coordinates":[[1,2],[1,2,3]]}': "feature 1: a LineString of positions with 2 numbers and with 3, expected one kind",
    '{"type":"Circle"}': "feature 1: 'Circle' is no geometry, expected one of Point, MultiPoint, LineString, MultiLineString, Polygon, MultiPolygon",
    '"x"': "feature 1: 'a string' is no geometry, expected one of Point, MultiPoint, LineString, MultiLineString, Polygon, MultiPolygon",
}


@pytest.mark.parametrize("geometry", REFUSED)
def test_what_is_no_geometry_is_refused(geometry: str) -> None:
    assert refusal("geojson", collection(feature(geometry))) == f"f: {REFUSED[geometry]}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (collection(POINT), "f: feature 1: an object without the type Feature, expected one"),
        (collection('{"type":"Feature","properties":{}}'), "f: feature 1: it has no geometry, expected one, or null"),
        (collection(feature(POINT, '{"geometry":1}')), "f: feature 1: it has a property 'geometry', a name that stands for the feature's own"),
        (b"[]", "f:1: a list, expected an object with the member 'features' (record_path features)"),
    ],
)  # fmt: skip
def test_what_is_no_collection_of_features_is_refused(content: bytes, message: str) -> None:
    assert refusal("geojson", content) == message


def test_deep_collections_are_refused() -> None:
    inner: Any = {"type": "GeometryCollection", "geometries": []}
    for _ in range(60):
        inner = {"type": "GeometryCollection", "geometries": [inner]}
    assert "more than 100 deep" in refusal("geojson", collection(feature(json.dumps(inner))))
