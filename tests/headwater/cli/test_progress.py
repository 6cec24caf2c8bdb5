"""Bars of transfers in a terminal, and nothing of them elsewhere."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace
from typing import Any, cast

from headwater.cli.progress import bars
from headwater.cli.terminal import Terminal
from headwater.extract.offers.offer import LimitedSink
from headwater.metadata.progress import transfer
from headwater.metadata.static.model import Source


def terminal(**more: Any) -> tuple[Terminal, io.StringIO]:
    shown = io.StringIO()
    return Terminal(file=shown, width=200, **more), shown


def test_a_terminal_shows_bytes_rows_and_rates() -> None:
    console, shown = terminal(force_terminal=True)
    with bars(console), transfer("towns: loading [red]towns\x1b[2J.csv", 4_000_000) as moved:
        moved.advance(size=1_000_000, rows=1_500)
        moved.advance(size=1_000_000, rows=1_500)
        console.print("a line above the bars, which draws them again")
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.getvalue())
    assert "towns: loading [red]towns" in lines
    assert "2.0/4.0 MB" in lines
    assert "3,000 rows, " in lines
    assert "/s" in lines
    assert "\x1b[2J" not in shown.getvalue()  # a publisher's name clears no screen


def test_what_comes_again_is_not_counted_twice() -> None:
    console, shown = terminal(force_terminal=True)
    source = cast(Source, SimpleNamespace(options={}))
    sink: Any = SimpleNamespace(write=lambda _: None, restart=lambda: None)
    with bars(console), transfer("landing", 2_000) as moved:
        limited = LimitedSink(sink, source, moved)
        limited.write(b"x" * 1_000)
        limited.restart()
        limited.write(b"x" * 2_000)
        console.print("a line above the bar")
    assert "2.0/2.0 kB" in shown.getvalue()


def test_elsewhere_nothing_is_drawn() -> None:
    console, shown = terminal(force_terminal=False)
    with bars(console), transfer("landing") as moved:
        moved.advance(size=10, rows=1)
    assert shown.getvalue() == ""
