"""The docs of dbt in Airflow: for those who are logged in, and without a way from there to Airflow."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from headwater.services.airflow import Airflow
from headwater.services.processes import session
from tests.airflow.page import Visitor

WORD = "a description of a table"


@pytest.fixture(scope="module", autouse=True)
def page(airflow_variables: dict[str, str]) -> None:
    """A page as `headwater docs` writes it."""
    path = Path(airflow_variables["HEADWATER_HOME"]) / "docs" / "dbt.html"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"<!doctype html><p>{WORD}</p>")


@pytest.mark.parametrize("path", ["/docs/dbt.html", "/docs/index.html", "/data_docs/towns/index.html"])
def test_without_logging_in_there_are_no_docs(airflow: Airflow, path: str) -> None:
    answer = Visitor(airflow, None).ask(path)
    assert answer.status_code in (303, 401)
    assert WORD not in answer.text


@pytest.mark.parametrize("path", ["dbt_docs_index.html", "dbt_docs", "manifest.json", "catalog.json"])
def test_cosmos_which_asks_nobody_to_log_in_serves_none(airflow: Airflow, path: str) -> None:
    answer = requests.get(f"{airflow.url}/cosmos/headwater/{path}", timeout=60)
    assert answer.status_code == 404
    assert WORD not in answer.text


@pytest.mark.parametrize("user", ["admin", "viewer"])
def test_who_is_logged_in_reads_them_as_a_page_of_no_origin(airflow: Airflow, user: str) -> None:
    answer = Visitor(airflow, user).ask("/docs/dbt.html")
    assert WORD in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in policy


def test_all_of_airflow_listens_on_the_loopback_address_alone(airflow: Airflow) -> None:
    family = [one.pid for leader in airflow.components.values() for one in session(leader.pid)]
    sockets = {target for pid in family for target in _sockets(pid)}
    listening = [
        (line.split()[1].partition(":")[0], int(line.split()[1].partition(":")[2], 16))
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and f"socket:[{line.split()[9]}]" in sockets
    ]
    assert listening == [("0100007F", airflow.ports.api)]


def _sockets(pid: int) -> list[str]:
    return [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir() if _is_link(entry)]


def _is_link(entry: Path) -> bool:
    try:
        return bool(entry.readlink())
    except OSError:
        return False
