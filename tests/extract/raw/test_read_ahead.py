"""Reading ahead: the same pieces in the same order, the same failure, and no thread left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from headwater.extract.raw.read_ahead import PIECES, read_ahead


def names() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_pieces_come_in_order() -> None:
    with read_ahead(iter(range(100))) as pieces:
        assert list(pieces) == list(range(100))
    assert "read ahead" not in names()


def test_pieces_are_made_while_others_are_taken_but_not_too_many() -> None:
    made: list[int] = []
    taken = threading.Event()

    def make() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            if number == PIECES:
                taken.set()
            yield number

    with read_ahead(make()) as pieces:
        assert taken.wait(5)  # nothing was taken, and some were made
        assert len(made) <= PIECES + 1
        next(pieces)


def test_a_failure_comes_after_the_pieces_before_it() -> None:
    def make() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with read_ahead(make()) as pieces:
        assert next(pieces) == 1
        with pytest.raises(ValueError, match=r"^broken$"):
            next(pieces)


def test_leaving_early_ends_the_thread() -> None:
    with read_ahead(iter(range(10_000))) as pieces:
        assert next(pieces) == 0
        assert "read ahead" in names()
    assert "read ahead" not in names()
