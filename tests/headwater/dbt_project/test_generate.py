"""Files that dbt needs of the seeds: beside the models, ours anew each time, the engineer's SQL never twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from headwater.dbt_project.generate import generated_files, stale_files, write_files
from headwater.dbt_project.scaffold import GENERATED_BEFORE
from headwater.dbt_project.scaffold_before import texts_before
from headwater.extract.schema.definition import definition
from headwater.metadata.static.model import Catalog
from headwater.metadata.static.read import read_catalog
from tests.pipeline.project import make_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with three sources; its models are as its seeds say."""
    return make_project(tmp_path / "town")


def catalog_of(project: Path) -> Catalog:
    return read_catalog(project / "seeds")


def stale(project: Path) -> list[str]:
    files = generated_files(catalog_of(project).sources.values(), project / "models")
    return [file.path.relative_to(project / "models").as_posix() for file in stale_files(files)]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def properties(project: Path, name: str) -> dict[str, Any]:
    text = (project / "models" / name).read_text(encoding="utf-8")
    message: dict[str, Any] = yaml.safe_load(text)
    return message


def metadata_of(project: Path, name: str) -> dict[str, Any]:
    """Return the raw table of a source in its generated file."""
    (raw,) = properties(project, name)["sources"]
    (table,) = raw["tables"]
    assert (raw["name"], raw["schema"]) == ("raw", "raw")
    return dict(table)


def written(project: Path) -> list[str]:
    files = generated_files(catalog_of(project).sources.values(), project / "models")
    return [path.name for path in write_files(files)]


def test_each_source_has_two_models_with_yaml_beside_them_and_two_files_of_the_machine(project: Path) -> None:
    files = generated_files(catalog_of(project).sources.values(), project / "models")
    found = {
        file.path.relative_to(project / "models").as_posix(): file
        for file in files
        if "cities" in file.path.name
    }
    assert {name for name, file in found.items() if file.is_unedited is None} == {
        "staging/town_hall/_cities__source.yml", "staging/town_hall/_cities__docs.md",
    }  # fmt: skip
    assert {name for name, file in found.items() if file.is_unedited is not None} == {
        "staging/town_hall/stg_cities.sql", "staging/town_hall/stg_cities.yml",
        "historical/town_hall/hist_cities.sql", "historical/town_hall/hist_cities.yml",
    }  # fmt: skip
    assert len(files) == 18
    assert stale(project) == []


def test_a_change_of_the_seeds_makes_the_files_of_the_machine_stale_until_they_are_written(
    project: Path,
) -> None:
    edit(project / "seeds" / "attribute.csv", "Its name", "Its official name")
    assert stale(project) == ["staging/town_hall/_cities__source.yml", "staging/town_hall/_cities__docs.md"]
    assert written(project) == ["_cities__source.yml", "_cities__docs.md"]
    assert stale(project) == []
    docs = (project / "models/staging/town_hall/_cities__docs.md").read_text()
    assert "{% docs cities__name %}\nIts official name\n{% enddocs %}" in docs


def test_models_that_nobody_edited_follow_the_metadata_and_edited_ones_stay(project: Path) -> None:
    edited = project / "models/historical/town_hall/hist_cities.sql"
    edit(edited, "from staged", "from staged where city <> ''")
    edit(
        project / "seeds" / "attribute.csv",
        "cities,people,",
        "cities,mayor,mayor,text,,,,,,Who governs\ncities,people,",
    )
    assert written(project) == [
        "_cities__source.yml", "_cities__docs.md", "stg_cities.sql", "stg_cities.yml", "hist_cities.yml",
    ]  # fmt: skip
    assert (
        "{{ headwater.typed('mayor') }} as mayor,"
        in (project / "models/staging/town_hall/stg_cities.sql").read_text()
    )
    assert "mayor" not in edited.read_text()
    assert stale(project) == []


def test_a_line_that_an_author_adds_or_removes_is_an_edit(project: Path) -> None:
    historical = project / "models/historical/town_hall/hist_cities.sql"
    edit(historical, "        seen\n", "        seen,\n        couples\n")
    staging = project / "models/staging/town_hall/stg_cities.sql"
    edit(staging, "        {{ headwater.typed('people') }} as people,\n", "")
    before = historical.read_text(), staging.read_text()
    edit(project / "seeds" / "attribute.csv", "Its name", "Its official name")
    written(project)
    assert (historical.read_text(), staging.read_text()) == before


def test_sql_that_is_there_is_never_overwritten_and_missing_sql_is_written(project: Path) -> None:
    local = project / "models" / "staging" / "market" / "stg_prices.sql"
    local.write_text("select 1")
    missing = project / "models" / "historical" / "market" / "hist_prices.sql"
    text = missing.read_text()
    missing.unlink()
    assert stale(project) == ["historical/market/hist_prices.sql"]
    written(project)
    assert local.read_text() == "select 1"
    assert missing.read_text() == text


def test_models_of_before_they_listed_columns_are_written_again(project: Path) -> None:
    staging, historical = texts_before("prices")
    (project / "models/staging/market/stg_prices.sql").write_text(staging)
    (project / "models/historical/market/hist_prices.sql").write_text(historical)
    (project / "models/staging/market/stg_prices.yml").write_text(GENERATED_BEFORE + "version: 2\n")
    assert written(project) == ["stg_prices.sql", "stg_prices.yml", "hist_prices.sql"]
    (project / "models/staging/market/stg_prices.sql").write_text(staging + "-- ours\n")
    assert written(project) == []


def test_a_file_of_the_machine_that_somebody_edited_is_stale(project: Path) -> None:
    edit(project / "models" / "staging" / "market" / "_ratings__source.yml", "smallint", "integer")
    assert stale(project) == ["staging/market/_ratings__source.yml"]


def test_the_raw_table_carries_all_that_the_macros_need(project: Path) -> None:
    of_source = metadata_of(project, "staging/market/_prices__source.yml")["config"]["meta"]["headwater"]
    of_prices = definition(catalog_of(project).sources["prices"])
    assert of_source == {"job": "market", "definition": of_prices}
    assert of_prices["attribute price"] == {
        "position": 3, "data_type": "numeric(8,2)", "raw_column": "price", "format": None, "null_tokens": [""],
        "is_key": False, "is_tracked": True,
    }  # fmt: skip


def test_the_raw_table_is_described_as_extraction_makes_it(project: Path) -> None:
    table = metadata_of(project, "staging/market/_prices__source.yml")
    assert table["name"] == "prices"
    assert [c["name"] for c in table["columns"]] == [
        "delivery_sqn", "line_number", "job_inst_id", "shop", "item", "price", "gone", "_rest",
    ]  # fmt: skip
    assert all(c["description"] and c["data_type"] for c in table["columns"])
    cities = metadata_of(project, "staging/town_hall/_cities__source.yml")
    assert "City Code" in [c["name"] for c in cities["columns"]]


def test_the_yaml_of_a_staging_model_tests_its_keys_and_describes_each_column(project: Path) -> None:
    (model,) = properties(project, "staging/market/stg_prices.yml")["models"]
    columns = {column["name"]: column for column in model["columns"]}
    assert columns["price"] == {"name": "price", "description": "{{ doc('prices__price') }}"}
    assert [name for name, c in columns.items() if c.get("data_tests") == ["not_null"]] == ["shop", "item"]
    assert "is_delete_mark" in columns
    assert "is_delete_mark" not in (project / "models/staging/market/stg_ratings.yml").read_text()


def test_historical_yaml_says_the_grain_and_tests_it(project: Path) -> None:
    (model,) = properties(project, "historical/market/hist_prices.yml")["models"]
    docs = (project / "models/staging/market/_prices__docs.md").read_text()
    assert model["description"] == "{{ doc('hist_prices') }}"
    assert "{% docs hist_prices %}\nOne row per shop, item and version: " in docs
    assert model["data_tests"] == [
        {"headwater.versions_do_not_overlap": {"arguments": {"key": ["shop", "item"]}}}
    ]
    assert [c["name"] for c in model["columns"]] == [
        "shop", "item", "price", "valid_from", "valid_to", "change_type", "end_type", "delivery_sqn",
        "ended_by_delivery_sqn", "job_inst_id", "process_date",
    ]  # fmt: skip
