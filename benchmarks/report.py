"""The result of a benchmark: tables, aims and the profile, as text and as JSON for the page."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.peers import peers
from benchmarks.profile import Statement
from benchmarks.servers import Database, machine, place
from headwater.project import find_project


@dataclass(frozen=True)
class Table:
    """A table: the first column is text, the others are numbers, aligned right."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        marks = ["---", *["--:"] * (len(self.head) - 1)]
        lines = [f"| {' | '.join(cells)} |" for cells in (self.head, marks, *self.rows)]
        return "\n".join([*([self.title, ""] if self.title else []), *lines])


@dataclass(frozen=True)
class Aim:
    """An aim, and the measured figure."""

    what: str
    found: str
    is_met: bool


@dataclass(frozen=True)
class Bar:
    """One bar of the picture."""

    label: str
    seconds: float
    is_ours: bool


@dataclass(frozen=True)
class Report:
    """The results of one run of a benchmark."""

    name: str
    title: str
    about: str
    command: str
    tables: Sequence[Table]
    aims: Sequence[Aim]
    bars: Sequence[Bar]
    profiles: Mapping[str, Sequence[Statement]]
    server: dict[str, str]
    machine: dict[str, str] = field(default_factory=machine)

    def markdown(self) -> str:
        """Return the report without the settings, which all benchmarks share."""
        aims = Table(
            "", ("aim", "found", "met"), [(a.what, a.found, "yes" if a.is_met else "no") for a in self.aims]
        )
        parts = [table.markdown() for table in self.tables] + [aims.markdown()]
        for what, statements in self.profiles.items():
            if statements:
                rows = [
                    (f"`{s.text.replace('|', chr(92) + '|')}`", f"{s.seconds:.2f}", str(s.calls))
                    for s in statements
                ]
                parts.append(Table(f"{what}, by statement:", ("statement", "s", "calls"), rows).markdown())
        return "\n\n".join(parts)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Report:
        facts: dict[str, Any] = json.loads(text)
        parts = {
            "tables": [Table(**one) for one in facts["tables"]],
            "aims": [Aim(**one) for one in facts["aims"]],
            "bars": [Bar(**one) for one in facts["bars"]],
            "profiles": {what: [Statement(**s) for s in these] for what, these in facts["profiles"].items()},
        }
        return cls(**{**facts, **parts})


@dataclass(frozen=True)
class Setting:
    """The setting of a benchmark: an empty folder and an empty database."""

    rows: int
    repeats: int
    folder: Path
    database: Database
    home: Path  # the project's own working folder
    has_peers: bool = True  # other tools are measured, too

    @cached_property
    def programs(self) -> Path:
        """Return the folder of the peers' programs."""
        return peers(self.home)


def parser(doc: str | None, rows: int, repeats: int = 5) -> argparse.ArgumentParser:
    """Return a parser with the options that all benchmarks have."""
    options = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    options.add_argument("--rows", type=int, default=rows, help=f"how large; by default {rows:,}")
    options.add_argument(
        "--repeats", type=int, default=repeats, help="how often each is measured; medians count"
    )
    options.add_argument(
        "--without-peers", action="store_true", help="leave out the other tools, which pip would install"
    )
    options.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return options


def publish(options: argparse.Namespace, measure: Callable[[Setting], Report]) -> None:
    """Measure in a new setting and print the results."""
    home = find_project().home
    with place("bench") as (folder, database):
        report = measure(
            Setting(options.rows, options.repeats, folder, database, home, not options.without_peers)
        )
    if options.json:
        print(report.to_json())
    else:
        messages = [*report.machine.items(), *report.server.items()]
        print(report.markdown(), ", ".join(f"{name} {value}" for name, value in messages), sep="\n\n")


def seconds(number: float) -> str:
    """Return seconds as tables show them."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.2f}"


def times(ratio: float) -> str:
    """Return a ratio as tables show it."""
    return f"{ratio:.2f} \u00d7"
