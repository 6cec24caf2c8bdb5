"""Progress of transfers: the bytes and rows of a delivery that is on its way, for a watcher of this process.

By default there is none. A command in a terminal watches, and draws a bar for each transfer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol


class Transfer(Protocol):
    """One transfer. Threads may share it."""

    def advance(self, *, size: int = 0, rows: int = 0) -> None:
        """Add further bytes and rows."""

    def restart(self) -> None:
        """Begin again: what came so far does not count."""


class Watcher(Protocol):
    """A watcher of transfers."""

    def transfer(self, what: str, total: int | None) -> AbstractContextManager[Transfer]:
        """Begin a transfer of `total` bytes, None where nobody knows; it lasts as long as the block."""


class _Unwatched:
    def advance(self, *, size: int = 0, rows: int = 0) -> None:
        pass

    def restart(self) -> None:
        pass


_watchers: list[Watcher] = []


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Have a watcher see all transfers of this process that begin within the block."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def transfer(what: str, total: int | None = None) -> AbstractContextManager[Transfer]:
    """Begin a transfer of `total` bytes, None where nobody knows; it lasts as long as the block."""
    return _watchers[-1].transfer(what, total) if _watchers else nullcontext(_Unwatched())
