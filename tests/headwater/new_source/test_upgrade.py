"""The upgrade of seeds: fewer rows, the same metadata, once and for all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headwater.cli.commands import app
from headwater.metadata.static.check import check
from headwater.metadata.static.read import read_catalog
from headwater.new_source.upgrade import plan_upgrade, upgrade
from headwater.project import Project
from tests.conftest import PROJECT
from tests.headwater.new_source.conftest import content_of
from tests.pipeline.project import SEEDS
from tests.support.seeds import GOOD

OLD_DEMO = Path(__file__).parent / "old_demo_seeds"


def project_of(root: Path) -> Project:
    return Project(root, root / "home")


def written(root: Path, tables: dict[str, str]) -> Project:
    """Make a project of seeds alone."""
    (root / "seeds").mkdir()
    for table, text in {
        **{table: text.partition("\n")[0] + "\n" for table, text in GOOD.items()},
        **tables,
    }.items():
        (root / "seeds" / f"{table}.csv").write_text(text, encoding="utf-8")
    return project_of(root)


def test_old_seeds_of_the_demo_say_the_same_with_fewer_rows(tmp_path: Path) -> None:
    shutil.copytree(OLD_DEMO, tmp_path / "seeds")
    project = project_of(tmp_path)
    before = read_catalog(project.seeds)
    planned = plan_upgrade(project)
    assert {table: len(names) for table, names in planned.dropped.items()} == {"tbl": 30, "job_task": 33}
    assert planned.moved_checks == 18
    assert read_catalog(project.seeds) == before
    upgrade(planned)
    assert check(project.seeds) == []
    assert read_catalog(project.seeds) == before
    assert plan_upgrade(project).changes == ()
    lines = (project.seeds / "quality_check.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "airports,accepted_range,latitude,min=-90 max=90,critical,"


def test_seeds_of_the_project_are_upgraded() -> None:
    assert plan_upgrade(Project(PROJECT, PROJECT / ".headwater")).changes == ()


TASKS = "job_task,job,etl_step,step_seq,is_active,source,sql_script,python_callable,conn_str,conn_api,src_tbl,tgt_tbl\n"
ODD = {
    "a_name_of_one_s_own": "cities_extract,cities,E,1,true,cities,,,town_hall_cities,,,raw.cities\n"
    "mine,cities,T,2,true,cities,,,warehouse,,raw.cities,staging.stg_cities\n"
    "cities_historize,cities,L,3,true,cities,,,warehouse,,staging.stg_cities,historical.cities\n",
    "an_order_of_one_s_own": "prices_extract,market,E,2,true,prices,,,market_prices,,,raw.prices\n"
    "ratings_extract,market,E,1,true,ratings,,,market_ratings,,,raw.ratings\n",
    "a_task_that_does_not_run": "cities_extract,cities,E,1,true,cities,,,town_hall_cities,,,raw.cities\n"
    "again,cities,E,1,false,cities,,,town_hall_cities,,,raw.cities\n",
    "a_step_of_another_job": "cities_stage,market,T,2,true,cities,,,warehouse,,raw.cities,staging.stg_cities\n",
    "no_connection": "cities_stage,cities,T,2,true,cities,,,,,raw.cities,staging.stg_cities\n",
}
WAREHOUSE = {
    "data_source": SEEDS["data_source"] + "warehouse,rdbms,Ours\n",
    "conn_str": SEEDS["conn_str"] + "warehouse,warehouse,${PGHOST},x,y,,,,\n",
    "tbl": "tbl,data_source,incr_column,data_size\n"
    + "".join(f"{table},warehouse,delivery_sqn,small\n" for table in (
        "raw.cities", "staging.stg_cities", "historical.cities", "raw.prices", "raw.ratings"
    )),
}  # fmt: skip
KEPT = {
    "a_name_of_one_s_own": {"mine"},
    "an_order_of_one_s_own": {"prices_extract"},
    "a_task_that_does_not_run": {"again"},
    "a_step_of_another_job": {"cities_stage"},
    "no_connection": {"cities_stage"},
}


@pytest.mark.parametrize("odd", ODD)
def test_what_differs_from_the_defaults_is_kept(tmp_path: Path, odd: str) -> None:
    project = written(tmp_path, {**SEEDS, **WAREHOUSE, "job_task": TASKS + ODD[odd]})
    assert [str(problem) for problem in check(project.seeds)] == []
    before = read_catalog(project.seeds)
    planned = plan_upgrade(project)
    upgrade(planned)
    assert read_catalog(project.seeds) == before
    assert plan_upgrade(project).changes == ()
    left = (project.seeds / "job_task.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert {line.partition(",")[0] for line in left} >= KEPT[odd]
    assert set(planned.dropped.get("job_task", ())).isdisjoint(KEPT[odd])
    assert "market" in read_catalog(project.seeds).jobs


def test_seeds_with_line_ends_and_checks_of_any_kind_lose_nothing(tmp_path: Path) -> None:
    checks = (
        '[{""expect"": ""expect_column_values_to_match_regex"", ""column"": ""name"", ""regex"": ""^a b=\'\\\\d""},'
        ' {""expect"": ""expect_compound_columns_to_be_unique"", ""column_list"": [""name"", ""people""]},'
        ' {""expect"": ""expect_column_quantile_values_to_be_between"", ""column"": ""people"",'
        ' ""quantile_ranges"": {""quantiles"": [0.5], ""value_ranges"": [[1, null]]}, ""severity"": ""warning""}]'
    )
    source = SEEDS["source"].replace("city,snapshot,,,,", f'city,snapshot,,,"{checks}",', 1)
    assert source != SEEDS["source"]
    project = written(tmp_path, {**SEEDS, "source": source})
    (project.seeds / "quality_check.csv").unlink()
    for path in project.seeds.glob("*.csv"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n").removesuffix(b"\r\n"))
    assert [str(problem) for problem in check(project.seeds)] == []
    before = read_catalog(project.seeds)
    assert len(before.sources["cities"].quality_checks) == 3
    upgrade(plan_upgrade(project))
    assert read_catalog(project.seeds) == before
    assert b"quality_checks" not in (project.seeds / "source.csv").read_bytes()
    assert (project.seeds / "source.csv").read_bytes().startswith(b"\xef\xbb\xbfsource,job,")


def test_the_command_lists_what_it_would_do_does_it_and_has_nothing_to_do_then(project: Project) -> None:
    for path in OLD_DEMO.iterdir():
        shutil.copy(path, project.seeds)
    before = content_of(project)
    listed = CliRunner().invoke(app, ["upgrade-seeds", "--dry-run"])
    assert listed.exit_code == 0, listed.stderr
    assert (
        "seeds/job_task.csv: 33 rows that follow from sources: airports_extract, "
        in listed.stdout.replace("\n", " ")
    )
    assert "would write seeds/source.csv" in listed.stdout
    assert content_of(project) == before
    assert "wrote seeds/source.csv" in CliRunner().invoke(app, ["upgrade-seeds"]).stdout
    assert "seeds: nothing to upgrade" in CliRunner().invoke(app, ["upgrade-seeds"]).stdout
