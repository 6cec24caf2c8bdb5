"""Which texts become geometries of a datatype, and which fall out; and when two of them are the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from tests.macros.conftest import HistoryLab

POINT, AREA = "geometry(Point,4326)", "geometry(MultiPolygon,4326)"
SQUARE = "((0 0,1 0,1 1,0 1,0 0))"
BOW_TIE = "((0 0,1 1,1 0,0 1,0 0))"


def geojson(shape: str, coordinates: Any, **more: Any) -> str:
    return json.dumps({"type": shape, "coordinates": coordinates, **more})


def crs(name: str) -> dict[str, Any]:
    return {"crs": {"type": "name", "properties": {"name": name}}}


NO_GEOMETRY = (
    "", " ", "x", "{}", "{", "[]", "null", "00", "0101", "POINT", "POINT(1)", "POINT(1 2", "POINT(1 2) x", "POINT(1,2)",
    "POINT(a b)", "POINT(1 2);", "1,2", '"POINT(1 2)"', "POINT(1 NaN)", "POINT(1e400 2)", "POINT(inf 2)",
    "0101000000000000000000F87F000000000000F03F", "0101000000000000000000F07F000000000000F03F",
    "POLYGON((0 0,1 0,1 1))", "LINESTRING(0 0,0 0)", f"POLYGON{BOW_TIE}",
    geojson("Point", [1]), geojson("Point", [1, "2"]), geojson("Point", [1, None]), geojson("Point", [[1, 2], [3, 4]]),
    geojson("Point", [1, 2, 3, 4]), geojson("LineString", [1, 2]), geojson("LineString", [[1, 2], [1, 2, 3]]),
    geojson("Circle", [1, 2]), geojson("Point", [1, 2]) + " x", '{"type":"Point"}', '{"type":"Point","coordinates":1}',
    '{"type":"Point","coordinates":[1e400,2]}', '{"type":"Point","coordinates":[100000000000000000000,2]}',
    '{"type":"Point","coordinates":[1,NaN]}', '{"type":"GeometryCollection"}',
    '{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,"2"]}]}',
    json.dumps({"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}),
    '{"type":"GeometryCollection","geometries":[' * 3000 + "]}" * 3000, "GEOMETRYCOLLECTION(" * 20000,
)  # fmt: skip

# type, format, texts that are one value, that value, what falls out
CASES: list[tuple[str, str | None, Sequence[str], str, Iterable[str]]] = [
    (
        POINT, None,
        (
            "POINT(1.5 2)", "point ( 1.50  2.0 )", "SRID=4326;POINT(1.5 2)",
            "0101000000000000000000F83F0000000000000040", "0101000020E6100000000000000000f83f0000000000000040",
            r"\x0101000000000000000000f83f0000000000000040", "00000000013FF80000000000004000000000000000",
            geojson("Point", [1.5, 2]), '{"coordinates":[15e-1,2.00],"type":"Point"}',
            " " + geojson("Point", [1.5, 2], **crs("EPSG:4326")),
            geojson("Point", [1.5, 2], **crs("urn:ogc:def:crs:OGC:1.3:CRS84")),
        ),
        "SRID=4326;POINT(1.5 2)",
        (
            *NO_GEOMETRY, "SRID=3857;POINT(1.5 2)", geojson("Point", [1.5, 2], **crs("EPSG:3857")), "POINT Z(1 2 3)",
            "POINT M(1 2 3)", "MULTIPOINT((1 2))", "LINESTRING(0 0,1 1)", "POINT(181 2)", "POINT(-180.001 2)",
            "POINT(1 91)", geojson("Point", [1, -91]),
        ),
    ),
    (POINT, None, ("POINT(-0.0 0)", "POINT(0 -0)", geojson("Point", [0, -0.0])), "SRID=4326;POINT(0 0)", ()),
    (POINT, None, ("POINT EMPTY", geojson("Point", [])), "SRID=4326;POINT EMPTY", ()),
    (
        "geometry(PointZ,31287)", None,
        ("POINT(1 2 3)", geojson("Point", [1, 2, 3])),
        "SRID=31287;POINT(1 2 3)",
        ("POINT(1 2)",),
    ),
    (
        AREA, None,
        (
            f"POLYGON{SQUARE}", f"MULTIPOLYGON({SQUARE})",
            geojson("Polygon", [[[0, 0], [1, 0], [1, 1], [0, 1.0], [0, 0]]]),
        ),
        f"SRID=4326;MULTIPOLYGON({SQUARE})",
        (f"MULTIPOLYGON({BOW_TIE})", "POINT(1 2)", "POLYGON((0 0,190 0,190 1,0 0))", "LINESTRING(0 0,1 1)"),
    ),
    ("geometry", None, ("SRID=3857;POINT(500 600)",), "SRID=3857;POINT(500 600)", NO_GEOMETRY),
    (
        "geometry", None,
        ("POINT(500 600)", geojson("Point", [500, 600])),
        "POINT(500 600)",
        ("SRID=4326;POINT(500 600)",),
    ),
    (
        "geography(Point,4326)", None,
        ("POINT(1 2)", geojson("Point", [1, 2])),
        "SRID=4326;POINT(1 2)",
        (*NO_GEOMETRY, "POINT(181 2)", "SRID=3857;POINT(1 2)"),
    ),
    ("geography", None, (f"POLYGON{SQUARE}",), f"SRID=4326;POLYGON{SQUARE}", (*NO_GEOMETRY, "POINT(1 91)")),
    (
        POINT, "lat,lon", ("48.25,16.5", " +48.250 , 16.5 ", "4825e-2,16.50"), "SRID=4326;POINT(16.5 48.25)",
        (
            "", "48.25", "48.25 16.5", "48,25,16.5", "48.25;16.5", "91,16", "48.25,181", "(48.25,16.5)",
            "N48.25,E16.5", "POINT(16.5 48.25)", "nan,nan",
        ),
    ),
    (
        POINT, "lon lat", ("16.5 48.25",), "SRID=4326;POINT(16.5 48.25)",
        ("16.5,48.25", "48.25 190", "16.5  48.25"),
    ),
    (
        POINT, "(lat,lon)", ("(48.25, 16.5)",), "SRID=4326;POINT(16.5 48.25)",
        ("48.25,16.5", "(48.25,16.5", "((48.25,16.5))"),
    ),
    (
        "geometry(Point,31287)", "y|x", ("483000.5|626000", "+483000.50 | 626000.0"),
        "SRID=31287;POINT(626000 483000.5)", ("1", "1|2|3", "|"),
    ),
]  # fmt: skip


def judged(lab: HistoryLab, data_type: str, form: str | None, texts: Iterable[str | None]) -> list[Any]:
    """Per text: whether it falls out, and its value, by the expressions of staging."""
    arguments: Mapping[str, Any] = {"text": "t", "data_type": data_type, "format": form}
    rule, cast = (
        lab.dbt.rendered(name, **arguments).replace("%", "%%") for name in ("is_castable", "cast_text")
    )
    connection = lab.database.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(
            f"select ({rule}) is false, (case when {rule} then {cast} end)::text from unnest(%s::text[]) as t",
            (list(texts),),
        )
        return list(cursor.fetchall())
    finally:
        connection.close()


def named(cases: Iterable[tuple[Any, ...]]) -> list[Any]:
    return [pytest.param(*case, id=f"{case[0]} {case[1] or ''} {case[2][0][:20]}") for case in cases]


@pytest.mark.parametrize(("data_type", "form", "texts", "value"), named(case[:4] for case in CASES))
def test_one_geometry_is_one_value_however_it_is_written(
    history_lab: HistoryLab, data_type: str, form: str | None, texts: Sequence[str], value: str
) -> None:
    found = judged(history_lab, data_type, form, texts)
    (of_value,) = judged(history_lab, data_type, None, [value])
    assert dict(zip(texts, found, strict=True)) == dict.fromkeys(texts, (False, of_value[1]))
    assert _query(history_lab, f"select st_asewkt('{of_value[1]}'::{data_type})") == value


@pytest.mark.parametrize(
    ("data_type", "form", "texts"),
    [pytest.param(t, f, out, id=f"{t} {f}") for t, f, _, _, out in CASES if out],
)
def test_all_other_texts_fall_out_and_none_of_them_raises(
    history_lab: HistoryLab, data_type: str, form: str | None, texts: Sequence[str]
) -> None:
    found = judged(history_lab, data_type, form, texts)
    assert {text: value for text, (is_out, value) in zip(texts, found, strict=True) if not is_out} == {}


@pytest.mark.parametrize("form", [None, "lat,lon"])
def test_null_is_null_and_does_not_fall_out(history_lab: HistoryLab, form: str | None) -> None:
    ((is_out, value),) = judged(history_lab, POINT, form, [None])
    assert (bool(is_out), value) == (False, None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("LINESTRING(0 0,1 1)", "LINESTRING(1 1,0 0)", id="the way that a line leads"),
        pytest.param("POLYGON((0 0,1 0,1 1,0 0))", "POLYGON((1 0,1 1,0 0,1 0))", id="where a ring begins"),
        pytest.param("LINESTRING(0 0,2 2)", "LINESTRING(0 0,1 1,2 2)", id="a point between"),
        pytest.param(
            "POLYGON((0 0,9 0,9 9,0 9,0 0))", "POLYGON((0 0,9 0,9 9,5 8,0 9,0 0))", id="one bounding box"
        ),
        pytest.param("POINT(1 2)", "POINT(1.000000000000001 2)", id="the last digit"),
        pytest.param("POINT(1 2)", "SRID=4326;POINT(1 2)", id="the SRID"),
        pytest.param("POINT(1 2)", "MULTIPOINT((1 2))", id="the shape"),
    ],
)
def test_what_differs_is_a_change_of_history(history_lab: HistoryLab, one: str, other: str) -> None:
    """By the comparison of history: of whole rows, by `is distinct from`, and by groups of equal ones."""
    (_, first), (_, second) = judged(history_lab, "geometry", None, [one, other])
    values = f"select '{first}'::geometry as g union all select '{second}'::geometry"
    assert _query(history_lab, f"select row('{first}'::geometry) is distinct from row('{second}'::geometry)")
    assert (
        _query(history_lab, f"select count(*) from (select g from ({values}) as v group by g) as groups") == 2
    )


def _query(lab: HistoryLab, statement: str) -> Any:
    with lab.database.connect() as connection:
        return connection.exec_driver_sql(statement).scalar_one()
