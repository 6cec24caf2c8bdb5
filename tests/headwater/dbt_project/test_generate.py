"""Files that dbt needs of the seeds: beside the models, ours anew each time, the engineer's SQL never twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from headwater.dbt_project.generate import HEADER, generated_files, stale_files, write_files
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
    assert text.startswith(HEADER)
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_each_source_has_two_models_and_the_yaml_beside_them(project: Path) -> None:
    files = generated_files(catalog_of(project).sources.values(), project / "models")
    assert [
        file.path.relative_to(project / "models").as_posix() for file in files if "cities" in file.path.name
    ] == [
        "staging/town_hall/stg_cities.yml",
        "staging/town_hall/stg_cities.sql",
        "historical/town_hall/hist_cities.yml",
        "historical/town_hall/hist_cities.sql",
    ]
    assert len(files) == 12
    assert {file.path.suffix for file in files if file.is_ours} == {".yml"}
    assert stale(project) == []


def test_a_change_of_the_seeds_makes_the_yaml_of_its_source_stale_until_it_is_written(project: Path) -> None:
    edit(project / "seeds" / "attribute.csv", "Its name", "Its official name")
    assert stale(project) == ["staging/town_hall/stg_cities.yml", "historical/town_hall/hist_cities.yml"]
    written = write_files(generated_files(catalog_of(project).sources.values(), project / "models"))
    assert [path.name for path in written] == ["stg_cities.yml", "hist_cities.yml"]
    assert stale(project) == []
    columns = properties(project, "historical/town_hall/hist_cities.yml")["models"][0]["columns"]
    assert next(c for c in columns if c["name"] == "name")["description"] == "Its official name"


def test_sql_that_is_there_is_never_overwritten_and_missing_sql_is_written(project: Path) -> None:
    local = project / "models" / "staging" / "market" / "stg_prices.sql"
    local.write_text("select 1")
    missing = project / "models" / "historical" / "market" / "hist_prices.sql"
    text = missing.read_text()
    missing.unlink()
    assert stale(project) == ["historical/market/hist_prices.sql"]
    write_files(generated_files(catalog_of(project).sources.values(), project / "models"))
    assert local.read_text() == "select 1"
    assert missing.read_text() == text


def test_yaml_that_somebody_edited_is_stale(project: Path) -> None:
    edit(project / "models" / "staging" / "market" / "stg_ratings.yml", "smallint", "integer")
    assert stale(project) == ["staging/market/stg_ratings.yml"]


def test_staging_yaml_holds_all_that_the_macros_need(project: Path) -> None:
    message = properties(project, "staging/market/stg_prices.yml")
    (model,) = message["models"]
    of_source = model["config"]["meta"]["source"]
    assert (of_source["name"], of_source["job"]) == ("prices", "market")
    of_prices = definition(catalog_of(project).sources["prices"])
    assert of_source["definition"] == of_prices
    assert of_prices["attribute price"] == {
        "position": 3, "data_type": "numeric(8,2)", "raw_column": "price", "format": None, "null_tokens": [""],
        "is_key": False, "is_tracked": True,
    }  # fmt: skip
    attributes = {column["name"]: column for column in model["columns"]}
    assert attributes["price"] == {
        "name": "price",
        "description": "What it costs, in euro",
        "data_type": "numeric(8,2)",
    }
    assert [name for name, c in attributes.items() if c.get("data_tests") == ["not_null"]] == ["shop", "item"]
    assert "is_delete_mark" in [c["name"] for c in model["columns"]]
    assert "is_delete_mark" not in (project / "models/staging/market/stg_ratings.yml").read_text()


def test_the_raw_table_is_described_as_extraction_makes_it(project: Path) -> None:
    (raw,) = properties(project, "staging/market/stg_prices.yml")["sources"]
    (table,) = raw["tables"]
    assert (raw["name"], raw["schema"], table["name"]) == ("raw", "raw", "prices")
    assert [c["name"] for c in table["columns"]] == [
        "delivery_sqn", "line_number", "job_inst_id", "shop", "item", "price", "gone", "_rest",
    ]  # fmt: skip
    assert all(c["description"] and c["data_type"] for c in table["columns"])
    (raw,) = properties(project, "staging/town_hall/stg_cities.yml")["sources"]
    assert "City Code" in [c["name"] for c in raw["tables"][0]["columns"]]


def test_historical_yaml_says_the_grain_first_and_tests_it(project: Path) -> None:
    (model,) = properties(project, "historical/market/hist_prices.yml")["models"]
    assert model["description"].startswith("One row per shop, item and version: ")
    assert model["data_tests"] == [
        {"headwater.versions_do_not_overlap": {"arguments": {"key": ["shop", "item"]}}}
    ]
    assert [c["name"] for c in model["columns"]] == [
        "shop", "item", "price", "valid_from", "valid_to", "change_type", "end_type", "delivery_sqn",
        "ended_by_delivery_sqn", "job_inst_id", "process_date",
    ]  # fmt: skip
