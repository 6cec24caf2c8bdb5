"""Sources side by side: so many at once, one at a time of a group, and an end for all when one breaks off."""

from __future__ import annotations

import _thread
import signal
from collections.abc import Iterator
from threading import Barrier, Event, Lock

import pytest

from headwater.pipeline import side_by_side
from headwater.pipeline.side_by_side import THREADS, default_at_once, each_beside

PATIENCE = 20  # seconds, for what would never come if the code were wrong


class Counted:
    """How many go on at once, of all or of a group."""

    def __init__(self) -> None:
        self.most = self._now = 0
        self._lock = Lock()

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._now -= 1


def test_each_is_done_once_three_at_a_time_and_no_more() -> None:
    counted, meeting, done = Counted(), Barrier(3), []

    def do(item: int) -> None:
        with counted:
            meeting.wait(PATIENCE)  # three must be here at once
            done.append(item)
            meeting.wait(PATIENCE)  # none is gone before all have been counted

    each_beside(do, range(9), 3)
    assert sorted(done) == list(range(9))
    assert counted.most == 3


def test_one_at_once_goes_in_order() -> None:
    done: list[int] = []
    each_beside(done.append, range(5), 1)
    assert done == [0, 1, 2, 3, 4]


def test_of_a_group_one_is_done_at_a_time_and_holds_up_no_other() -> None:
    counted, others, done = Counted(), Event(), []

    def do(item: str) -> None:
        if item.startswith("alone"):
            with counted:
                assert others.wait(
                    PATIENCE
                )  # what stands behind the group must come before its first one ends
        elif item == "other 3":
            others.set()
        done.append(item)

    items = [*(f"alone {number}" for number in range(4)), *(f"other {number}" for number in range(4))]
    each_beside(do, items, 3, lambda item: "group" if item.startswith("alone") else None)
    assert sorted(done) == sorted(items)
    assert counted.most == 1


def test_what_one_raises_ends_the_whole() -> None:
    begun: list[int] = []

    def do(item: int) -> None:
        begun.append(item)
        if item == 1:
            raise SystemExit("a transform ends the process")

    with pytest.raises(SystemExit, match="a transform"):
        each_beside(do, range(1000), 2)
    assert len(begun) < 1000


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """Ctrl-C as in a terminal: a shell has what it starts in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_an_interruption_begins_nothing_more_and_lets_what_goes_on_end() -> None:
    begun, ended, interrupted = [], [], Event()

    def do(item: int) -> None:
        begun.append(item)
        if item == 0:
            _thread.interrupt_main()
        assert interrupted.wait(PATIENCE)
        ended.append(item)

    def stop(queue: side_by_side._Queue[int]) -> None:
        interrupted.set()
        stopped(queue)

    stopped = side_by_side._Queue.stop
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(side_by_side._Queue, "stop", stop)
        with pytest.raises(KeyboardInterrupt):
            each_beside(do, range(1000), 2)
    assert sorted(begun) == sorted(ended)
    assert len(begun) < 1000


@pytest.mark.usefixtures("_interruptible")
def test_an_interruption_does_not_wait_for_what_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "PATIENCE_S", 0)
    never = Event()

    def do(item: int) -> None:
        if item == 0:
            _thread.interrupt_main()
        never.wait(PATIENCE)

    with pytest.raises(KeyboardInterrupt):
        each_beside(do, range(2), 2)
    never.set()


@pytest.mark.parametrize(
    ("message", "cores", "expected"),
    [("", 1, 2), ("", 2, 4), ("", 64, 4), (None, 2, 4), ("9", 2, 9), ("0", 2, 1), ("many", 2, 4)],
)
def test_by_default_two_for_each_core_or_what_the_variable_says(
    message: str | None, cores: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    monkeypatch.delenv(THREADS, raising=False)
    if message is not None:
        monkeypatch.setenv(THREADS, message)
    assert default_at_once() == expected
