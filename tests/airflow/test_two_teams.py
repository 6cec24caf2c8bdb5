"""Two teams in one Airflow, started by `headwater airflow FOLDER FOLDER`: apart, and one broken harms not the other."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from headwater.services import postgres
from tests.airflow.client import Client
from tests.airflow.page import Visitor
from tests.airflow.warehouse import Warehouse
from tests.conftest import FOREIGN, PROJECT, S3Server, administer

pytestmark = pytest.mark.long
TOWNS = ("north", "south")
PATIENCE_S = 600
QUICK = {
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "1",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
}


@dataclass(frozen=True)
class Teams:
    """The Airflow that both teams share, and the database of each."""

    folder: Path
    admin: Client
    ada: Visitor
    of: dict[str, Warehouse]
    lineage: Path


@pytest.fixture(scope="module")
def teams(
    postgres_server: postgres.Server, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Teams]:
    """Airflow with the examples north and south, whose databases lie on one server."""
    folder = tmp_path_factory.mktemp("teams")
    (folder / "lineage").mkdir()
    names = {town: f"{town}_{uuid.uuid4().hex[:8]}" for town in TOWNS}
    for town, name in names.items():
        shutil.copytree(
            PROJECT / "examples/two_teams" / town,
            folder / town,
            ignore=shutil.ignore_patterns(".headwater", "target"),
        )
        administer(postgres_server, f"create database {name}")
    events = {"type": "file", "log_file_path": str(folder / "lineage/event")}
    variables = {
        **{variable: value for variable, value in os.environ.items() if not variable.startswith(FOREIGN)},
        **postgres_server.environment,
        **s3_server.variables,
        "HEADWATER_AIRFLOW_DATABASE": f"airflow_{names['north']}",
        **{f"HEADWATER__{town.upper()}__PGDATABASE": name for town, name in names.items()},
        **{
            f"HEADWATER__{town.upper()}__HEADWATER_BUCKET": name.replace("_", "-")
            for town, name in names.items()
        },
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(events),
        "PYTHONPATH": str(PROJECT),
        **QUICK,
    }
    log = folder / "airflow.log"
    command = [sys.executable, "-m", "headwater.cli", "airflow", *(str(folder / town) for town in TOWNS)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url, password = _started(process, log)
        airflow: Any = SimpleNamespace(url=url, passwords={"admin": password})
        of = {town: Warehouse({**variables, "PGDATABASE": name}) for town, name in names.items()}
        yield Teams(folder, Client(url, "admin", password), Visitor(airflow, "admin"), of, folder / "lineage")
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) in (0, 130), log.read_text()


def _started(process: subprocess.Popen[bytes], log: Path) -> tuple[str, str]:
    """Return where Airflow is, and the password of its admin."""
    found: list[str] = []

    def is_up() -> bool:
        assert process.poll() is None, log.read_text()
        found[:] = re.findall(r"Airflow is at (\S+);|admin / (\S+) ", log.read_text())
        return len(found) == 2

    _wait_for("Airflow", is_up)
    return found[0][0], found[1][1]


def _wait_for(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.5)


def _run(teams: Teams, dag: str) -> str:
    """Start a run that must end green, and return its id."""
    run_id, state = teams.admin.run(dag, patience_s=PATIENCE_S)
    assert state == "success", teams.admin.states(dag, run_id)
    return run_id


def test_each_team_has_its_own_history_ledger_marts_page_and_lineage(teams: Teams) -> None:
    for town in TOWNS:
        teams.admin.wait_for_dag(f"{town}__marts")
        # the first run of a job that is new to Airflow comes by itself
        first = teams.admin.wait_for_run(f"{town}__libraries", PATIENCE_S)
        assert teams.admin.wait(f"{town}__libraries", first, PATIENCE_S) == "success"
        marts = teams.admin.wait_for_run(f"{town}__marts", PATIENCE_S, caused_by=first)
        assert teams.admin.wait(f"{town}__marts", marts, PATIENCE_S) == "success"
        runs = teams.of[town].query("select run_id from metadata.job_inst where job = 'libraries'")
        assert runs == [(first,)]
        tab = teams.ada.ask(f"/list?job={town}__libraries")
        assert tab.headers["location"] == f"/deliveries/{town}/list?job={town}__libraries"
        page = teams.ada.page(f"/{town}/list")
        assert page.count("<tr") == 3, "a head and two deliveries"
    names = {
        town: teams.of[town].query("select name from historical.libraries where valid_to is null")
        for town in TOWNS
    }
    assert names["north"]
    assert set(names["north"]).isdisjoint(names["south"])
    seats = {town: teams.of[town].query("select * from marts.seats_by_district") for town in TOWNS}
    assert seats["north"] != seats["south"]
    _lineage_is_apart(teams)


def _lineage_is_apart(teams: Teams) -> None:
    events = [json.loads(path.read_text()) for path in teams.lineage.glob("*.json")]
    databases: dict[str, set[str]] = {}
    for event in events:
        town = event["job"]["name"].partition("__")[0]
        data_sets = [one["name"] for one in (*event["inputs"], *event["outputs"])]
        databases.setdefault(town, set()).update(name for name in data_sets if name.count(".") == 2)
    assert set(databases) == set(TOWNS)
    assert all(databases.values())
    tables = {town: {name.partition(".")[0].partition("_")[0] for name in databases[town]} for town in TOWNS}
    assert tables == {town: {town} for town in TOWNS}


def test_runs_that_airflow_lost_are_closed_by_their_own_project_alone(teams: Teams) -> None:
    lost = {}
    for town in TOWNS:
        teams.admin.let_run(f"{town}__left_open", is_let=False)  # it has a schedule
        lost[town] = _run(teams, f"{town}__libraries")
        for table in ("job_inst", "log_header"):
            teams.of[town].query(
                f"update metadata.{table} set status = 'running', ended_at = null"
                " where job_inst_id = (select job_inst_id from metadata.job_inst where run_id = %s)",
                lost[town],
            )
        assert teams.admin.ask("DELETE", f"dags/{town}__libraries/dagRuns/{lost[town]}").status_code == 204
    teams.admin.let_run("north__left_open")
    _run(teams, "north__left_open")
    status = "select status from metadata.job_inst where run_id = %s"
    assert [teams.of[town].query(status, lost[town]) for town in TOWNS] == [[("failed",)], [("running",)]]


def test_a_broken_project_takes_down_its_own_dags_and_comes_back_when_it_is_mended(teams: Teams) -> None:
    south = teams.folder / "south"
    functions = south / "town_functions" / "transforms.py"
    valid = functions.read_text()
    functions.write_text(f"{valid}\ndef broken(:\n")
    _wait_for("an import error", lambda: "broken_metadata.py" in teams.admin.import_errors())
    (message,) = teams.admin.import_errors().values()
    assert "town_functions.transforms is not Python" in message
    assert "south/dags/broken_metadata.py" in message
    _run(teams, "north__libraries")
    functions.write_text(valid)
    _wait_for("no import error", lambda: not teams.admin.import_errors())

    file = south / "headwater.yml"
    valid = file.read_text()
    file.write_text(valid.replace("name: south", "name: [south"))
    _wait_for("import errors", lambda: len(teams.admin.import_errors()) == 5)
    assert all(
        "south/headwater.yml cannot be read" in error for error in teams.admin.import_errors().values()
    )
    _run(teams, "north__libraries")
    projects = teams.ada.page("/")
    assert "The project in the folder south cannot be opened" in projects
    assert "libraries" in teams.ada.page("/north/list")
    assert teams.ada.ask("/south/list").status_code == 404
    file.write_text(valid)
    _wait_for("no import error", lambda: not teams.admin.import_errors())
    _run(teams, "south__libraries")
    assert "libraries" in teams.ada.page("/south/list")
