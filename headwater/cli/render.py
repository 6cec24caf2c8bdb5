"""What the command prints: tables for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, JustifyMethod
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text
from sqlalchemy import Engine

from headwater.cli.terminal import escape
from headwater.dbt_project.dry_run import KINDS
from headwater.metadata.static.model import Catalog
from headwater.metadata.static.naming import OF_HISTORY
from headwater.metadata.visible import quoted, shortened
from headwater.queries import status as standing
from headwater.queries.fallen_out import VALUES_SHOWN
from headwater.queries.key_history import named_key

if TYPE_CHECKING:
    from headwater.cli.moments import Moment
    from headwater.dbt_project.dry_run import DryRunResult
    from headwater.pipeline.job_runner import JobResult
    from headwater.pipeline.purge import PurgeResult
    from headwater.pipeline.run import RunResult
    from headwater.queries.fallen_out import FallenOut
    from headwater.queries.halts import Halt
    from headwater.queries.key_history import KeyHistory, Shape
    from headwater.queries.status import AsOf
    from headwater.services.airflow import Airflow
    from headwater.services.airflow_log import Line

WIDE = 120  # columns of a screen
WITHOUT_END = 1_000_000  # columns
LONGEST_ROW = 160  # characters of a row as it came
FALLEN_OUT_SHOWN = 5  # deliveries
LAYERS = ("raw", "staging", "checks", "historical")
HIDDEN = {*OF_HISTORY, standing.FELL_OUT} - {"valid_from", "valid_to"}  # columns that are not shown to people
COLOURS = {
    "succeeded": "green", "loaded": "green", "passed": "green", "halted": "red", "failed": "red",
    "pending": "yellow", "superseded": "dim", "withdrawn": "dim", "current": "green", "removed": "yellow",
}  # fmt: skip
AIRFLOW_COLOURS = {
    "api-server": "magenta", "scheduler": "blue", "dag-processor": "yellow", "triggerer": "cyan",
    "warning": "yellow", "error": "red", "critical": "red",
}  # fmt: skip

# The one delivery of the demo that must halt, and why: shown so that nobody takes it for an accident.
EXPECTED_HALT = ("flight_weather", "duplicate_keys")


def result(out: Console, done: RunResult) -> None:
    """What a run did, by source, then what halted and what failed."""
    is_any_taken_out = any(source.taken_out for source in done.sources)
    has_any_fallen_out = any(source.fallen_out for source in done.sources)
    taken_out = ("taken out",) if is_any_taken_out else ()
    fell_out = ("fell out",) if has_any_fallen_out else ()
    table = _table(out, "source", "landed", "into history", *taken_out, *fell_out, "halted", "status")
    for source in done.sources:
        counts = [
            source.landed,
            source.loaded,
            *([source.taken_out] if is_any_taken_out else []),
            *([source.fallen_out.row_count if source.fallen_out else 0] if has_any_fallen_out else []),
            len(source.halts),
        ]
        table.add_row(source.source, *map(str, counts), _coloured(source.status))
    out.print(table)
    for source in done.sources:
        if source.fallen_out:
            _fallen_out(out, source.source, source.fallen_out)
        for warning in source.warnings:
            out.print(f"[yellow]warning[/] {escape(source.source)}: {escape(warning)}")
    halts_of_run(out, done.halts)
    for failure in done.failures:
        out.print(f"[red]failed[/] {escape(failure)}")


def _fallen_out(out: Console, source: str, found: FallenOut) -> None:
    """What fell out, in a few lines of which the first stands out."""
    first, *more = found.messages(source)
    out.print(f"[yellow]fell out[/] {escape(source)}: {escape(first)}")
    for message in more:
        out.print(f"         {escape(message)}")


def halts_of_run(out: Console, halts: Iterable[Halt]) -> None:
    """Each halted delivery with the checks that it failed and what they found."""
    for halt in halts:
        out.print(
            f"[bold red]halted[/] {escape(halt.source)}: delivery {halt.delivery_sqn}, "
            f"{escape(halt.publisher_name)}: {escape(halt.why)}"
        )


def sources(out: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Where each source stands, with the warnings about the newest delivery that counts."""
    table = _table(
        out, "source", "deliveries", "pending", "halted", "versions", "current", "newest", "last run"
    )
    for row in rows:
        table.add_row(
            row["source"],
            _number(row["deliveries"]),
            _number(row["pending"]),
            f"[red]{row['halted']}[/]" if row["halted"] else "0",
            _number(row["versions"]),
            _number(row["current"]),
            _day(row["last_delivery_date"]),
            _coloured(row["last_run"] or "never"),
        )
    out.print(table)
    for row in rows:
        found: FallenOut | None = row["fallen_out"]
        if found:
            _fallen_out(out, row["source"], found)
        earlier = row["stale_current_keys"] - (found.stale_current_keys if found else 0)
        if earlier:
            them = "1 current key" if earlier == 1 else f"{earlier:,} current keys"
            out.print(
                f"[yellow]fell out[/] {escape(row['source'])}: {them} of earlier deliveries: the last row that came of"
                f" each fell out; `headwater quarantine {escape(row['source'])} --current` lists them"
            )
        for warning in row["warnings"]:
            out.print(
                f"[yellow]warning[/] {escape(row['source'])}: delivery {warning['delivery_sqn']}, "
                f"{escape(warning['publisher_name'])}: {escape(warning['check_name'])}: "
                f"{escape(warning['observed'] or '')}"
            )


def standing_halts(out: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Deliveries that wait for a decision."""
    for row in rows:
        out.print(
            f"[bold red]halted[/] {escape(row['source'])}: delivery {row['delivery_sqn']}, "
            f"{escape(row['publisher_name'])}: {escape(row['why'] or '')}"
        )


def deliveries(out: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Deliveries, one a line; how many rows each layer holds only where the screen is wide enough."""
    if not rows:
        out.print("no deliveries yet: `headwater run` fetches what publishers have")
        return
    layers = LAYERS if out.width >= WIDE else ()
    changes = ("new", "changed", "removed", "unchanged")
    is_one_source = len({row["source"] for row in rows}) == 1
    source = () if is_one_source else ("source",)
    has_any_fallen_out = any(row["fallen_out"] for row in rows)
    fell_out = ("fell out",) if has_any_fallen_out else ()
    table = _table(out, "sqn", *source, "dated", "publisher's name", "status", *layers, *fell_out, *changes)
    for row in rows:
        table.add_row(
            str(row["delivery_sqn"]),
            *(row[name] for name in source),
            _day(row["delivery_date"]),
            escape(row["publisher_name"]),
            _coloured(row["status"]),
            *(_layer_of(row, layer) for layer in layers),
            *([_fell_out_of(row)] if has_any_fallen_out else []),
            *(_number(row[change]) for change in changes),
        )
    out.print(table)
    fell = [row for row in rows if row["fallen_out"]]
    for row in fell[-FALLEN_OUT_SHOWN:]:
        _fallen_out(out, row["source"], row["fallen_out"])
    if len(fell) > FALLEN_OUT_SHOWN:
        out.print(f"[yellow]fell out[/] of {len(fell) - FALLEN_OUT_SHOWN:,} deliveries before these, too")
    made = [(decision, row) for row in rows for decision in row["decisions"]]
    for decision, row in sorted(made, key=lambda found: str(found[0]["event_at"])):
        _decision(out, decision, row)


def decisions_that_hold(out: Console, rows: Iterable[Mapping[str, Any]]) -> None:
    """Deliveries that stand as they do because somebody said so."""
    for row in rows:
        if (decision := standing.decision_that_holds(row)) is not None:
            _decision(out, decision, row)


def decided(out: Console, done: RunResult, row: Mapping[str, Any]) -> None:
    """What the run after a decision did, and what the delivery is now."""
    result(out, done)
    is_said = row["delivery_sqn"] in {halt.delivery_sqn for halt in done.halts}
    why = f": {escape(row['why'] or '')}" if row["status"] == "halted" and not is_said else ""
    out.print(
        f"delivery {row['delivery_sqn']} of {escape(row['source'])}, {escape(row['publisher_name'])}, "
        f"is now {_coloured(row['status'])}{why}"
    )


def _decision(out: Console, decision: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    """One line: what was decided about a delivery, in spite of what, by whom, when and why."""
    despite = f", in spite of {escape(', '.join(decision['checks']))}" if decision["checks"] else ""
    when = datetime.fromisoformat(decision["event_at"]).astimezone(UTC)
    out.print(
        f"[yellow]{escape(decision['event'])}[/] {escape(row['source'])}: delivery {row['delivery_sqn']}, "
        f"{escape(row['publisher_name'])}{despite}: {escape(decision['who'])}, {when:%Y-%m-%d %H:%M}: "
        f"{escape(decision['why'])}"
    )


def demo(out: Console, done: RunResult, engine: Engine, catalog: Catalog, page: Path) -> bool:
    """The summary of the demo and where to look next; whether it ended as it should."""
    if done.halts or done.failures:
        result(out, done)
    sources(out, standing.sources(engine, catalog))
    halted = [row for row in standing.deliveries(engine, None) if row["status"] == "halted"]
    expected = [row for row in halted if (row["source"], *row["checks"]) == EXPECTED_HALT]
    for row in expected:
        out.print(
            f"[yellow]One delivery is meant to halt:[/] {escape(row['publisher_name'])} of {row['source']}."
            " When summer time ended, 1 o'clock came twice, and a key of local hours cannot tell the two apart.\n"
            f"  {escape(row['why'])}\n"
            "  The other eleven months are in history: a halt stops one delivery, never its source."
        )
    landed = sum(source.landed for source in done.sources)
    out.print(f"\n{landed} new deliveries." if landed else "\nNothing new: every delivery was there already.")
    out.print("\nWhere to look next:")
    for command, what in (
        (".venv/bin/headwater deliveries airports", "what each delivery did to history"),
        (".venv/bin/headwater status", "where every source stands"),
        ('eval "$(.venv/bin/headwater env)"', "then psql and dbt find the database"),
        ("psql -c 'select * from historical.airports limit 5'", "the history itself"),
        (".venv/bin/headwater down", "stop the embedded servers; the data stays"),
    ):
        out.print(f"  {escape(command):58} [dim]{what}[/]")
    out.print(f"  {escape(page.as_uri())}\n{'':61}[dim]lineage, every column, every check[/]")
    return not done.failures and len(expected) == len(halted)


def rows(out: Console, source: str, on: Moment, as_of: AsOf, columns: Sequence[str] | None = None) -> None:
    """Rows of history without its bookkeeping, or some columns of them, as a table or, too wide for one, as blocks.

    What is of before a row that fell out is marked. Of nothing, the nearest deliveries are named.
    """
    out.print(f"[dim]{escape(source)} at {on}[/]")
    shown = list(columns or (name for name in as_of.columns if name not in HIDDEN))
    if as_of.rows:
        marks = ("fell out",) if as_of.fell_out else ()
        table = Table(*map(escape, shown), *marks, box=None, header_style="bold", pad_edge=False)
        lines = [
            [
                *("" if row[name] is None else escape(str(row[name])) for name in shown),
                *([_mark(row[standing.FELL_OUT])] if marks else []),
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
    """Each row as a block, a column a line."""
    width = max(len(Text.from_markup(name)) for name in names)
    for number, line in enumerate(lines, start=1):
        out.print(f"[dim]row {number}[/]")
        for name, cell in zip(names, line, strict=True):
            gap = " " * (width - len(Text.from_markup(name)))
            out.print(f"  [bold]{name}[/]{gap}  {cell}" if cell else f"  [bold]{name}[/]")


def _nearby(as_of: AsOf) -> str:
    """Where there is something, when there was nothing then."""
    found = [
        f"{word} {_day(date)}"
        for word, date in (("before is of", as_of.before), ("after is of", as_of.after))
        if date is not None
    ]
    return (
        f"Nothing was true then. The nearest delivery {', the nearest '.join(found)} (UTC)."
        if found
        else "Nothing was true then: no delivery counts."
    )


def jobs(out: Console, results: Sequence[JobResult], runs: Sequence[Mapping[str, Any]]) -> None:
    """How runs of jobs ended, one a line, then their last errors."""
    of_run = {run["run_id"]: run for run in runs}
    table = _table(out, "run", "job", "tasks", "deliveries", "took", "status")
    for result in results:
        run = of_run.get(result.run_id)
        if run is None:
            table.add_row("", escape(result.job), "", "", "", _coloured(result.status))
            continue
        tasks = [task for task in run["tasks"] if task["within_job_inst_task_id"] is None]
        table.add_row(
            str(run["job_inst_id"]), escape(result.job), _number(len(tasks)), _number(len(run["deliveries"])),
            _took(run), _coloured(result.status),
        )  # fmt: skip
    out.print(table)
    for result in results:
        if result.error:
            out.print(f"[red]{result.status}[/] {escape(result.job)}: {escape(result.error)}")
    out.print("[dim]`headwater log RUN` shows one of them[/]")


def runs(out: Console, found: Sequence[Mapping[str, Any]]) -> None:
    """Runs, one a line, the newest first; below them the last errors of those that did not go well."""
    if not found:
        out.print("no runs yet: `headwater run` makes one")
        return
    is_wide = out.width >= WIDE
    by = ("by",) if is_wide else ()
    table = _table(out, "run", "job", "kind", *by, "began (UTC)", "took", "status")
    for row in found:
        table.add_row(
            str(row["job_inst_id"]), escape(row["job"]), row["kind"].replace("_", " "),
            *([row["runner"]] if by else []),
            _second(row["started_at"])[: None if is_wide else len("2026-11-28 14:30")],
            _took(row), _coloured(row["status"]),
        )  # fmt: skip
    out.print(table)
    for row in found:
        if row["last_error"]:
            out.print(f"[red]run {row['job_inst_id']}[/] {escape(row['last_error'])}")
            _closed(out, row)
    out.print("[dim]`headwater log RUN` shows one of them[/]")


def run(out: Console, found: Mapping[str, Any]) -> None:
    """All about one run: how it ended, its tasks, the deliveries of which it wrote a layer, and its log."""
    steps = f", {found['etl_steps']}" if found["etl_steps"] else ""
    flags = "".join(f", {name}" for name in ("is_full_load", "del_temp_data") if found[name])
    out.print(
        f"[bold]run {found['job_inst_id']}[/] of {escape(found['job'])}: {_coloured(found['status'])}"
        f" ({found['kind'].replace('_', ' ')}{steps}{flags}, by {found['runner']})"
    )
    out.print(f"run_id   {escape(found['run_id'])}")
    took = _took(found)
    out.print(f"began    {_second(found['started_at'])} UTC{f', took {took}' if took else ''}")
    if found["last_error"]:
        out.print(f"[red]error[/]    {escape(found['last_error'])}")
        _closed(out, found)
    _tasks(out, found["tasks"])
    _written(out, found["deliveries"])
    for line in found["log"]:
        colour = {"error": "red", "detail": "dim"}.get(line["level"], "default")
        task = f" [dim]{escape(line['task'])}[/]" if line["task"] else ""
        out.print(
            f"[dim]{line['logged_at'].astimezone(UTC):%H:%M:%S}[/]{task} [{colour}]{escape(line['message'])}[/]"
        )


def _closed(out: Console, row: Mapping[str, Any]) -> None:
    """What another hand did to a run, where that is not all that there is to say."""
    if row["closed_why"] and row["closed_why"] != row["last_error"]:
        out.print(f"[yellow]closed[/]   {escape(row['closed_why'])}")


def _tasks(out: Console, tasks: Sequence[Mapping[str, Any]]) -> None:
    if not tasks:
        return
    more = ("seq", "deliveries") if out.width >= WIDE else ()
    table = _table(out, "task", "etl", "source", *more, "took", "status")
    for task in tasks:
        index = "" if task["map_index"] is None else f"[{task['map_index']}]"
        tried = f" (try {task['try_number']})" if (task["try_number"] or 1) > 1 else ""
        counts = (task["step_seq"], len(task["delivery_sqns"] or ()) or None)
        table.add_row(
            f"{'  ' if task['within_job_inst_task_id'] else ''}{escape(task['task'] + index)}{tried}",
            task["etl_step"] or "", escape(task["source"] or ""), *(map(_number, counts) if more else ()),
            _took(task), _coloured(task["status"]),
        )  # fmt: skip
    out.print(table)


def _written(out: Console, deliveries: Sequence[Mapping[str, Any]]) -> None:
    if not deliveries:
        return
    table = _table(out, "sqn", "source", "dated", "publisher's name", "wrote")
    for row in deliveries:
        table.add_row(
            str(row["delivery_sqn"]), row["source"], _day(row["delivery_date"]), escape(row["publisher_name"]),
            ", ".join(row["layers"]),
        )  # fmt: skip
    out.print(table)


def _second(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _took(row: Mapping[str, Any]) -> str:
    """How long a run or a task took; nothing while it goes on."""
    if row["ended_at"] is None:
        return ""
    seconds = (row["ended_at"] - row["started_at"]).total_seconds()
    if seconds < 60:
        return f"{max(seconds, 0):.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def _mark(fell: Mapping[str, Any] | None) -> str:
    if fell is None:
        return ""
    why = f"{fell['column_name']} ({fell['rule']}) {quoted(fell['value'])}"
    return f"[yellow]delivery {fell['delivery_sqn']}, line {fell['line_number']}[/]: {escape(why)}"


def quarantine(out: Console, total: int, found: Sequence[Mapping[str, Any]]) -> None:
    """Rows that fell out, as a table."""
    if found:
        table = Table(
            "delivery", "line", "key", "column", "rule", "value", "history", "row", box=None, header_style="bold",
            pad_edge=False,
        )  # fmt: skip
        for row in found:
            table.add_row(
                str(row["delivery_sqn"]),
                str(row["line_number"]),
                escape(_key(row["key"])),
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
            'history "as before": the key is current, and history goes on saying what it said before this row'
        )


def _key(key: Mapping[str, Any] | None) -> str:
    if key is None:
        return "cannot be read"
    return ", ".join(f"{name}={shortened(str(value))}" for name, value in key.items())


def key_history(out: Console, shape: Shape, found: KeyHistory) -> None:
    """One key: its versions side by side, so that a long row stays readable, and its rows that fell out."""
    if not found.is_known:
        return
    out.print(f"[bold]{escape(found.source)}[/] {escape(found.named)}: {_coloured(found.state)}")
    for version in found.versions:
        until = _day(version.valid_to) if version.valid_to else "now"
        out.print(
            f"[bold]{_day(version.valid_from)} to {until}[/]  {version.change_type} by delivery"
            f" {version.delivery_sqn}, {escape(version.publisher_name or '')}"
        )
        for column in shape.others:
            mark = "[yellow]*[/]" if column.name in version.changed else " "
            out.print(f"  {mark} {escape(column.name)}: {escape(_value(version.values[column.name]))}")
        if version.ended_by_delivery_sqn is not None:
            out.print(
                f"    {version.end_type} by delivery {version.ended_by_delivery_sqn},"
                f" {escape(version.ended_by_publisher_name or '')}"
            )
    if any(version.changed for version in found.versions):
        out.print("[yellow]*[/] differs from the version before")
    for row in found.fallen_out:
        stale = "; history goes on saying what it said before" if row.is_stale else ""
        out.print(
            f"[yellow]fell out[/] {_day(row.delivery_date)}: delivery {row.delivery_sqn} ({row.status}),"
            f" {escape(row.publisher_name)}, line {row.line_number}: {escape(row.column_name)} ({row.rule})"
            f" {escape(quoted(row.value))}{stale}"
        )


def _value(value: Any) -> str:
    return "nothing" if value is None else shortened(str(value), LONGEST_ROW)


def dry_run(out: Console, decision: str, delivery_sqn: int, would: DryRunResult) -> None:
    """What a decision would do to history, and, where it judges anew, what the verdict would be."""
    if would.verdict is not None:
        out.print(
            f"By its rows as they are staged delivery {delivery_sqn} would be {_coloured(would.verdict)} today: "
            f"{escape(would.why or '')}"
        )
    out.print(f"{decision} {delivery_sqn}: {would.sentence} Nothing was changed.")
    for kind in (kind for kind in KINDS if would.sample.get(kind)):
        keys, count = would.sample[kind], getattr(would, kind)
        of = f", the first {len(keys)}" if len(keys) < count else ""
        out.print(f"[bold]{would.happening(kind)}[/]{of}:")
        for one in keys:
            out.print(
                f"  {escape(shortened(named_key(one.key)))} from {_day(datetime.fromisoformat(one.valid_from))}"
            )
    if any(would.sample.values()):
        out.print("[dim]headwater history SOURCE KEY shows all versions of one of these keys[/]")


def purged(out: Console, done: PurgeResult) -> None:
    """What raw and staging lost, or would lose."""
    if done.purged:
        table = _table(out, "source", "layer", "keep", "deliveries", "rows")
        for found in done.purged:
            counts = (found.keep, len(found.deliveries), found.row_count)
            table.add_row(found.source, found.layer, *map(_number, counts))
        out.print(table)
        out.print("Nothing was purged: a dry run." if done.is_dry_run else "S3 has them all.")
    else:
        out.print("nothing to purge")
    if done.keeping_all:
        out.print(f"{', '.join(done.keeping_all)}: all is kept, without keep_raw or keep_staging")
    for failure in done.failures:
        out.print(f"[red]failed[/] {escape(failure)}")


def result_as_dict(done: RunResult) -> dict[str, Any]:
    """A run for machines."""
    return {
        "run_id": done.run_id,
        "exit_code": done.exit_code,
        "sources": [{**asdict(source), "status": source.status} for source in done.sources],
        "failures": done.failures,
    }


def _table(out: Console, *columns: str) -> Table:
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
        ):  # of any length; nothing else is broken over two lines
            table.add_column(column, justify=justify, overflow="fold", ratio=1)
        else:
            table.add_column(column, justify=justify, no_wrap=True)
    return table


def _coloured(status: str) -> str:
    return f"[{COLOURS.get(status, 'default')}]{status}[/]"


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _day(moment: datetime | None) -> str:
    if moment is None:
        return ""
    return moment.strftime("%Y-%m-%d" if moment.time().isoformat() == "00:00:00" else "%Y-%m-%d %H:%M")


def _fell_out_of(row: Mapping[str, Any]) -> str:
    found: FallenOut | None = row["fallen_out"]
    return f"[yellow]{found.row_count:,}[/]" if found else "0"


def _layer_of(row: Mapping[str, Any], layer: str) -> str:
    """What a layer says of a delivery; of one that was accepted the checks do not have the last word."""
    decision = standing.decision_that_holds(row) if layer == "checks" else None
    if decision is not None and decision["event"] == "accepted":
        return "[yellow]accepted[/]"
    return _layer((row["layers"] or {}).get(layer))


def _layer(layer: Mapping[str, Any] | None) -> str:
    if layer is None:
        return "[dim]-[/]"
    if layer["status"] in ("purged", "recalled"):
        return f"[dim]{layer['status']}[/]"
    count = layer.get("record_count")
    text = _number(count) if count is not None else layer["status"]
    return f"[red]{text}[/]" if layer["status"] == "halted" else text


def airflow(out: Console, started: Airflow) -> None:
    """Where Airflow is, and who may come in."""
    out.print(
        f"Airflow is at [bold]{started.url}[/]; Ctrl-C stops it. All of its logs: {started.folder / 'logs'}"
    )
    for user, password in started.passwords.items():
        may = "may do everything" if user == "admin" else "may only look"
        out.print(f"  {user} / {password}  [dim]{may}[/]", highlight=False)


def airflow_line(out: Console, line: Line) -> None:
    """A line of Airflow's combined log, with the process that it is of in front."""
    name = f"[{AIRFLOW_COLOURS[line.component]}]{line.component:13}[/]"
    style = AIRFLOW_COLOURS.get(line.level)
    text = f"[{style}]{escape(line.text)}[/]" if style else escape(line.text)
    out.print(f"[dim]{line.at:8}[/] {name} {text}")
