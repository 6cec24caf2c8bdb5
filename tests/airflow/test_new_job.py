"""A new job in an Airflow that runs, and an author who edits its models there.

What the docs say to do is all that has to be done. Of the edits of tests/pipeline/test_edited_models.py those are here
that Airflow could take in another way: a model between staging and history, of which Cosmos must not make a task, and
an edit that needs a decision, whose sentence must be in the log of the task that failed. A derived column, a cast, a
filter, tests and further YAML files reach the steps that both runners share and no code of Airflow's.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.airflow.client import PATIENCE_S, Client
from tests.airflow.warehouse import Warehouse, publish
from tests.support.pages import page

ROWS = {
    "conn_str": "town_hall_ponds,town_hall,,,,,,,${TEST_PUBLISHER_FOLDER}/ponds",
    "job": "ponds,true,ETL,true,,batch,,,town,true,Ponds to history,0,1,,,,,,,,",
    "source": "ponds,ponds,town_hall,town,daily,pond,snapshot,,,,,,,,,,,,One row per pond",
    "attribute": "ponds,Pond,pond,text,,,true,,,Code of the pond",
    "source_attribute": "ponds,conn_str,town_hall_ponds,\nponds,file_pattern,ponds-(?P<date>\\d{8})\\.csv$,",
}


STAGING, HISTORICAL = "models/staging/town_hall/stg_ponds.sql", "models/historical/town_hall/hist_ponds.sql"
TASKS = {
    "ponds_extract.discover": "success",
    "ponds_extract.land[0]": "success",
    "ponds_stage.stage.stg_ponds": "success",
    "ponds_stage.check": "success",
    "ponds_historize.historize.hist_ponds": "success",
    "finish": "success",
}

Headwater = Callable[..., None]  # runs a command with its arguments, which must succeed


def commands_of(section: str) -> list[str]:
    """The commands of a section of the page about jobs as DAGs."""
    text = page("how-to/jobs-as-dags")
    (body,) = re.findall(rf"\n\*\*{section}\.\*\*(.*?)\n(?:\*\*|#)", text, re.DOTALL)
    commands = "\n".join(re.findall(r"```sh\n(.*?)```", body, re.DOTALL)).splitlines()
    assert commands, f"{section} has no commands"
    return commands


@pytest.fixture(scope="module")
def headwater(
    airflow_project: Path, airflow_variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Headwater:
    """Runs commands in the project that Airflow reads."""
    environment = {
        **os.environ,
        **airflow_variables,
        "HEADWATER_PROJECT": str(airflow_project),
        "HEADWATER_HOME": str(tmp_path_factory.mktemp("by_hand")),
    }

    def command(*arguments: str) -> None:
        ours = [sys.executable, "-m", "headwater.cli", *arguments]
        done = subprocess.run(ours, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)

    return command


def edit(path: Path, old: str, new: str) -> None:
    """Replace a part of a file that is there once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_commands_of_the_docs_bring_a_new_job_into_an_airflow_that_runs(
    admin: Client,
    airflow_project: Path,
    headwater: Headwater,
    publisher: Path,
    warehouse: Warehouse,
    read_again: Callable[[], None],
) -> None:
    publish(publisher, "ponds", 1, "Pond", "h1", "h2", "dry")
    for table, rows in ROWS.items():
        with (airflow_project / "seeds" / f"{table}.csv").open("a", encoding="utf-8") as file:
            file.write(f"{rows}\n")
    read_again()
    deadline = time.monotonic() + PATIENCE_S
    while "ponds: " not in (message := "\n".join(admin.import_errors().values())):
        assert time.monotonic() < deadline, f"nothing is said of the new job: {message!r}"
        time.sleep(0.5)
    assert "expected `headwater manifest` to be run" in message

    for command in commands_of("A new job in a running Airflow"):
        program, *arguments = command.partition("#")[0].split()
        assert program == "headwater"
        headwater(*arguments)

    # models of an author, as if they had come with the job
    edit(airflow_project / STAGING, "select * from typed", "select * from typed where pond <> 'dry'")
    between = airflow_project / "models" / "intermediate" / "int_ponds.sql"
    between.parent.mkdir(exist_ok=True)
    between.write_text("select *, upper(pond) as label from {{ ref('stg_ponds') }}\n", encoding="utf-8")
    edit(airflow_project / HISTORICAL, "ref('stg_ponds')", "ref('int_ponds')")
    edit(airflow_project / HISTORICAL, "        pond\n", "        pond,\n        label\n")
    headwater("manifest")

    read_again()
    run_id, state = admin.run("ponds", patience_s=900)
    assert (state, admin.states("ponds", run_id)) == ("success", TASKS)
    assert warehouse.query("select pond, label from historical.ponds order by pond") == [
        ("h1", "H1"),
        ("h2", "H2"),
    ]
    deadline = time.monotonic() + PATIENCE_S
    while "ponds" in (message := "\n".join(admin.import_errors().values())):
        assert time.monotonic() < deadline, message
        time.sleep(0.5)


def test_an_edited_model_fails_its_task_with_what_changed_until_someone_accepts_it(
    admin: Client, airflow_project: Path, headwater: Headwater, publisher: Path, warehouse: Warehouse
) -> None:
    edit(airflow_project / STAGING, "pond <> 'dry'", "pond not in ('dry', 'drained')")
    publish(publisher, "ponds", 2, "Pond", "h1", "h3")
    run_id, state = admin.run("ponds", patience_s=900)
    states = admin.states("ponds", run_id)
    assert (state, states["ponds_stage.stage.stg_ponds"]) == ("failed", "failed"), states
    log = admin.log("ponds", run_id, "ponds_stage.stage.stg_ponds")
    assert "Definition changed: source ponds: code of staging: model stg_ponds was" in log
    assert "`headwater accept-definition ponds`" in log
    assert warehouse.query("select count(*) from historical.ponds") == [(2,)]

    headwater("accept-definition", "ponds", "--why", "no pond was ever drained")
    run_id, state = admin.run("ponds", patience_s=900)
    assert state == "success", admin.states("ponds", run_id)
    assert warehouse.query("select label from historical.ponds where valid_to is null order by 1") == [
        ("H1",), ("H3",),
    ]  # fmt: skip
