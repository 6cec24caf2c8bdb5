"""The page of the demo: its commands on the real data, from a package index, and what they print."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import FOREIGN, PROJECT
from tests.support.pages import page, shell_blocks

PATIENCE_S = 1800
COUNTS = 6  # cells of a row of the summary that are the same on every machine: name and counts
MADE_OTHERWISE = {"make run": "headwater demo", "make test": None}  # make's other part is the environment


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The variables of a working folder of the test's own; its servers are stopped in the end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    found = {**kept, "HEADWATER_HOME": str(tmp_path / "home"), "COLUMNS": "200"}
    yield found
    subprocess.run([sys.executable, "-m", "headwater.cli", "down"], cwd=PROJECT, env=found, check=True)


@pytest.mark.long
@pytest.mark.timeout(2 * PATIENCE_S)
def test_the_commands_of_the_demo_do_what_the_page_says(environment: dict[str, str], tmp_path: Path) -> None:
    printed = []
    for line in "".join(shell_blocks("demo")).splitlines():
        command = line.partition("#")[0].strip()
        command = MADE_OTHERWISE.get(command, command) or ""
        words = shlex.split(command.replace(".headwater/", f"{tmp_path}/home/"))
        if not words:
            continue
        program, arguments = words[0].removeprefix(".venv/bin/"), words[1:]
        ours = {"headwater": [sys.executable, "-m", "headwater.cli"], "python": [sys.executable]}
        done = subprocess.run(
            [*ours.get(program, [program]), *arguments],
            cwd=PROJECT,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        printed += (done.stdout + done.stderr).split()
    text = " ".join(printed)
    first = page("demo").split("```text\n")[1].partition("```")[0]
    for line in first.splitlines():
        is_row = line.count("  ") > 4
        shown = " ".join(line.split()[:COUNTS] if is_row else line.partition("…")[0].split())
        assert shown.removesuffix(",") in text, line
    assert "KJFK: current" in text
