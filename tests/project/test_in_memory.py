"""Tests write in memory where it has room and runs programs, and where pytest would anywhere else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.in_memory import folder_in_memory, write_in_memory


def test_a_folder_with_room_that_runs_programs_is_taken_and_left_as_it_was(tmp_path: Path) -> None:
    assert folder_in_memory(tmp_path, enough=1) == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_small_or_runs_no_program_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert folder_in_memory(tmp_path / "gone", enough=1) is None
    assert folder_in_memory(tmp_path, enough=1 << 60) is None

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "noexec")

    monkeypatch.setattr(subprocess, "run", refused)
    assert folder_in_memory(tmp_path, enough=1) is None


def test_a_place_that_the_environment_names_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DEBUG_TEMPROOT", "elsewhere")
    write_in_memory()
    assert os.environ["PYTEST_DEBUG_TEMPROOT"] == "elsewhere"
