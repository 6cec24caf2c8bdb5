"""Two projects that share one Airflow: their DAG files in one process, apart, and one of them broken."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater import shared_airflow
from headwater.airflow.callbacks import recipients
from headwater.airflow.links import deliveries
from headwater.dbt_project.manifest_shards import make_ready, write_shards
from headwater.metadata.connection import engine
from headwater.metadata.environment import variables
from headwater.metadata.errors import HeadwaterError, ProjectRefused
from headwater.project import Project, find_project
from headwater.services.several_projects import settings_of
from tests.conftest import PROJECT

TEAMS = PROJECT / "examples" / "two_teams"
TOWNS = ("north", "south")


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both projects, whose models dbt has read."""
    folder = tmp_path_factory.mktemp("teams")
    for name in TOWNS:
        shutil.copytree(TEAMS / name, folder / name, ignore=shutil.ignore_patterns(".headwater", "target"))
        write_shards(Project(folder / name, tmp_path_factory.mktemp("set_up")))
    return folder


@pytest.fixture
def teams(parsed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of both that a test may break, in a process that knows them as Airflow's do."""
    folder = tmp_path / "teams"
    shutil.copytree(parsed, folder, symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADWATER_PROJECTS", os.pathsep.join(str(folder / name) for name in TOWNS))
        patch.setenv("HEADWATER__NORTH__PGDATABASE", "of_north")
        patch.setenv("HEADWATER__SOUTH__PGDATABASE", "of_south")
        for name in ("HEADWATER_PROJECT", "HEADWATER_HOME", "PGDATABASE"):
            patch.setenv(name, "")
        patch.setattr(sys, "path", list(sys.path))
        monkeypatch.chdir(tmp_path)
        yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "town_functions"]:
        del sys.modules[name]


def dags_of(folder: Path, *files: str) -> dict[str, Any]:
    """Return what DAG files of a project make, run as Airflow does."""
    found: dict[str, Any] = {}
    for file in files or ("jobs", "marts", "left_open", "docs"):
        path = folder / "dags" / f"{file}.py"
        content: dict[str, Any] = {}
        exec(compile(path.read_text(), str(path), "exec"), content)
        found |= {name: value for name, value in content.items() if type(value).__name__ == "DAG"}
    return found


def assets_of(dag: Any) -> set[str]:
    return {asset.uri for task in dag.tasks for asset in task.outlets}


def test_dags_and_assets_of_two_projects_with_equal_names_are_apart(teams: Path) -> None:
    north, south = (dags_of(teams / name) for name in TOWNS)
    assert set(north) == {f"north__{name}" for name in ("libraries", "marts", "left_open", "docs")}
    assert set(south) == {name.replace("north", "south") for name in north}
    assert all(
        dag.dag_id == name and name.partition("__")[0] in dag.tags for name, dag in (north | south).items()
    )
    of_north, of_south = (
        assets_of(dags[f"{name}__libraries"]) for name, dags in zip(TOWNS, (north, south), strict=True)
    )
    assert "headwater://north/historical/libraries" in of_north
    assert of_north.isdisjoint(of_south)
    assert len(of_north) == len(of_south) == 3


def test_a_dag_file_turns_its_process_to_its_project_and_to_its_functions_alone(teams: Path) -> None:
    for name, function in (("north", "without_blank_records"), ("south", "without_planned_libraries")):
        dags_of(teams / name, "jobs")
        assert find_project().root == teams / name
        assert find_project().home == teams / name / ".headwater"
        assert os.environ["PGDATABASE"] == f"of_{name}"
        assert shared_airflow.job_of(shared_airflow.dag_id_of("libraries")) == "libraries"
        assert hasattr(importlib.import_module("town_functions.transforms"), function)
        assert recipients("culture") == [
            "headwater_alerts", f"headwater_alerts_{name}", f"headwater_alerts_{name}_culture"
        ]  # fmt: skip


@pytest.mark.usefixtures("teams")
def test_one_process_answers_for_both_at_once() -> None:
    found = shared_airflow.projects()
    assert list(found) == list(TOWNS)
    for name, project in found.items():
        with shared_airflow.within(project):
            assert (find_project(), deliveries()) == (project, f"/deliveries/{name}")
            assert variables()["PGDATABASE"] == f"of_{name}"
            _, arguments = engine().dialect.create_connect_args(engine().url)
            assert "dbname" not in arguments, "the url names none"
    assert os.environ["PGDATABASE"] == ""


@pytest.mark.parametrize("how", ["seed", "model", "functions", "project_file"])
def test_a_broken_project_takes_down_its_own_dags_alone_and_says_why(teams: Path, how: str) -> None:
    south = teams / "south"
    if how == "seed":
        path, old, new, expected = south / "seeds/source.csv", "snapshot", "snapshoot", "snapshoot"
    elif how == "model":
        path, old, new, expected = (
            south / "models/staging/town_hall/stg_libraries.sql",
            "}}",
            "}",
            "stg_libraries",
        )
    elif how == "functions":
        path, old, new, expected = (
            south / "town_functions/transforms.py", "def without_planned_libraries", "def without", "without_planned"
        )  # fmt: skip
    else:
        path, old, new, expected = south / "headwater.yml", "name: south", "name: South", "lower-case"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    if how == "model":
        with pytest.raises(HeadwaterError, match=expected):
            make_ready(Project(south, south / ".headwater"))
    elif how == "project_file":
        with pytest.raises(ProjectRefused, match=expected):
            dags_of(south, "broken_metadata")
    else:
        with pytest.raises(SystemError, match=expected):
            dags_of(south, "broken_metadata")
        assert dags_of(south, "jobs") == {}
    assert set(dags_of(teams / "north", "jobs", "broken_metadata")) == {"north__libraries"}


def test_a_dag_file_of_no_project_says_which_there_are(teams: Path, tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError, match="is in no project of HEADWATER_PROJECTS"):
        shared_airflow.turn_to(str(tmp_path / "stray.py"))
    assert teams.is_dir()


def test_projects_whose_dag_ids_could_be_equal_are_refused_and_harm_none_before_them(teams: Path) -> None:
    south = teams / "south"
    file = south / "headwater.yml"
    text, dbt = file.read_text(), (south / "dbt_project.yml").read_text()

    def refusal(message: str) -> None:
        assert list(shared_airflow.projects()) == ["north"]
        ((folder, error),) = shared_airflow.opened()[1].items()
        assert folder == south
        assert message in str(error)
        with pytest.raises(ProjectRefused, match="Expected"):
            dags_of(south, "jobs")
        assert set(dags_of(teams / "north", "jobs")) == {"north__libraries"}

    file.write_text(text.partition("shares_airflow")[0])
    refusal("Expected shares_airflow: true")
    for name, message in (
        ("north", "is a second project with the name north"),
        ("list", "the page Deliveries uses"),
    ):
        file.write_text(text.replace("name: south", f"name: {name}"))
        (south / "dbt_project.yml").write_text(dbt.replace("name: south", f"name: {name}"))
        refusal(message)


def test_the_page_follows_projects_that_are_broken_and_mended_while_airflow_runs(teams: Path) -> None:
    from fastapi.testclient import TestClient

    from headwater.airflow.deliveries_page.app import make_app_of_several

    client = TestClient(make_app_of_several())
    style = "/south/static/page.css"
    assert client.get(style).status_code == 200
    file = teams / "south" / "headwater.yml"
    text = file.read_text()
    file.write_text("name: [")
    assert client.get(style).status_code == 404
    assert client.get("/north/static/page.css").status_code == 200
    file.write_text(text)
    assert client.get(style).status_code == 200
    assert client.get("/west/static/page.css").status_code == 404
    to_page = client.get("/north", follow_redirects=False)
    assert (to_page.status_code, to_page.headers["location"]) == (307, "http://testserver/north/")


def test_the_tab_of_a_dag_leads_to_the_deliveries_of_its_job_in_its_project(
    teams: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from headwater.airflow.deliveries_page import projects
    from headwater.airflow.deliveries_page.access import visitor
    from headwater.airflow.deliveries_page.app import make_app_of_several

    monkeypatch.setattr(
        projects, "_shown", lambda *_: [projects.Shown("north", ("libraries",), has_docs=False)]
    )
    page = make_app_of_several()
    page.dependency_overrides[visitor] = lambda: None
    airflow = FastAPI()
    airflow.mount("/deliveries", page)
    client = TestClient(airflow)
    north = client.get("/deliveries/list?job=north__libraries", follow_redirects=False)
    assert (north.status_code, north.headers["location"]) == (
        303,
        "/deliveries/north/list?job=north__libraries",
    )
    for hidden in ("south__libraries", "libraries"):
        assert client.get(f"/deliveries/list?job={hidden}", follow_redirects=False).status_code == 404
    assert teams.is_dir()


def test_two_projects_on_one_database_or_bucket_are_refused(
    teams: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headwater.services import several_projects

    found = shared_airflow.projects()
    folders = {name: teams / name for name in TOWNS}

    class NoServers:
        environment: dict[str, str] = {}  # noqa: RUF012

    monkeypatch.setattr(several_projects, "ensure_up", lambda _root: NoServers)
    with pytest.raises(
        HeadwaterError,
        match=r"same bucket, headwater\. Expected one for each: set HEADWATER__SOUTH__HEADWATER_BUCKET",
    ):
        settings_of(folders, found)
    monkeypatch.setenv("HEADWATER__SOUTH__HEADWATER_BUCKET", "of-south")
    assert settings_of(folders, found)["HEADWATER__SOUTH__PGDATABASE"] == "of_south"
    monkeypatch.setenv("HEADWATER__SOUTH__PGDATABASE", "of_north")
    with pytest.raises(HeadwaterError, match="same database, of_north"):
        settings_of(folders, found)


def test_ids_of_a_project_alone_have_no_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_PROJECT", str(PROJECT))
    monkeypatch.delenv("HEADWATER_PROJECTS", raising=False)
    assert (shared_airflow.dag_id_of("cities"), deliveries(), recipients("ops")) == (
        "cities", "/deliveries", ["headwater_alerts", "headwater_alerts_ops"]
    )  # fmt: skip
