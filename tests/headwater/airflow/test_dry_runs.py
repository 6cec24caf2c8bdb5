"""Dry runs in the background: no request waits for one, a few go at once, and none outlives the server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headwater.airflow.deliveries_page import dry_runs
from headwater.airflow.deliveries_page.dry_runs import AT_ONCE, DryRun, DryRuns

TOLD = {"added": 3, "dropped": 0, "ended": 1, "reopened": 0, "verdict": None, "why": None,
        "sample": {"added": [{"key": {"city": "a"}, "valid_from": "2026-01-01T00:00:00+00:00"}]}}  # fmt: skip
PATIENCE_S = 60


def child(program: str) -> Callable[[str, int], subprocess.Popen[str]]:
    """A start of a program in Python, in place of our command."""
    return lambda _decision, _sqn: subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def waits_for(path: Path) -> str:
    return f"import pathlib, time\nwhile not pathlib.Path({str(path)!r}).exists(): time.sleep(0.05)\n"


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def running() -> Iterator[Callable[[str], DryRuns]]:
    made: list[DryRuns] = []

    def make(program: str) -> DryRuns:
        made.append(DryRuns(child(program)))
        return made[-1]

    yield make
    for one in made:
        one.end()


def test_one_says_what_it_does_and_then_what_it_found(
    running: Callable[[str], DryRuns], tmp_path: Path
) -> None:
    go = tmp_path / "go"
    says = "import sys\nprint('making history', file=sys.stderr, flush=True)\n"
    program = f"{says}{waits_for(go)}print({json.dumps(TOLD)!r})"
    runs = running(program)
    begun = runs.begin("withdraw", 7, "ada", "why")
    until(lambda: begun.progress == "making history")
    assert not begun.is_done
    assert runs.find(begun.number, 7, "ada") is begun
    assert runs.begin("withdraw", 7, "ada", "because") is begun  # no second one for the same question
    assert (
        runs.find(begun.number, 8, "ada")
        is runs.find(begun.number, 7, "eve")
        is runs.find("x", 7, "ada")
        is None
    )
    go.touch()
    until(lambda: begun.is_done)
    assert begun.found is not None
    assert (begun.found.added, begun.found.sample["added"][0].key) == (3, {"city": "a"})
    assert begun.found.sentence == "3 versions appear and 1 version ends."


def test_a_few_go_at_once_and_the_others_wait(running: Callable[[str], DryRuns], tmp_path: Path) -> None:
    go = tmp_path / "go"
    runs = running(waits_for(go) + f"print({json.dumps(TOLD)!r})")
    begun = [runs.begin("withdraw", sqn, "ada", "why") for sqn in range(AT_ONCE + 2)]
    until(lambda: sum(one.state == "running" for one in begun) == AT_ONCE)
    time.sleep(0.3)
    assert sum(one.state == "waiting" for one in begun) == 2
    go.touch()
    until(lambda: all(one.is_done for one in begun))
    assert all(one.found is not None for one in begun)


def test_more_than_can_wait_are_told_so_at_once(
    running: Callable[[str], DryRuns], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dry_runs, "MOST_WAITING", 3)
    runs = running(waits_for(tmp_path / "never"))
    begun = [runs.begin("withdraw", sqn, "ada", "why") for sqn in range(4)]
    assert begun[-1].is_done
    assert "Very many dry runs are waiting" in str(begun[-1].message)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import sys; sys.exit('Error: delivery 7 is withdrawn already')", "delivery 7 is withdrawn already"),
        ("import sys; sys.exit('Traceback (most recent call last)')", "The dry run failed; the log of the"),
        ("print('no JSON')", "The dry run failed; the log of the"),
    ],
)
def test_one_that_fails_says_why(running: Callable[[str], DryRuns], program: str, message: str) -> None:
    begun = running(program).begin("withdraw", 7, "ada", "why")
    until(lambda: begun.is_done)
    assert begun.found is None
    assert message in str(begun.message)


def pid_of(begun: DryRun) -> int:
    until(lambda: begun.progress.isdecimal())
    return int(begun.progress)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def say_pid_and_wait(tmp_path: Path) -> str:
    return f"import os, sys\nprint(os.getpid(), file=sys.stderr, flush=True)\n{waits_for(tmp_path / 'never')}"


def test_one_that_takes_too_long_or_that_nobody_asks_about_is_ended(
    running: Callable[[str], DryRuns], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = running(say_pid_and_wait(tmp_path)).begin("withdraw", 7, "ada", "why")
    pid = pid_of(begun)
    monkeypatch.setattr(dry_runs, "UNWATCHED_S", -1)
    until(lambda: begun.is_done)
    assert "no page asked for it any more" in str(begun.message)
    assert not is_alive(pid)
    monkeypatch.setattr(dry_runs, "UNWATCHED_S", 1000)
    monkeypatch.setattr(dry_runs, "LONGEST_S", -1)
    begun = running(say_pid_and_wait(tmp_path)).begin("withdraw", 7, "ada", "why")
    until(lambda: begun.is_done)
    assert "in a terminal takes the time it needs" in str(begun.message)


def test_when_the_server_ends_so_do_they(running: Callable[[str], DryRuns], tmp_path: Path) -> None:
    runs = running(say_pid_and_wait(tmp_path))
    pid = pid_of(runs.begin("withdraw", 7, "ada", "why"))
    runs.end()
    until(lambda: not is_alive(pid))


def test_the_command_ends_when_whoever_started_it_is_killed() -> None:
    """Killed with -9, a server can end nothing by itself: its child sees its own standard input end."""
    program = (
        "import sys, threading, time, os\nfrom headwater.cli import tied\n"
        "threading.Thread(target=tied._end_with_starter, args=(0,), daemon=True).start()\n"
        "print('up', flush=True)\ntime.sleep(600)"
    )
    started = child(program)("withdraw", 7)
    assert started.stdout is not None
    assert started.stdin is not None
    assert started.stdout.readline() == "up\n"
    started.stdin.close()
    assert started.wait(timeout=PATIENCE_S) != 0


def test_results_are_forgotten_after_some_minutes(
    running: Callable[[str], DryRuns], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = running(f"print({json.dumps(TOLD)!r})")
    begun = runs.begin("withdraw", 7, "ada", "why")
    until(lambda: begun.is_done)
    assert runs.find(begun.number, 7, "ada") is begun
    monkeypatch.setattr(dry_runs, "KEPT_S", -1)
    assert runs.find(begun.number, 7, "ada") is None
