"""Doing the same for many sources side by side, in threads: most of the time is spent waiting for others."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from threading import Condition, Thread
from typing import Generic, TypeVar

T = TypeVar("T")

THREADS = "HEADWATER_THREADS"
MOST_BY_DEFAULT = 4  # sources at once: with as many models of dbt a command then has 20 connections at most
PER_CORE = 2
PATIENCE_S = 5  # that what is going on has to end in, when the whole is broken off


def default_at_once() -> int:
    """Return how many sources go side by side when nobody says it:
    what HEADWATER_THREADS says, else two for each core."""
    with suppress(ValueError):
        return max(1, int(os.environ.get(THREADS, "")))
    return min(MOST_BY_DEFAULT, PER_CORE * (os.cpu_count() or 1))


def each_beside(
    do: Callable[[T], None],
    items: Iterable[T],
    at_once: int,
    alone_in: Callable[[T], Hashable | None] = lambda _: None,
) -> None:
    """Do something for each item, for `at_once` of them at a time, in order as far as that goes.

    Of those for which `alone_in` names the same group, one is done at a time; None is no group. What is raised, by
    Ctrl-C too, ends the whole: nothing more is begun, what is going on has PATIENCE_S to end, and then goes on only as
    long as the process.
    """
    queue = _Queue(items, alone_in)
    if at_once <= 1 or len(queue) <= 1:
        queue.work(do)
    else:
        threads = [
            Thread(target=queue.work, args=(do,), name=f"source {number}", daemon=True)
            for number in range(min(at_once, len(queue)))
        ]
        _finish(threads, queue)
    if queue.errors:
        raise queue.errors[0]


class _Queue(Generic[T]):
    """The work that is still to be done, for threads to take."""

    def __init__(self, items: Iterable[T], alone_in: Callable[[T], Hashable | None]) -> None:
        self.errors: list[BaseException] = []
        self._todo, self._group_of = list(items), alone_in
        self._busy: set[Hashable] = set()
        self._changed = Condition()

    def __len__(self) -> int:
        return len(self._todo)

    def work(self, do: Callable[[T], None]) -> None:
        """Take one after the other until none is left; what one raises is kept, and ends it for all."""
        while (taken := self._take()) is not None:
            item, group = taken
            try:
                do(item)
            except BaseException as error:  # noqa: BLE001  # raised again where all threads are awaited
                self.errors.append(error)
                self.stop()
            finally:
                self._leave(group)

    def stop(self) -> None:
        """Let nothing more be taken."""
        with self._changed:
            self._todo.clear()
            self._changed.notify_all()

    def _take(self) -> tuple[T, Hashable | None] | None:
        with self._changed:
            while self._todo:
                for place, item in enumerate(self._todo):
                    group = self._group_of(item)
                    if group is None or group not in self._busy:
                        del self._todo[place]
                        self._busy.add(group)
                        return item, group
                self._changed.wait()
        return None

    def _leave(self, group: Hashable | None) -> None:
        with self._changed:
            self._busy.discard(group)
            self._changed.notify_all()


def _finish(threads: list[Thread], queue: _Queue[T]) -> None:
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive() and not queue.errors:
                thread.join(1)
    finally:
        queue.stop()
        until = time.monotonic() + PATIENCE_S
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))
