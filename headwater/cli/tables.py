"""Tables and the texts of their cells in a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console, JustifyMethod
from rich.table import Table

if TYPE_CHECKING:
    pass


WIDE = 120  # columns of a screen


COLOURS = {
    "succeeded": "green", "loaded": "green", "passed": "green", "halted": "red", "failed": "red",
    "pending": "yellow", "superseded": "dim", "withdrawn": "dim", "current": "green", "removed": "yellow",
}  # fmt: skip


def second(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def new_table(out: Console, *columns: str) -> Table:
    gap = 2 if out.width >= WIDE else 1
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, gap, 0, 0))
    texts = (
        "source", "publisher's name", "status", "dated", "newest", "last run", "layer", "job", "kind", "by", "task",
        "etl", "wrote", "began (UTC)",
    )  # fmt: skip
    for column in columns:
        justify: JustifyMethod = "left" if column in texts else "right"
        if column in (
            "publisher's name",
            "job",
            "task",
        ):  # of any length; other columns do not wrap
            table.add_column(column, justify=justify, overflow="fold", ratio=1)
        else:
            table.add_column(column, justify=justify, no_wrap=True)
    return table


def coloured(status: str) -> str:
    return f"[{COLOURS.get(status, 'default')}]{status}[/]"


def number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def day(moment: datetime | None) -> str:
    if moment is None:
        return ""
    return moment.strftime("%Y-%m-%d" if moment.time().isoformat() == "00:00:00" else "%Y-%m-%d %H:%M")
