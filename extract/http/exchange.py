"""Requests, answers and the retry policy of exchanges over HTTP."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Patience:
    """The retry policy of a client. Waits double from `first_wait_s` to `longest_wait_s`, with jitter."""

    attempts: int = 6  # in a row without a byte gained
    first_wait_s: float = 0.5
    longest_wait_s: float = 30
    longest_retry_after_s: float = 600  # a server that wants more time is left for the next run
    connect_timeout_s: float = 10
    read_timeout_s: float = 60  # without a byte
    slowest_bytes_per_s: float = 1000  # over that time
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random

    def wait(self, failures: int) -> float:
        """Seconds to wait after the n-th failure in a row."""
        longest: float = min(self.longest_wait_s, self.first_wait_s * 2 ** (failures - 1))
        return longest * (0.5 + self.jitter() / 2)


@dataclass(frozen=True)
class Page:
    """A page and the address it came from, after redirects."""

    address: str
    text: str


@dataclass(frozen=True)
class Request:
    """A request to an API. `private` headers contain credentials, and a body may: they never go to another host."""

    method: str
    address: str
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)
    private: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Answer:
    """A whole answer of an API; `address` is the one that answered, after redirects."""

    address: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class AnswerBroken(Exception):  # noqa: N818
    """An unreadable answer; a retry may help. If it rarely does, `expected` says what was expected, and tries
    are few.
    """

    def __init__(self, reason: str, *, expected: str | None = None) -> None:
        self.expected = expected
        super().__init__(reason)


class AskAgainError(Exception):
    """A temporary failure; `wait_s` is the server's Retry-After.

    If a retry rarely helps, there are at most `tries` tries, and `expected` says what to do.
    """

    def __init__(
        self,
        reason: str,
        wait_s: float | None = None,
        *,
        is_slow: bool = False,
        expected: str = "run again later",
        tries: int | None = None,
    ) -> None:
        self.wait_s, self.is_slow, self.expected, self.tries = wait_s, is_slow, expected, tries
        super().__init__(reason)
