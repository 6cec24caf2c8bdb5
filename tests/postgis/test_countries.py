"""The example of docs/how-to/geometries.md with PostGIS, on excerpts of Natural Earth and variants."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.home import make_home
from headwater.pipeline import decide
from headwater.pipeline.rebuild import rebuild
from headwater.project import Project
from headwater.queries.key_history import key_history, shape_of
from tests.pipeline.countries import FOLDER, collection, feature, make_countries, page_blocks, polygon
from tests.pipeline.line import Line
from tests.support.command import ran

DATA = Path(__file__).parent / "data"
FIRST, SECOND = "countries-2020-03-01.geojson", "countries-2023-06-01.geojson"
SQUARE = polygon((0, 0), (1, 0), (1, 1), (0, 1))
BOW_TIE = polygon((0, 0), (1, 1), (1, 0), (0, 1))
CURRENT = """
select country, st_asewkt(area), st_asewkt(label_point) from historical.countries
where valid_to is null order by country
"""


@pytest.fixture(scope="session")
def countries_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keep = "countries,keep_raw,1,\ncountries,keep_staging,1,\n"  # of older deliveries decisions bring the rows back
    return make_countries(tmp_path_factory.mktemp("project") / "countries", keep)


@pytest.fixture
def line(
    countries_project: Path,
    database: Engine,
    store: ObjectStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Line:
    """A line on which nothing was delivered yet."""
    folder = tmp_path / "countries"
    folder.mkdir()
    monkeypatch.setenv(FOLDER, str(folder))
    monkeypatch.setenv("HEADWATER_PROJECT", str(countries_project))
    return Line(Project(countries_project, make_home(countries_project)), folder, database, store)


def publish(line: Line, day: str, *features: dict[str, Any]) -> str:
    name = f"countries-2026-01-{day}.geojson"
    (line.publisher / name).write_text(collection(features), encoding="utf-8")
    return name


def versions(line: Line, country: str) -> list[tuple[Any, ...]]:
    ask = (
        "select valid_from::date::text, change_type, st_astext(area) from historical.countries where country = :country"
        " order by valid_from"
    )
    return line.query(ask, country=country)


def test_the_page_makes_areas_of_published_countries_which_history_keeps_while_they_are_the_same(
    line: Line,
) -> None:
    for name in (FIRST, SECOND):
        shutil.copy(DATA / name, line.publisher)
    line.execute(page_blocks("sql")[0])
    shown = [ran(0, *command[1:]) for command in map(shlex.split, page_blocks("sh")[0].splitlines())]
    assert "countries: area is geometry(MultiPolygon,4326)" in " ".join(shown[2].stderr.split())
    assert "MULTIPOLYGON(((6.043073" in shown[3].stdout
    assert line.query(
        "select count(*), count(distinct country), count(distinct area), bool_and(st_isvalid(area))"
        " from historical.countries"
    ) == [(10, 5, 5, True)]
    ((luxembourg,),) = line.query(
        "select (st_area(area::geography) / 1e6)::integer from historical.countries"
        " where country = 'LUX' and valid_to is null"
    )
    assert 2200 < luxembourg < 2700  # square kilometres
    types = line.query(
        "select format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'historical.countries'::regclass"
        " and attname in ('area', 'label_point') order by attname"
    )
    assert types == [("geometry(MultiPolygon,4326)",), ("geography(Point,4326)",)]


def test_another_way_of_writing_is_no_change_another_shape_is_and_bad_values_fall_out_alone(
    line: Line,
) -> None:
    publish(
        line, "01",
        feature("AAA", SQUARE, label="0.5,0.5"), feature("BBB", SQUARE), feature("CCC", SQUARE), feature("DDD", None),
        feature("EEE", SQUARE, label="0.5,0.5"),
    )  # fmt: skip
    line.ran_well("countries")
    as_collection = {
        "type": "MultiPolygon",
        "coordinates": [polygon((-0.0, 0.0), (1.0, 0), (1, 1), (0, 1))["coordinates"]],
    }
    second = publish(
        line, "02",
        feature("AAA", as_collection, label=" +0.50, .5"), feature("BBB", polygon((0, 0), (2, 0), (1, 1), (0, 1))),
        feature("CCC", BOW_TIE), feature("DDD", None), feature("EEE", SQUARE, label="0.5,180.5"),
        feature("FFF", polygon((0, 0), (190, 0), (190, 1))), feature("GGG", {"type": "Point", "coordinates": [1, 2]}),
        feature("HHH", SQUARE),
    )  # fmt: skip
    line.ran_well("countries")

    square = "MULTIPOLYGON(((0 0,1 0,1 1,0 1,0 0)))"
    assert versions(line, "AAA") == [("2026-01-01", "new", square)]
    assert versions(line, "BBB") == [
        ("2026-01-01", "new", square), ("2026-01-02", "changed", "MULTIPOLYGON(((0 0,2 0,1 1,0 1,0 0)))"),
    ]  # fmt: skip
    assert versions(line, "CCC") == [
        ("2026-01-01", "new", square)
    ]  # what fell out neither changes nor removes
    assert versions(line, "DDD") == [("2026-01-01", "new", None)]
    assert versions(line, "FFF") == versions(line, "GGG") == []
    fell = line.quarantine(second)
    assert [(number, rule, column) for number, rule, column, _, _ in fell] == [
        (3, "type", "area"), (5, "type", "label_point"), (6, "type", "area"), (7, "type", "area"),
    ]  # fmt: skip
    assert fell[0][4]["geometry"] == "POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))"  # as it came
    assert "POLYGON ((0 0, 1 1" in ran(0, "quarantine", "countries").stdout


def test_people_see_geometries_as_text(line: Line) -> None:
    publish(line, "01", feature("AAA", SQUARE, label="48.25,16.5"))
    line.ran_well("countries")
    area, point = "SRID=4326;MULTIPOLYGON(((0 0,1 0,1 1,0 1,0 0)))", "SRID=4326;POINT(16.5 48.25)"
    with line.database.connect() as connection:
        (version,) = key_history(connection, shape_of(connection, "countries"), {"country": "AAA"}).versions
    assert (version.values["area"], version.values["label_point"]) == (area, point)
    (row,) = json.loads(ran(0, "as-of", "countries", "--on", "2026-01-01", "--json").stdout)
    assert (row["area"], row["label_point"]) == (area, point)
    assert point in ran(0, "history", "countries", "AAA").stdout


def test_decisions_purges_and_rebuilds_lead_to_the_same_geometries(line: Line) -> None:
    publish(line, "01", feature("AAA", SQUARE))
    line.ran_well("countries")
    second = publish(line, "02", feature("AAA", polygon((0, 0), (2, 0), (1, 1))))
    line.ran_well("countries")
    both = line.query(CURRENT)
    assert line.query("select count(distinct delivery_sqn) from staging.stg_countries") == [(1,)]  # purged
    would = decide.dry_run(line.project, "withdraw", line.sqn(second), line.messages.append)
    assert (would.dropped, would.reopened) == (1, 1)
    assert line.query(CURRENT) == both

    ran(0, "withdraw", str(line.sqn(second)), "--why", "a wrong border")
    ran(0, "run", "countries")
    assert [row[:2] for row in line.query(CURRENT)] == [
        ("AAA", "SRID=4326;MULTIPOLYGON(((0 0,1 0,1 1,0 1,0 0)))")
    ]
    ran(0, "restore", str(line.sqn(second)), "--why", "it was right")
    ran(0, "run", "countries")
    assert line.query(CURRENT) == both
    assert rebuild(line.project, ["countries"], line.messages.append).exit_code == 0
    assert line.query(CURRENT) == both
