"""Recorded runs and job runs, rendered for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from rich.console import Console

from headwater.cli.tables import WIDE, coloured, day, new_table, number, second
from headwater.cli.terminal import escape

if TYPE_CHECKING:
    from headwater.pipeline.runners.jobs import JobResult


def jobs(out: Console, results: Sequence[JobResult], runs: Sequence[Mapping[str, Any]]) -> None:
    """Print how runs of jobs ended, one a line, then their last errors."""
    of_run = {run["run_id"]: run for run in runs}
    table = new_table(out, "run", "job", "tasks", "deliveries", "took", "status")
    for result in results:
        run = of_run.get(result.run_id)
        if run is None:
            table.add_row("", escape(result.job), "", "", "", coloured(result.status))
            continue
        tasks = [task for task in run["tasks"] if task["within_job_inst_task_id"] is None]
        table.add_row(
            str(run["job_inst_id"]), escape(result.job), number(len(tasks)), number(len(run["deliveries"])),
            _took(run), coloured(result.status),
        )  # fmt: skip
    out.print(table)
    for result in results:
        if result.error:
            out.print(f"[red]{result.status}[/] {escape(result.job)}: {escape(result.error)}")
    out.print("[dim]`headwater log RUN` shows one of them[/]")


def runs(out: Console, found: Sequence[Mapping[str, Any]]) -> None:
    """List runs, one per line, newest first; below them the last errors of failed and halted runs."""
    if not found:
        out.print("no runs yet: `headwater run` makes one")
        return
    is_wide = out.width >= WIDE
    by = ("by",) if is_wide else ()
    table = new_table(out, "run", "job", "kind", *by, "began (UTC)", "took", "status")
    for row in found:
        table.add_row(
            str(row["job_inst_id"]), escape(row["job"]), row["kind"].replace("_", " "),
            *([row["runner"]] if by else []),
            second(row["started_at"])[: None if is_wide else len("2026-11-28 14:30")],
            _took(row), coloured(row["status"]),
        )  # fmt: skip
    out.print(table)
    for row in found:
        if row["last_error"]:
            out.print(f"[red]run {row['job_inst_id']}[/] {escape(row['last_error'])}")
            _closed(out, row)
    out.print("[dim]`headwater log RUN` shows one of them[/]")


def run(out: Console, found: Mapping[str, Any]) -> None:
    """Print the details of a run: outcome, tasks, the deliveries whose layers it wrote, and its log."""
    steps = f", {found['etl_steps']}" if found["etl_steps"] else ""
    flags = "".join(f", {name}" for name in ("is_full_load", "del_temp_data") if found[name])
    out.print(
        f"[bold]run {found['job_inst_id']}[/] of {escape(found['job'])}: {coloured(found['status'])}"
        f" ({found['kind'].replace('_', ' ')}{steps}{flags}, by {found['runner']})"
    )
    out.print(f"run_id   {escape(found['run_id'])}")
    took = _took(found)
    out.print(f"began    {second(found['started_at'])} UTC{f', took {took}' if took else ''}")
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
    """Print why a run was closed from outside, unless its last error says so already."""
    if row["closed_why"] and row["closed_why"] != row["last_error"]:
        out.print(f"[yellow]closed[/]   {escape(row['closed_why'])}")


def _tasks(out: Console, tasks: Sequence[Mapping[str, Any]]) -> None:
    if not tasks:
        return
    more = ("seq", "deliveries") if out.width >= WIDE else ()
    table = new_table(out, "task", "etl", "source", *more, "took", "status")
    for task in tasks:
        index = "" if task["map_index"] is None else f"[{task['map_index']}]"
        tried = f" (try {task['try_number']})" if (task["try_number"] or 1) > 1 else ""
        counts = (task["step_seq"], len(task["delivery_sqns"] or ()) or None)
        table.add_row(
            f"{'  ' if task['within_job_inst_task_id'] else ''}{escape(task['task'] + index)}{tried}",
            task["etl_step"] or "", escape(task["source"] or ""), *(map(number, counts) if more else ()),
            _took(task), coloured(task["status"]),
        )  # fmt: skip
    out.print(table)


def _written(out: Console, deliveries: Sequence[Mapping[str, Any]]) -> None:
    if not deliveries:
        return
    table = new_table(out, "sqn", "source", "dated", "publisher's name", "wrote")
    for row in deliveries:
        table.add_row(
            str(row["delivery_sqn"]), row["source"], day(row["delivery_date"]), escape(row["publisher_name"]),
            ", ".join(row["layers"]),
        )  # fmt: skip
    out.print(table)


def _took(row: Mapping[str, Any]) -> str:
    """Return the duration of a run or a task; empty while it is running."""
    if row["ended_at"] is None:
        return ""
    seconds = (row["ended_at"] - row["started_at"]).total_seconds()
    if seconds < 60:
        return f"{max(seconds, 0):.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
