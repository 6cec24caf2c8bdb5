"""Marts are built where their histories or their models changed, in whatever folder behind history they lie."""

from __future__ import annotations

from pathlib import Path

from headwater.dbt_project.manifest_shards import shard, write_shards
from headwater.dbt_project.project_subset import MARTS
from headwater.pipeline.runners.sources import run
from headwater.project import Project
from tests.pipeline.line import Line, cities, prices
from tests.pipeline.project import make_project

MODELS = {
    "intermediate/int_towns.sql": "select * from {{ ref('hist_cities') }} where valid_to is null\n",
    "marts/town/towns.sql": "select count(*) as towns from {{ ref('int_towns') }}\n",
    "marts/town/per_town.sql": "select people / towns as people from {{ ref('towns') }}, {{ ref('int_towns') }}\n",
    "marts/shops.sql": "select count(distinct shop) as shops from {{ ref('hist_prices') }}\n",
}


def with_marts(line: Line, root: Path) -> Project:
    project = Project(make_project(root, marts={}), line.project.home)
    for name, text in MODELS.items():
        (project.models / name).parent.mkdir(parents=True, exist_ok=True)
        (project.models / name).write_text(text, encoding="utf-8")
    return project


def built_by(line: Line, project: Project, *sources: str) -> list[str]:
    """Run sources, and return what was said of marts."""
    del line.messages[:]
    result = run(project, sources, line.messages.append)
    assert result.exit_code == 0, result.failures or result.marts_failures
    return [message for message in line.messages if message.startswith("marts:")]


def test_only_what_is_downstream_of_a_change_is_built(line: Line, tmp_path: Path) -> None:
    project = with_marts(line, tmp_path / "own")
    line.deliver("cities", cities(1, {"a": ("Ulm", 4), "b": ("Bonn", 6)}))
    assert built_by(line, project, "cities") == ["marts: building int_towns, per_town, towns"]
    line.deliver("prices", prices(1, {("s", 1): ("1.50",)}))
    assert built_by(line, project, "prices") == ["marts: building shops"]
    line.deliver("cities", cities(2, {"a": ("Ulm", 4)}))
    assert built_by(line, project, "cities") == ["marts: building int_towns, per_town, towns"]
    assert line.query("select people from marts.per_town") == [(4,)]
    assert built_by(line, project, "cities") == []

    towns = project.models / "intermediate/int_towns.sql"
    towns.write_text(towns.read_text() + "    and people > 4\n", encoding="utf-8")
    assert built_by(line, project, "cities") == ["marts: building int_towns, per_town, towns"]
    assert line.query("select towns from marts.towns") == [(0,)]


def test_airflow_is_shown_what_is_built_each_after_what_it_is_made_of(line: Line, tmp_path: Path) -> None:
    project = with_marts(line, tmp_path / "own")
    assert MARTS in write_shards(project)
    text = shard(project, MARTS).read_text(encoding="utf-8")
    assert "model.headwater_demo.int_towns" not in text.partition('"nodes"')[2]
    assert '"model.headwater_demo.hist_cities", "model.headwater_demo.towns"' in text or (
        '"model.headwater_demo.towns", "model.headwater_demo.hist_cities"' in text
    )
