"""Airflow as it is started here: real processes, a real scheduler, the API as users see it."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from headwater.services.airflow import Airflow
from tests.airflow.client import Client

TINY = """
from airflow.sdk import dag, get_current_context, task


@dag(schedule=None)
def tiny():
    @task
    def count():
        import sys

        print("dbt is loaded:", "dbt.cli.main" in sys.modules)
        print("checks are loaded:", "great_expectations" in sys.modules)
        return list(range(get_current_context()["dag_run"].conf["how_many"]))

    @task
    def look(number):
        print("looked at", number)

    look.expand(number=count())


tiny()
"""


@pytest.fixture(scope="module")
def tiny(airflow_dags: Path) -> str:
    (airflow_dags / "tiny.py").write_text(TINY)
    return "tiny"


@pytest.fixture(scope="module")
def run_id(admin: Client, tiny: str) -> str:
    """A run that went well."""
    run_id, state = admin.run(tiny, {"how_many": 2})
    assert state == "success"
    return run_id


def test_a_dag_runs_green_through_the_real_scheduler(admin: Client, tiny: str, run_id: str) -> None:
    assert admin.states(tiny, run_id) == {"count": "success", "look[0]": "success", "look[1]": "success"}
    assert "looked at 1" in admin.log(tiny, run_id, "look", map_index=1)


def test_tasks_inherit_dbt_and_great_expectations_from_the_scheduler(
    admin: Client, tiny: str, run_id: str
) -> None:
    message = admin.log(tiny, run_id, "count")
    assert "dbt is loaded: True" in message
    assert "checks are loaded: True" in message


def test_a_viewer_sees_a_dag_but_may_not_trigger_it(admin: Client, viewer: Client, tiny: str) -> None:
    admin.wait_for_dag(tiny)

    assert viewer.get(f"dags/{tiny}")["dag_id"] == tiny
    refused = viewer.ask("POST", f"dags/{tiny}/dagRuns", json={"logical_date": None, "conf": {}})
    assert refused.status_code == 403


def test_without_a_password_nothing_is_told(airflow: Airflow) -> None:
    assert requests.get(f"{airflow.url}/api/v2/dags", timeout=30).status_code == 401


def test_keys_and_passwords_are_the_users_alone_and_in_no_log(airflow: Airflow) -> None:
    kept = [airflow.folder / "keys.json", airflow.folder / "passwords.json"]
    assert [path.stat().st_mode & 0o077 for path in kept] == [0, 0]
    logs = "".join(path.read_text(errors="replace") for path in (airflow.folder / "logs").glob("*.log"))
    assert logs
    assert not [password for password in airflow.passwords.values() if password in logs]
