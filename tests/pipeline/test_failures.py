"""Failures of one source stop no other, and say what to do."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

from headwater.dbt_project.generate import generated_files, write_files
from headwater.metadata.static.read import read_catalog
from headwater.pipeline.runners.sources import run
from headwater.project import Project
from tests.pipeline.line import Line, cities, of_source, prices
from tests.pipeline.project import make_project


def test_a_publisher_that_cannot_be_reached_fails_its_source_only(line: Line) -> None:
    shutil.rmtree(line.publisher / "cities")
    other = line.deliver("prices", prices(1, {("x", 1): (Decimal(1),)}))
    result = line.run("cities", "prices")
    assert result.exit_code == 1
    (failure,) = of_source(result, "cities").failures
    assert failure.startswith("cities: ")
    assert str(line.publisher / "cities") in failure
    assert of_source(result, "prices").status == "succeeded"
    line.assert_history("prices", other)

    (line.publisher / "cities").mkdir()
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    line.ran_well("cities", "prices")
    line.assert_history("cities", first)


def test_a_changed_definition_fails_its_source_and_names_the_rebuild(line: Line, tmp_path: Path) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    line.deliver("prices", prices(1, {("x", 1): (Decimal(1),)}))
    line.ran_well("cities", "prices")

    changed = Project(make_project(tmp_path / "changed"), line.project.home)
    seed = changed.seeds / "attribute.csv"
    seed.write_text(seed.read_text().replace("cities,people,people,integer", "cities,people,people,bigint"))
    write_files(generated_files(read_catalog(changed.seeds).sources.values(), changed.models))
    line.deliver("cities", cities(2, {"a": ("A", 2)}))
    second = line.deliver("prices", prices(2, {("x", 1): (Decimal(2),)}))

    result = run(changed, ["cities", "prices"], line.messages.append)
    assert result.exit_code == 1
    (failure,) = of_source(result, "cities").failures
    assert "attribute people" in failure
    assert "integer" in failure
    assert "bigint" in failure
    assert "`headwater rebuild cities`" in failure
    line.assert_history("cities", first)
    assert of_source(result, "prices").status == "succeeded"
    assert [v.delivered_by for v in line.versions("prices", "x", 1)][-1] == second.name

    line.ran_well("cities", "prices")  # with the definition as it was, what waited goes on
    assert len(line.versions("cities", "a")) == 2


def test_a_list_of_pages_that_cannot_be_written_is_said_and_keeps_nothing_from_history(line: Line) -> None:
    """It is of no source in particular: whatever is in its place must not stop them."""
    (line.project.home / "data_docs" / "index.html").mkdir(parents=True)
    first = line.deliver("cities", cities(1, {"a": ("Aa", 1)}))

    result = line.run("cities")

    assert result.exit_code == 1
    assert [
        failure for failure in result.failures if "the list of the Data Docs cannot be written" in failure
    ]
    line.assert_history("cities", first)
