"""Tables and sentences that the command prints for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from headwater.cli.tables import WIDE, coloured, day, new_table, number
from headwater.cli.terminal import escape
from headwater.dbt_project.dry_run import KINDS
from headwater.metadata.static.model import Catalog
from headwater.metadata.visible import shortened
from headwater.queries import status as source_status
from headwater.queries.key_history import named_key

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from headwater.dbt_project.dry_run import DryRunResult
    from headwater.pipeline.purge import PurgeResult
    from headwater.pipeline.results import RunResult
    from headwater.queries.fallen_out import FallenOut
    from headwater.queries.halts import Halt
    from headwater.services.airflow import Airflow
    from headwater.services.airflow_log import Line


FALLEN_OUT_SHOWN = 5  # deliveries


LAYERS = ("raw", "staging", "checks", "historical")


AIRFLOW_COLOURS = {
    "api-server": "magenta", "scheduler": "blue", "dag-processor": "yellow", "triggerer": "cyan",
    "warning": "yellow", "error": "red", "critical": "red",
}  # fmt: skip


# The delivery of the demo that halts on purpose, and the reason, so that users do not take it for a fault.
EXPECTED_HALT = ("flight_weather", "duplicate_keys")


def result(out: Console, done: RunResult) -> None:
    """Print the result of a run by source, then its halts and failures."""
    is_any_taken_out = any(source.taken_out for source in done.sources)
    has_any_fallen_out = any(source.fallen_out for source in done.sources)
    taken_out = ("taken out",) if is_any_taken_out else ()
    fell_out = ("fell out",) if has_any_fallen_out else ()
    table = new_table(out, "source", "landed", "into history", *taken_out, *fell_out, "halted", "status")
    for source in done.sources:
        counts = [
            source.landed,
            source.loaded,
            *([source.taken_out] if is_any_taken_out else []),
            *([source.fallen_out.row_count if source.fallen_out else 0] if has_any_fallen_out else []),
            len(source.halts),
        ]
        table.add_row(source.source, *map(str, counts), coloured(source.status))
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
    """Print the rows that fell out, in a few lines of which the first is highlighted."""
    first, *more = found.messages(source)
    out.print(f"[yellow]fell out[/] {escape(source)}: {escape(first)}")
    for message in more:
        out.print(f"         {escape(message)}")


def halts_of_run(out: Console, halts: Iterable[Halt]) -> None:
    """List each halted delivery with its failed checks and their findings."""
    for halt in halts:
        out.print(
            f"[bold red]halted[/] {escape(halt.source)}: delivery {halt.delivery_sqn}, "
            f"{escape(halt.publisher_name)}: {escape(halt.why)}"
        )


def sources(out: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the status of each source, with the warnings about its newest effective delivery."""
    table = new_table(
        out, "source", "deliveries", "pending", "halted", "versions", "current", "newest", "last run"
    )
    for row in rows:
        table.add_row(
            row["source"],
            number(row["deliveries"]),
            number(row["pending"]),
            f"[red]{row['halted']}[/]" if row["halted"] else "0",
            number(row["versions"]),
            number(row["current"]),
            day(row["last_delivery_date"]),
            coloured(row["last_run"] or "never"),
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
    """List deliveries that wait for a decision."""
    for row in rows:
        out.print(
            f"[bold red]halted[/] {escape(row['source'])}: delivery {row['delivery_sqn']}, "
            f"{escape(row['publisher_name'])}: {escape(row['why'] or '')}"
        )


def deliveries(out: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """List deliveries, one per line; show the row counts of the layers only if the screen is wide enough."""
    if not rows:
        out.print("no deliveries yet: `headwater run` fetches what publishers have")
        return
    layers = LAYERS if out.width >= WIDE else ()
    changes = ("new", "changed", "removed", "unchanged")
    is_one_source = len({row["source"] for row in rows}) == 1
    source = () if is_one_source else ("source",)
    has_any_fallen_out = any(row["fallen_out"] for row in rows)
    fell_out = ("fell out",) if has_any_fallen_out else ()
    left_out = ("left out",) if any(map(_left_out_of, rows)) else ()
    recognised = ("recognised",) if layers and any(map(_recognised_of, rows)) else ()
    table = new_table(
        out,
        "sqn",
        *source,
        "dated",
        "publisher's name",
        "status",
        *layers,
        *recognised,
        *fell_out,
        *left_out,
        *changes,
    )
    for row in rows:
        table.add_row(
            str(row["delivery_sqn"]),
            *(row[name] for name in source),
            day(row["delivery_date"]),
            escape(row["publisher_name"]),
            coloured(row["status"]),
            *(_layer_of(row, layer) for layer in layers),
            *(number(_recognised_of(row)) for _ in recognised),
            *([_fell_out_of(row)] if has_any_fallen_out else []),
            *(number(_left_out_of(row)) for _ in left_out),
            *(number(row[change]) for change in changes),
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
    """List deliveries whose status is due to a person's decision."""
    for row in rows:
        if (decision := source_status.decision_that_holds(row)) is not None:
            _decision(out, decision, row)


def decided(out: Console, done: RunResult, row: Mapping[str, Any]) -> None:
    """Print the result of the run after a decision, and the new status of the delivery."""
    result(out, done)
    is_said = row["delivery_sqn"] in {halt.delivery_sqn for halt in done.halts}
    why = f": {escape(row['why'] or '')}" if row["status"] == "halted" and not is_said else ""
    out.print(
        f"delivery {row['delivery_sqn']} of {escape(row['source'])}, {escape(row['publisher_name'])}, "
        f"is now {coloured(row['status'])}{why}"
    )


def _decision(out: Console, decision: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    """Return one line about a decision: the delivery, the failed checks, who, when and why."""
    despite = f", in spite of {escape(', '.join(decision['checks']))}" if decision["checks"] else ""
    when = datetime.fromisoformat(decision["event_at"]).astimezone(UTC)
    out.print(
        f"[yellow]{escape(decision['event'])}[/] {escape(row['source'])}: delivery {row['delivery_sqn']}, "
        f"{escape(row['publisher_name'])}{despite}: {escape(decision['who'])}, {when:%Y-%m-%d %H:%M}: "
        f"{escape(decision['why'])}"
    )


def demo(out: Console, done: RunResult, engine: Engine, catalog: Catalog, page: Path) -> bool:
    """Print the summary of the demo and where to look next; return whether it ended as expected."""
    if done.halts or done.failures:
        result(out, done)
    sources(out, source_status.sources(engine, catalog))
    halted = [row for row in source_status.deliveries(engine, None) if row["status"] == "halted"]
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


def dry_run(out: Console, decision: str, delivery_sqn: int, would: DryRunResult) -> None:
    """Print the effect of a decision on history, and the expected check result of a replay."""
    if would.verdict is not None:
        out.print(
            f"By its rows as they are staged delivery {delivery_sqn} would be {coloured(would.verdict)} today: "
            f"{escape(would.why or '')}"
        )
    out.print(f"{decision} {delivery_sqn}: {would.sentence} Nothing was changed.")
    for kind in (kind for kind in KINDS if would.sample.get(kind)):
        keys, count = would.sample[kind], getattr(would, kind)
        of = f", the first {len(keys)}" if len(keys) < count else ""
        out.print(f"[bold]{would.happening(kind)}[/]{of}:")
        for one in keys:
            out.print(
                f"  {escape(shortened(named_key(one.key)))} from {day(datetime.fromisoformat(one.valid_from))}"
            )
    if any(would.sample.values()):
        out.print("[dim]headwater history SOURCE KEY shows all versions of one of these keys[/]")


def purged(out: Console, done: PurgeResult) -> None:
    """Print the rows that raw and staging lost, or would lose."""
    if done.purged:
        table = new_table(out, "source", "layer", "keep", "deliveries", "rows")
        for found in done.purged:
            counts = (found.keep, len(found.deliveries), found.row_count)
            table.add_row(found.source, found.layer, *map(number, counts))
        out.print(table)
        out.print("Nothing was purged: a dry run." if done.is_dry_run else "S3 has them all.")
    else:
        out.print("nothing to purge")
    if done.keeping_all:
        out.print(f"{', '.join(done.keeping_all)}: all is kept, without keep_raw or keep_staging")
    for failure in done.failures:
        out.print(f"[red]failed[/] {escape(failure)}")


def result_as_dict(done: RunResult) -> dict[str, Any]:
    """Return the result of a run for JSON."""
    return {
        "run_id": done.run_id,
        "exit_code": done.exit_code,
        "sources": [{**asdict(source), "status": source.status} for source in done.sources],
        "failures": done.failures,
    }


def _fell_out_of(row: Mapping[str, Any]) -> str:
    found: FallenOut | None = row["fallen_out"]
    return f"[yellow]{found.row_count:,}[/]" if found else "0"


def _recognised_of(row: Mapping[str, Any]) -> int:
    """Return the number of rows of a delivery that say what was current, and were not staged."""
    return int((row["layers"] or {}).get("staging", {}).get("recognised_count") or 0)


def _left_out_of(row: Mapping[str, Any]) -> int:
    """Return how many rows of a delivery its models left out, before history and in it."""
    layers = (row["layers"] or {}).values()
    return sum(layer.get("left_out_count") or 0 for layer in layers)


def _layer_of(row: Mapping[str, Any], layer: str) -> str:
    """Return the status of a delivery in a layer; an acceptance overrides the checks."""
    decision = source_status.decision_that_holds(row) if layer == "checks" else None
    if decision is not None and decision["event"] == "accepted":
        return "[yellow]accepted[/]"
    return _layer((row["layers"] or {}).get(layer))


def _layer(layer: Mapping[str, Any] | None) -> str:
    if layer is None:
        return "[dim]-[/]"
    if layer["status"] in ("purged", "recalled"):
        return f"[dim]{layer['status']}[/]"
    count = layer.get("record_count")
    text = number(count) if count is not None else layer["status"]
    return f"[red]{text}[/]" if layer["status"] == "halted" else text


def airflow(out: Console, started: Airflow) -> None:
    """Print the address of Airflow and its users."""
    out.print(
        f"Airflow is at [bold]{started.url}[/]; Ctrl-C stops it. All of its logs: {started.folder / 'logs'}"
    )
    for user, password in started.passwords.items():
        may = "may do everything" if user == "admin" else "may only look"
        out.print(f"  {user} / {password}  [dim]{may}[/]", highlight=False)


def airflow_line(out: Console, line: Line) -> None:
    """Format a line of Airflow's combined log, with its process in front."""
    name = f"[{AIRFLOW_COLOURS[line.component]}]{line.component:13}[/]"
    style = AIRFLOW_COLOURS.get(line.level)
    text = f"[{style}]{escape(line.text)}[/]" if style else escape(line.text)
    out.print(f"[dim]{line.at:8}[/] {name} {text}")
