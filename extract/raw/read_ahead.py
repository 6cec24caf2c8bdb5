"""Reading ahead: one thread produces the next pieces while another one sends the previous ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

PIECES = 8  # made and not yet taken
PATIENCE_S = 0.1  # how late the thread may notice that nobody takes any more

T = TypeVar("T")


@contextmanager
def read_ahead(pieces: Iterator[T]) -> Iterator[Iterator[T]]:
    """Yield the same pieces, produced by a thread, which ends with the block.

    An error of the thread is raised here.
    """
    made: Queue[tuple[T, ...]] = Queue(PIECES)  # an empty tuple is the end
    stopped = Event()
    failures: list[BaseException] = []

    def produce() -> None:
        try:
            for piece in pieces:
                if not _put(made, (piece,), stopped):
                    return
        except BaseException as error:  # noqa: BLE001
            failures.append(error)  # raised again where the pieces are taken
        _put(made, (), stopped)

    def take() -> Iterator[T]:
        while piece := made.get():
            yield piece[0]
        if failures:
            raise failures[0]

    thread = Thread(target=produce, name="read ahead", daemon=True)
    thread.start()
    try:
        yield take()
    finally:
        stopped.set()
        thread.join()


def _put(made: Queue[tuple[T, ...]], piece: tuple[T, ...], stopped: Event) -> bool:
    while not stopped.is_set():
        try:
            made.put(piece, timeout=PATIENCE_S)
        except Full:
            continue
        return True
    return False
