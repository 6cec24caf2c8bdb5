"""Rows of history and of the quarantine, rendered for a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from headwater.cli.tables import coloured, day
from headwater.cli.terminal import escape
from headwater.metadata.static.naming import OF_HISTORY
from headwater.metadata.visible import quoted, shortened
from headwater.queries import status as source_status
from headwater.queries.fallen_out import VALUES_SHOWN

if TYPE_CHECKING:
    from headwater.cli.moments import Moment
    from headwater.queries.key_history import KeyHistory, Shape
    from headwater.queries.status import AsOf


WITHOUT_END = 1_000_000  # columns


LONGEST_ROW = 160  # characters of an original row


HIDDEN = {*OF_HISTORY, source_status.FELL_OUT} - {
    "valid_from",
    "valid_to",
}  # columns that are not shown to people


def rows(out: Console, source: str, on: Moment, as_of: AsOf, columns: Sequence[str] | None = None) -> None:
    """Print rows of history without its technical columns, or selected columns, as a table or, if too wide, as blocks.

    Marks rows that are stale because of a row that fell out. If there are no rows, names the nearest
    deliveries.
    """
    out.print(f"[dim]{escape(source)} at {on}[/]")
    shown = list(columns or (name for name in as_of.columns if name not in HIDDEN))
    if as_of.rows:
        marks = ("fell out",) if as_of.fell_out else ()
        table = Table(*map(escape, shown), *marks, box=None, header_style="bold", pad_edge=False)
        lines = [
            [
                *("" if row[name] is None else escape(str(row[name])) for name in shown),
                *([_mark(row[source_status.FELL_OUT])] if marks else []),
            ]
            for row in as_of.rows
        ]
        for line in lines:
            table.add_row(*line)
        unbounded = out.options.update(max_width=WITHOUT_END)
        if Measurement.get(out, unbounded, table).maximum <= out.width:
            out.print(table)
        else:
            _blocks(out, [*map(escape, shown), *marks], lines)
    more = f" {len(as_of.rows):,} are shown." if len(as_of.rows) < as_of.total else ""
    out.print(f"{as_of.total:,} {'row' if as_of.total == 1 else 'rows'}.{more}")
    if not as_of.total:
        out.print(_nearby(as_of))
    if fell := list(as_of.fell_out.values()):
        of = ", ".join(f"{sqn}" for sqn in dict.fromkeys(one["delivery_sqn"] for one in fell[:VALUES_SHOWN]))
        them = "1 row is" if len(fell) == 1 else f"{len(fell):,} rows are"
        out.print(
            f"[yellow]fell out[/] {them} what was true before: the row that came later for that key, in delivery"
            f" {of}{' …' if len(fell) > VALUES_SHOWN else ''}, fell out"
        )


def _blocks(out: Console, names: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print each row as a block, one column per line."""
    width = max(len(Text.from_markup(name)) for name in names)
    for number, line in enumerate(lines, start=1):
        out.print(f"[dim]row {number}[/]")
        for name, cell in zip(names, line, strict=True):
            gap = " " * (width - len(Text.from_markup(name)))
            out.print(f"  [bold]{name}[/]{gap}  {cell}" if cell else f"  [bold]{name}[/]")


def _nearby(as_of: AsOf) -> str:
    """Return a sentence about the nearest deliveries, if there were no rows at that moment."""
    found = [
        f"{word} {day(date)}"
        for word, date in (("before is of", as_of.before), ("after is of", as_of.after))
        if date is not None
    ]
    return (
        f"Nothing was true then. The nearest delivery {', the nearest '.join(found)} (UTC)."
        if found
        else "Nothing was true then: no delivery counts."
    )


def _mark(fell: Mapping[str, Any] | None) -> str:
    if fell is None:
        return ""
    why = f"{fell['column_name']} ({fell['rule']}) {quoted(fell['value'])}"
    return f"[yellow]delivery {fell['delivery_sqn']}, line {fell['line_number']}[/]: {escape(why)}"


def quarantine(out: Console, total: int, found: Sequence[Mapping[str, Any]]) -> None:
    """Print rows that fell out, as a table."""
    if found:
        table = Table(
            "delivery", "line", "key", "column", "rule", "value", "history", "row", box=None, header_style="bold",
            pad_edge=False,
        )  # fmt: skip
        for row in found:
            table.add_row(
                str(row["delivery_sqn"]),
                str(row["line_number"]),
                escape(key_text(row["key"])),
                escape(row["column_name"]),
                row["rule"],
                escape(quoted(row["value"])),
                "[yellow]as before[/]" if row["is_current_key"] else "",
                escape(shortened(json.dumps(row["row"], ensure_ascii=False), LONGEST_ROW)),
            )
        out.print(table)
    more = f" {len(found):,} are shown." if len(found) < total else ""
    out.print(f"{total:,} {'row' if total == 1 else 'rows'} fell out.{more}")
    if any(row["is_current_key"] for row in found):
        out.print(
            'history "as before": the key is current, and history keeps the version from before this row'
        )


def key_text(key: Mapping[str, Any] | None) -> str:
    if key is None:
        return "cannot be read"
    return ", ".join(f"{name}={shortened(str(value))}" for name, value in key.items())


def key_history(out: Console, shape: Shape, found: KeyHistory) -> None:
    """Print one key: its versions side by side, so that a long row stays readable, and its rows that fell out."""
    if not found.is_known:
        return
    out.print(f"[bold]{escape(found.source)}[/] {escape(found.named)}: {coloured(found.state)}")
    for version in found.versions:
        until = day(version.valid_to) if version.valid_to else "now"
        out.print(
            f"[bold]{day(version.valid_from)} to {until}[/]  {version.change_type} by delivery"
            f" {version.delivery_sqn}, {escape(version.publisher_name or '')}"
        )
        for column in shape.others:
            mark = "[yellow]*[/]" if column.name in version.changed else " "
            out.print(f"  {mark} {escape(column.name)}: {escape(value_text(version.values[column.name]))}")
        if version.ended_by_delivery_sqn is not None:
            out.print(
                f"    {version.end_type} by delivery {version.ended_by_delivery_sqn},"
                f" {escape(version.ended_by_publisher_name or '')}"
            )
    if any(version.changed for version in found.versions):
        out.print("[yellow]*[/] differs from the version before")
    for row in found.fallen_out:
        stale = "; history keeps the earlier version" if row.is_stale else ""
        out.print(
            f"[yellow]fell out[/] {day(row.delivery_date)}: delivery {row.delivery_sqn} ({row.status}),"
            f" {escape(row.publisher_name)}, line {row.line_number}: {escape(row.column_name)} ({row.rule})"
            f" {escape(quoted(row.value))}{stale}"
        )


def value_text(value: Any) -> str:
    return "nothing" if value is None else shortened(str(value), LONGEST_ROW)
