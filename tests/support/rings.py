"""Rings of tests, told from their fixtures: those that need no server come first, then those with one server more.

quick    no server, no browser: `make test-quick`
servers  Postgres, the object store, brokers, MariaDB
airflow  a running Airflow
browser  a Chromium
"""

from __future__ import annotations

import os
import shlex
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

QUICK, SERVERS, AIRFLOW, BROWSER = "quick", "servers", "airflow", "browser"
# ring → a fixture of which every test of the ring has one at least; the first ring that fits is the test's
FIXTURES = {
    BROWSER: {"chromium_path"},
    AIRFLOW: {"airflow"},
    SERVERS: {"servers", "starts_servers"},
}
RINGS = {
    QUICK: "needs no server and no browser (make test-quick)",
    SERVERS: "needs Postgres, an object store, a broker or MariaDB",
    AIRFLOW: "needs a running Airflow",
    BROWSER: "needs a Chromium",
}
PROGRAMS = {"postgres", "initdb", "pg_ctl", "mariadbd", "mariadb-install-db", "tansu", "chromium", "airflow"}
MODULES = {
    "headwater.services.s3", "headwater.services.publisher", "headwater.services.kafka",
    "headwater.services.airflow_component", "airflow", "tests.support.last_one",
}  # fmt: skip
PROPERTY = "ring"

_running: list[str] = []  # the quick test that runs now, if one does


def ring_of(fixtures: Collection[str]) -> str:
    """Return the ring of a test that uses `fixtures`, by itself or by others."""
    return next((ring for ring, wanted in FIXTURES.items() if wanted & set(fixtures)), QUICK)


def mark(items: Iterable[pytest.Item]) -> None:
    """Mark every test with its ring, and let its reports tell it."""
    for item in items:
        ring = ring_of(getattr(item, "fixturenames", ()))
        item.add_marker(getattr(pytest.mark, ring))
        item.user_properties.append((PROPERTY, ring))


def is_of(item: pytest.Item, ring: str) -> bool:
    return (PROPERTY, ring) in item.user_properties


def starts_server(command: Sequence[Any]) -> bool:
    """Return whether a command starts one of our servers or a browser."""
    words = [os.fsdecode(word) for word in command]
    modules = {after for word, after in pairwise(words) if word == "-m"}
    return Path(words[0]).name.split("-bin")[0] in PROGRAMS or not MODULES.isdisjoint(modules)


def _refuse_servers(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen" and _running:
        executable, command = arguments[:2]
        words = [command] if isinstance(command, str | bytes) else list(command) or [executable]
        if starts_server(words):
            raise RuntimeError(refusal(_running[0], shlex.join(map(os.fsdecode, words))))


def refusal(test: str, command: str) -> str:
    return (
        f"{test} is of the ring quick and starts a server: {command}. Let it use the fixture that brings the server, "
        "or `starts_servers` where the start is what it is about"
    )


def guard_quick_ring() -> None:
    """Have every start of a server refused for as long as a test of the ring quick runs in this process."""
    sys.addaudithook(_refuse_servers)


def begin(item: pytest.Item) -> None:
    end()
    if is_of(item, QUICK):
        _running.append(item.nodeid)


def end() -> None:
    _running.clear()


@dataclass
class Seconds:
    """How many tests of each ring ran, and how long; of tests side by side the seconds are added up."""

    tests: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, report: pytest.TestReport) -> None:
        ring = dict(report.user_properties).get(PROPERTY)
        if isinstance(ring, str):
            self.seconds[ring] += report.duration
            self.tests[ring] += report.when == "call"

    def lines(self) -> list[str]:
        return [
            f"{ring:8} {self.tests[ring]:6,} tests {self.seconds[ring]:8,.0f} s"
            for ring in RINGS
            if self.tests[ring]
        ]
