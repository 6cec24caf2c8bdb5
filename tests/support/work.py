"""Counting the work that is done with names, so that what grows with its square is told without a clock."""

from __future__ import annotations

from collections.abc import Callable


class Counted(str):
    """A text that counts how often any of its kind is hashed or compared."""

    __slots__ = ()
    count = 0  # type: ignore[assignment]  # the method of a text, which no test asks for

    def __hash__(self) -> int:
        Counted.count += 1
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        Counted.count += 1
        return super().__eq__(other)


def work_of(work: Callable[[int], object], size: int) -> int:
    """Return how often names are hashed or compared while `work` is done for a size."""
    Counted.count = 0
    work(size)
    return Counted.count
