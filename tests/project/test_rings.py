"""Tests lie in rings by what they need, a quick one starts no server, and no test leaves a process behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from headwater.services.processes import is_alive, spawn
from tests.support import rings
from tests.support.left_behind import end_left_behind, left_behind


@pytest.mark.parametrize(
    ("fixtures", "ring"),
    [
        ({"tmp_path"}, "quick"),
        ({"tmp_path", "database", "postgres_server", "servers"}, "servers"),
        ({"starts_servers"}, "servers"),
        ({"servers", "airflow"}, "airflow"),
        ({"servers", "airflow", "chromium_path"}, "browser"),
    ],
)
def test_the_ring_of_a_test_is_what_its_fixtures_need(fixtures: set[str], ring: str) -> None:
    assert rings.ring_of(fixtures) == ring


def test_every_test_is_marked_with_its_ring(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        assert [ring for ring in rings.RINGS if rings.is_of(item, ring)] == [
            ring for ring in rings.RINGS if item.get_closest_marker(ring) in item.own_markers
        ]
    assert rings.is_of(request.node, "quick")


@pytest.mark.parametrize(
    "command",
    [
        ["/opt/postgres/bin/postgres", "-D", "data"],
        [sys.executable, "-m", "headwater.services.s3", "folder", "1"],
        [sys.executable, "-P", "-m", "headwater.services.airflow_component", "1", "scheduler"],
    ],
)
def test_a_quick_test_that_starts_a_server_is_refused_in_a_sentence(command: list[str]) -> None:
    with pytest.raises(RuntimeError) as refused:
        subprocess.Popen(command)
    assert "is of the ring quick and starts a server: " in str(refused.value)
    assert "starts_servers" in str(refused.value)


def test_a_quick_test_may_start_what_is_no_server() -> None:
    assert subprocess.run([sys.executable, "-c", ""], check=False).returncode == 0
    assert not rings.starts_server(["git", "log", "-m", "airflow.py"])


@pytest.mark.parametrize("knows", ["command", "environment", "folder"])
def test_a_process_that_a_test_forgot_is_found_and_ended(tmp_path: Path, knows: str) -> None:
    forgotten = tmp_path / "forgotten"
    forgotten.mkdir()
    sleep = [
        sys.executable,
        "-c",
        "import time; time.sleep(600)",
        str(forgotten) if knows == "command" else "-",
    ]
    process = spawn(
        sleep,
        log=tmp_path / "log",
        env={"HOME": f"{forgotten}/home" if knows == "environment" else "/"},
        cwd=forgotten if knows == "folder" else Path("/"),
    )
    assert left_behind(tmp_path / "forgot", patience_s=0) == {}
    (command,) = end_left_behind(forgotten, patience_s=0.2)
    assert "time.sleep(600)" in command
    assert not is_alive(process)
