"""The record of started servers."""

import os
from pathlib import Path

import pytest

from headwater.metadata.errors import ServiceError
from headwater.services import state
from headwater.services.processes import Process, born
from headwater.services.state import Remembered


def test_what_was_written_is_read(tmp_path: Path) -> None:
    payload = {"postgres": Remembered(5433, Process(12, "boot/7")), "s3": Remembered(9000, None)}
    state.write(tmp_path, payload)
    assert state.read(tmp_path) == payload
    assert [path.name for path in tmp_path.iterdir()] == [state.FILE]


def test_nothing_is_remembered_before_the_first_start(tmp_path: Path) -> None:
    assert state.read(tmp_path) == {}


@pytest.mark.parametrize("text", ["", "[]", '{"s3": {"port": "x"}}', '{"s3": 4}', '{"s3": {}}'])
def test_a_broken_file_is_said_and_not_guessed_at(tmp_path: Path, text: str) -> None:
    (tmp_path / state.FILE).write_text(text)
    with pytest.raises(ServiceError, match=r"services\.json cannot be read"):
        state.read(tmp_path)


def test_a_reused_pid_is_not_up() -> None:
    birth = born(os.getpid())
    assert birth is not None
    assert Remembered(5433, Process(os.getpid(), birth)).is_up
    assert not Remembered(5433, Process(os.getpid(), birth + "1")).is_up
    assert not Remembered(5433, None).is_up
