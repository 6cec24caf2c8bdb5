from __future__ import annotations

import pytest

from headwater.metadata.static.datatypes import PLAIN, datatype_problem, format_problem


@pytest.mark.parametrize(
    "datatype",
    [
        *PLAIN, "varchar(1)", "varchar(10485760)", "numeric(9,0)", "numeric(9,9)", "geometry", "geography",
        "geometry(Point)", "geometry(Point,4326)", "geometry(MultiPolygonZ,31287)", "geometry(Geometry,4326)",
        "geometry(GeometryCollectionZM,998999)", "geography(LineString,4326)", "geography(Geometry,4326)",
    ],
)  # fmt: skip
def test_known_datatype_is_no_problem(datatype: str) -> None:
    assert datatype_problem(datatype) is None


@pytest.mark.parametrize(
    ("datatype", "expected"),
    [
        ("INTEGER", "integer"),
        ("int4", "integer"),
        ("float", "double precision"),
        ("double  precision", "double precision"),
        ("timestamp with time zone", "timestamptz"),
        ("character varying(8)", "varchar(8)"),
        ("decimal(9, 2)", "numeric(9,2)"),
        ("numeric(9)", "numeric(9,0)"),
        ("varchar", "text"),
        ("json", "jsonb"),
        ("bigintt", "bigint"),
        ("numeric(0,0)", "numeric(p,s) with p from 1 to 1000 and s from 0 to p"),
        ("varchar(0)", "varchar(1) to varchar(10485760)"),
        ("point", "geometry(Point,4326)"),
        ("GEOMETRY(POINT, 4326)", "geometry(Point,4326)"),
        ("geometry (multipolygonz,4326)", "geometry(MultiPolygonZ,4326)"),
        ("geometry(Geometry)", "geometry"),
        ("geometry(Point,0)", "geometry(Point)"),
        ("geography(Point)", "geography(Point,4326)"),
        ("geography(Point,3857)", "geography(Point,4326), or geometry(Point,3857)"),
        ("geometry(Pointt,4326)", "geometry(Point,4326)"),
        ("geometry(4326)", "a shape and its SRID, as in geometry(Point,4326) or geography(Point,4326)"),
        ("geometry(Point,1000000)", "1 to 998999"),
        (
            "geometry(Circle,4326)",
            "one of Geometry, Point, LineString, Polygon, MultiPoint, MultiLineString, MultiPolygon,"
            " GeometryCollection, with Z, M or ZM after it where positions have these",
        ),
    ],
)
def test_other_datatype_is_told_what_it_should_be(datatype: str, expected: str) -> None:
    problem = datatype_problem(datatype)
    assert problem is not None
    assert problem[1] == expected
    assert f'"{datatype}"' in problem[0]


@pytest.mark.parametrize(
    ("datatype", "template"),
    [
        ("date", "YYYY-MM-DD"),
        ("date", "YYYYMMDD"),
        ("date", "DD Month YYYY"),
        ("date", "Mon DD, YYYY"),
        ("time", "HH24:MI"),
        ("timestamp", "DD/MM/YYYY HH24:MI:SS"),
        ("timestamp", "YYYY-MM-DDTHH24:MI"),
        ("timestamptz", "YYYY-MM-DD"),
        ("boolean", "Y|N"),
        ("date", "FMMM/FMDD/YYYY"),
        ("date", "FMMM/FMDD/YY[1970]"),
        ("date", "DDMMYY[2000]"),
        ("date", "DD Month YY[1000]"),
        ("timestamp", "DD/MM/YY[9900] HH24:MI"),
        ("numeric(9,2)", "1.234,56"),
        ("double precision", "1234,56"),
        ("integer", "1 234"),
        ("geometry(Point,4326)", "lat,lon"),
        ("geography(Point,4326)", "(lon lat)"),
        ("geometry(Point,31287)", "y;x"),
        ("geometry", "x|y"),
    ],
)
def test_format_that_fits_is_no_problem(datatype: str, template: str) -> None:
    assert format_problem(datatype, template) is None


@pytest.mark.parametrize(
    ("datatype", "template", "message"),
    [
        ("date", "yyyy-mm-dd", '"yyyy-mm-dd" cannot be read from "yyyy-mm-dd" on'),
        ("date", "YYYY-MM-DD HH24", '"YYYY-MM-DD HH24" has HH24, which a date has not'),
        ("date", "YYYY-MM", '"YYYY-MM" has no DD'),
        ("date", "DD/YYYY", '"DD/YYYY" has no MM'),
        *(
            (
                "date",
                f"FMMM/FMDD/{year}",
                f'"FMMM/FMDD/{year}" has {token or year} without the first of its hundred years, from 1000 to 9900',
            )
            for year, token in (
                ("YY", None),
                ("YY[70]", None),
                ("YY[", None),
                ("YY[0999]", None),
                ("YY[9901]", None),
                ("YY[19700]", "YY[19700]"),
                ("YY[x]", "YY["),
                ("YYY", "YY"),
            )
        ),
        ("date", "MM/DD/YY[1970]/YYYY", '"MM/DD/YY[1970]/YYYY" has YYYY more than once'),
        ("time", "HH24:MI YY[1970]", '"HH24:MI YY[1970]" has YY[1970], which a time has not'),
        ("date", "YYYY-Mon-MM-DD", '"YYYY-Mon-MM-DD" has MM more than once'),
        (
            "date",
            "Month DD, YYYY",
            '"Month DD, YYYY" has Month and not the same one separator between all parts',
        ),
        ("time", "HH24", '"HH24" has no MI'),
        ("timestamp", "YYYY-MM-DD MI", '"YYYY-MM-DD MI" has MI without HH24'),
        ("timestamp", "HH24:MI", '"HH24:MI" has no YYYY and no MM and no DD'),
        ("boolean", "Y", '"Y" does not say what true and false are'),
        ("boolean", "Y|Y", '"Y|Y" does not say what true and false are'),
        ("boolean", "Y|N|U", '"Y|N|U" does not say what true and false are'),
        ("text", "DD", '"DD" is given for text, which has no format'),
        (
            "timestamp",
            "FMDD.MM.YYYY HH24:MI",
            '"FMDD.MM.YYYY HH24:MI" has FMDD and not the same one separator between all parts',
        ),
        ("jsonb", "1.234", '"1.234" is given for jsonb, which has no format'),
        ("numeric(9,2)", "0.00", '"0.00" does not say how a number is written'),
        ("integer", "1.234,56", '"1.234,56" has decimals, which integer has not'),
        ("numeric", "1,234,56", '"1,234,56" has one sign for two things'),
        ("numeric", "1234.56", '"1234.56" is how numbers are read without a format'),
        ("geometry(Point,4326)", "lat", '"lat" does not say how a pair of coordinates is written'),
        ("geometry(Point,4326)", "lat,y", '"lat,y" does not say how a pair of coordinates is written'),
        ("geometry(Point,4326)", "(lat,lon", '"(lat,lon" does not say how a pair of coordinates is written'),
        (
            "geometry(Polygon,4326)",
            "lat,lon",
            '"lat,lon" is given for geometry(Polygon,4326), which is no point',
        ),
    ],
)
def test_format_that_does_not_fit_is_told_why(datatype: str, template: str, message: str) -> None:
    problem = format_problem(datatype, template)
    assert problem is not None
    assert problem[0] == message
