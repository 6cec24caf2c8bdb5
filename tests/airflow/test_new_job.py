"""A new job in an Airflow that runs: what the docs say to do is all that has to be done."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

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


def commands_of(section: str) -> list[str]:
    """The commands of a section of the page about jobs as DAGs."""
    text = page("how-to/jobs-as-dags")
    (body,) = re.findall(rf"\n\*\*{section}\.\*\*(.*?)\n(?:\*\*|#)", text, re.DOTALL)
    commands = "\n".join(re.findall(r"```sh\n(.*?)```", body, re.DOTALL)).splitlines()
    assert commands, f"{section} has no commands"
    return commands


def test_the_commands_of_the_docs_bring_a_new_job_into_an_airflow_that_runs(
    admin: Client,
    airflow_project: Path,
    airflow_variables: dict[str, str],
    publisher: Path,
    warehouse: Warehouse,
    tmp_path: Path,
    read_again: Callable[[], None],
) -> None:
    publish(publisher, "ponds", 1, "Pond", "h1", "h2")
    for table, rows in ROWS.items():
        with (airflow_project / "seeds" / f"{table}.csv").open("a", encoding="utf-8") as file:
            file.write(f"{rows}\n")
    read_again()
    deadline = time.monotonic() + PATIENCE_S
    while "ponds: " not in (message := "\n".join(admin.import_errors().values())):
        assert time.monotonic() < deadline, f"nothing is said of the new job: {message!r}"
        time.sleep(0.5)
    assert "expected `headwater manifest` to be run" in message

    environment = {
        **airflow_variables,
        "HEADWATER_PROJECT": str(airflow_project),
        "HEADWATER_HOME": str(tmp_path),
    }
    for command in commands_of("A new job in a running Airflow"):
        program, *arguments = command.partition("#")[0].split()
        assert program == ".venv/bin/headwater"
        ours = [sys.executable, "-m", "headwater.cli", *arguments]
        done = subprocess.run(
            ours, env={**os.environ, **environment}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)

    read_again()
    run_id, state = admin.run("ponds", patience_s=900)
    assert state == "success", admin.states("ponds", run_id)
    assert warehouse.query("select pond from historical.ponds order by pond") == [("h1",), ("h2",)]
    deadline = time.monotonic() + PATIENCE_S
    while "ponds" in (message := "\n".join(admin.import_errors().values())):
        assert time.monotonic() < deadline, message
        time.sleep(0.5)
