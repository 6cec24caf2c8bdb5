"""Servers of tests end with the process of the tests, however that ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from headwater.services.processes import is_alive, spawn
from tests.conftest import PROJECT, TestServers


@pytest.mark.usefixtures("starts_servers")
def test_the_last_one_stops_the_servers_once_nobody_holds_its_input(tmp_path: Path) -> None:
    servers = TestServers(tmp_path / "servers")
    servers.folder.mkdir()
    server = spawn(["sleep", "600"], log=tmp_path / "log", env={"PATH": "/usr/bin:/bin"}, cwd=tmp_path)
    servers.remember("sleep", server)
    last_one = subprocess.Popen(
        [sys.executable, "-m", "tests.support.last_one", str(servers.folder)],
        stdin=subprocess.PIPE,
        cwd=PROJECT,
    )
    assert is_alive(server)
    last_one.communicate()  # closes its input, as the end of a process does
    assert not is_alive(server)
    assert not servers.folder.exists()
