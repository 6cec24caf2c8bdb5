"""A subset of the dbt project: what is in it, and that dbt runs models there as in the whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from dbt.artifacts.resources.types import NodeType

from headwater.dbt_project.dbt import Dbt
from headwater.dbt_project.project_subset import MARTS, project_subset
from tests.pipeline.project import make_project


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_project(tmp_path / "town")


def models(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "models").rglob("*.sql")}


def test_it_holds_the_models_of_its_sources_and_what_all_share(root: Path, tmp_path: Path) -> None:
    (root / "models" / "marts" / "town.sql").write_text("select 1 as one")
    found = project_subset(root, tmp_path, ["cities"])
    assert models(found) == {"stg_cities", "hist_cities"}
    assert (found / "dbt_packages").resolve() == (root / "dbt_packages").resolve()
    assert (found / "dbt_project.yml").read_text() == (root / "dbt_project.yml").read_text()
    assert models(project_subset(root, tmp_path, ["ratings", "cities"])) == {
        "stg_cities", "hist_cities", "stg_ratings", "hist_ratings",
    }  # fmt: skip
    assert models(project_subset(root, tmp_path, [])) == set()


def test_it_follows_the_project(root: Path, tmp_path: Path) -> None:
    before = project_subset(root, tmp_path, ["cities"])
    (historical,) = (root / "models" / "historical").rglob("hist_cities.sql")
    historical.unlink()
    moved = shutil.move(root / "models" / "staging" / "town_hall", root / "models" / "staging" / "hall")
    after = project_subset(root, tmp_path, ["cities"])
    assert after == before
    assert models(after) == {"stg_cities"}
    assert (after / "models" / "staging" / "hall" / "stg_cities.sql").resolve().is_relative_to(moved)


def test_many_sources_have_a_folder_with_a_name_of_bearable_length(root: Path, tmp_path: Path) -> None:
    many = [f"source_{number:03}" for number in range(500)]
    assert len(project_subset(root, tmp_path, many).name) <= 100
    assert project_subset(root, tmp_path, many) != project_subset(root, tmp_path, many[1:])


@pytest.mark.usefixtures("database")
def test_dbt_reads_no_model_of_another_source(root: Path, tmp_path: Path) -> None:
    (other,) = (root / "models" / "staging").rglob("stg_ratings.sql")
    other.write_text("select {{ this is no sql")
    manifest = Dbt(root, tmp_path, "run-1", sources=["cities"]).manifest()
    assert {node.name for node in manifest.nodes.values() if node.resource_type == NodeType.Model} == {
        "stg_cities",
        "hist_cities",
    }


@pytest.mark.usefixtures("database")
def test_a_model_that_reads_another_source_is_run_in_the_whole_project(root: Path, tmp_path: Path) -> None:
    (historical,) = (root / "models" / "historical").rglob("hist_cities.sql")
    historical.write_text(f"-- depends on: {{{{ ref('stg_' ~ 'ratings') }}}}\n{historical.read_text()}")
    manifest = Dbt(root, tmp_path, "run-1", sources=["cities"]).manifest()
    assert "hist_ratings" in {node.name for node in manifest.nodes.values()}


@pytest.mark.usefixtures("database")
def test_the_marts_come_with_the_sources_that_they_read(root: Path, tmp_path: Path) -> None:
    (root / "models" / "marts" / "town.sql").write_text("select * from {{ ref('hist_cities') }}")
    found = {"town", "stg_cities", "hist_cities"}
    assert models(project_subset(root, tmp_path, [MARTS])) == found
    manifest = Dbt(root, tmp_path, "run-1", sources=[MARTS]).manifest()
    assert {node.name for node in manifest.nodes.values() if node.resource_type == NodeType.Model} == found
