"""The tutorial and the how-to pages, walked as a person does: every command, one after the other, in a new project."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.project import Project
from tests.pipeline.by_hand import typed
from tests.support.command import ran
from tests.support.pages import fragments_of, page, shell_blocks

Walk = Callable[..., dict[str, str]]
INSTALLS = (
    "python3 -m venv",
    ". .venv/bin/activate",
    "pip install",
    "cd ",
)  # tests/project/test_wheel.py installs
RUNS_UNTIL_STOPPED = "headwater airflow"  # tests/airflow/test_two_teams.py


@pytest.fixture
def walk(
    tmp_path: Path,
    store: object,  # noqa: ARG001
    empty_database: Engine,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> Walk:
    """Does what pages say in a folder, or in that of the project once it is there; what each command printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    root = tmp_path / "town"

    def through(name: str, *, besides: tuple[str, ...] = ()) -> dict[str, str]:
        printed: dict[str, str] = {}
        monkeypatch.chdir(root if root.exists() else tmp_path)
        for fragment in fragments_of(name):
            lines = [line for line in fragment.splitlines() if not line.startswith(INSTALLS)]
            if lines and not fragment.startswith((RUNS_UNTIL_STOPPED, *besides)):
                place = Project(root if root.exists() else tmp_path, root)
                printed[fragment] = printed.get(fragment, "") + typed("\n".join(lines), place)
            if root.exists():
                monkeypatch.chdir(root)
        return printed

    return through


def lines_of_results(block: str) -> list[list[str]]:
    return [line.split() for line in block.splitlines() if line.strip()]


def test_the_tutorial(walk: Walk, empty_database: Engine) -> None:
    printed = walk("tutorial")
    results = [block.partition("```")[0] for block in page("tutorial").split("```text\n")[1:]]
    first, listed, history, halted = map(lines_of_results, results)
    message = "".join(printed.values())
    words = message.split()
    for shown in (first, listed, history, halted):
        for line in shown:
            assert " ".join(line) in " ".join(words), line
    assert "1 version appears and 3 versions end. Nothing was changed." in message
    assert "libraries L04: current" in printed["headwater history libraries L04"]
    with empty_database.connect() as connection:
        seats = "select library, seats from historical.libraries where valid_to is null order by library"
        assert list(map(tuple, connection.execute(sa.text(seats)))) == [
            ("L01", 380),
            ("L02", 60),
            ("L04", 85),
        ]
        assert connection.scalar(sa.text("select count(*) from historical.trees")) == 2


def test_a_project_its_mart_decisions_and_what_runs_did(
    walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "libraries-2026-01-05.csv").write_text(
        "library,district,seats\nL01,Old Town,420\nL02,Northgate,60\n"
    )
    start = walk("how-to/start-a-project", besides=("headwater new-source",))
    assert "headwater run" in " ".join(start)
    monkeypatch.setenv("TOWN_FILES", str(tmp_path / "town" / ".headwater" / "town_files"))
    added = walk("how-to/add-a-source")
    assert "2026-02-02" in added["headwater deliveries libraries"]
    mart = walk("how-to/add-a-mart")
    assert any("libraries_by_district" in message for message in mart.values())
    decided = walk("how-to/decide-about-a-delivery")
    assert any("Nothing was changed" in message for message in decided.values())
    walk("how-to/failed-runs")
    walk("how-to/jobs-as-dags")
    walk("how-to/upgrade")


def test_a_source_is_removed_with_its_data_and_renamed(
    walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(0, "init", "town", "--with-example")
    monkeypatch.chdir(tmp_path / "town")
    ran(0, "run")
    walk("how-to/upgrade")  # of a new project there is nothing to upgrade
    for fragment in shell_blocks("how-to/remove-or-rename-a-source")[2].splitlines():
        typed(fragment, Project(tmp_path / "town", tmp_path / "town"))
    ran(0, "rename-source", "branches", "libraries", "--yes", "--why", "as it was")
    typed(shell_blocks("how-to/remove-or-rename-a-source")[1].strip() + " --yes", Project(tmp_path, tmp_path))
    assert "libraries" not in ran(0, "status").stdout
