"""The example of docs/how-to/geometries.md without PostGIS: a geometry is text, and stays so until a rebuild."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.home import make_home
from headwater.pipeline.rebuild import rebuild
from headwater.project import Project
from tests.pipeline.countries import FOLDER, PAGE, collection, feature, make_countries, polygon
from tests.pipeline.line import Line, of_source

SENTENCE = (
    "area (geometry(MultiPolygon,4326)) is kept as text, unchecked, because no PostGIS is on the search path of this"
    " database"
)
BOW_TIE = polygon((0, 0), (1, 1), (1, 0), (0, 1))
AS_IT_CAME = "POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))"


@pytest.fixture
def line(tmp_path: Path, database: Engine, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Line:
    project = make_countries(tmp_path / "project")
    monkeypatch.setenv(FOLDER, str(tmp_path / "countries"))
    (tmp_path / "countries").mkdir()
    return Line(Project(project, make_home(project)), tmp_path / "countries", database, store)


def publish(line: Line, day: int) -> None:
    text = collection([feature("AAA", BOW_TIE, label="91,nowhere", pop_est=day)])
    (line.publisher / f"countries-2026-01-0{day}.geojson").write_text(text, encoding="utf-8")


def kept(line: Line) -> list[tuple[str, ...]]:
    return line.query("select area, label_point from historical.countries where valid_to is null")


def test_a_geometry_is_kept_as_the_text_that_came_and_the_first_run_says_so(line: Line) -> None:
    publish(line, 1)
    line.ran_well("countries")
    assert kept(line) == [(AS_IT_CAME, "91,nowhere")]
    assert f"countries: {SENTENCE}" in line.messages
    assert line.query(
        "select count(*) from metadata.log_dtl where message like :sentence", sentence=f"%{SENTENCE}"
    ) == [(1,)]
    assert SENTENCE in " ".join(PAGE.split())

    line.messages.clear()
    publish(line, 2)
    line.ran_well("countries")
    assert not [message for message in line.messages if "PostGIS" in message]


def test_a_database_that_gets_the_type_later_changes_no_table_before_a_rebuild(line: Line) -> None:
    publish(line, 1)
    line.ran_well("countries")
    before = kept(line)
    line.execute("create domain geometry as text")  # as good as PostGIS, for what decides
    publish(line, 2)
    (failure,) = of_source(line.run("countries"), "countries").failures
    expected = 'attribute area: stored_as was "text", is "geometry(MultiPolygon,4326)"'
    assert expected in failure
    assert expected in " ".join(PAGE.split())
    assert "`headwater rebuild countries` makes them again from S3" in failure
    assert kept(line) == before

    line.execute("drop domain geometry")
    line.ran_well("countries")
    assert rebuild(line.project, ["countries"], line.messages.append).exit_code == 0
    assert kept(line) == before
