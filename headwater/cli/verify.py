"""The command `verify`: check all of history against the promises about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from headwater.cli.terminal import escape

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from headwater.queries.verify.findings import CheckOutcome, Finding, Report
    from headwater.queries.verify.verify import Progress

from headwater.cli.app import FAILED, AsJson, app, err, opened_project, out, print_json, require_known, say

_COLOURS = {"clean": "green", "unproven": "yellow", "damaged": "bold red"}


@app.command(epilog="Example: headwater verify airports --objects")
def verify(
    source: Annotated[list[str] | None, typer.Argument(help="Sources to verify; all by default.")] = None,
    reads_objects: Annotated[
        bool,
        typer.Option("--objects", help="Also read every object on S3, and compare its size and sha256."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check all of history: versions, ledger, events and archive, and history against the deliveries it is made of.

    Reads only, and runs beside loads. Exit code 1: damage was found. What cannot be proven is named, and is no damage.
    """
    from headwater.dbt_project.dbt import Dbt
    from headwater.extract.landing.store import ObjectStore
    from headwater.pipeline.model_code import ModelCode
    from headwater.pipeline.preparation import prepare
    from headwater.queries.verify.verify import Verification

    with opened_project() as project:
        catalog, engine = prepare(project)
        require_known(source or [], catalog)
        chosen = [catalog.sources[name] for name in dict.fromkeys(source or catalog.sources)]
        names = [one.name for one in chosen]
        with _progress(len(chosen)) as progress:
            report = Verification(
                engine, ObjectStore.from_environment(),
                Dbt(project.root, project.home, "verify", sources=names), ModelCode(engine, project),
                progress, reads_objects=reads_objects,
            ).run(chosen)  # fmt: skip
        print_json(report.as_dict()) if as_json else show(out, report)
        raise typer.Exit(0 if report.is_clean else FAILED)


class _Lines:
    """Progress without a terminal: a line for each theme of a source, and for each hundred objects."""

    def begin(self, source: str, theme: str) -> None:
        say(f"verify: {source}: {theme}")

    def count(self, number: int, total: int) -> None:
        if number % 100 == 0:
            say(f"verify: {number:,} of {total:,} objects")


class _Bar:
    """Progress in a terminal: a bar of the sources."""

    def __init__(self, bar: Bar, source_count: int) -> None:
        self._bar, self._task = bar, bar.add_task("verify", total=source_count)
        self._begun: dict[str, None] = {}
        self._now = ""

    def begin(self, source: str, theme: str) -> None:
        self._begun[source], self._now = None, f"{source}: {theme}"
        self._bar.update(self._task, description=self._now, completed=len(self._begun) - 1)

    def count(self, number: int, total: int) -> None:
        self._bar.update(self._task, description=f"{self._now} {number:,} of {total:,}")


@contextmanager
def _progress(source_count: int) -> Iterator[Progress]:
    """Show what is looked at."""
    if not err.is_terminal:
        yield _Lines()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with RichProgress(*columns, console=err, transient=True) as bar:
        yield _Bar(bar, source_count)


def show(to: Console, report: Report) -> None:
    """Print a line for each check, the findings below it, and a summary."""
    for outcome in report.outcomes:
        _outcome(to, outcome)
    _summary(to, report)


def _outcome(to: Console, outcome: CheckOutcome) -> None:
    status = f"[{_COLOURS[outcome.status]}]{outcome.status}[/]"
    to.print(f"{status} {escape(outcome.source)}: {outcome.check}: {escape(outcome.checked)}")
    for rule, count in outcome.counts.items():
        findings = [finding for finding in outcome.findings if finding.rule == rule]
        for finding in findings:
            _finding(to, finding)
        if count > len(findings):
            to.print(f"  {rule}: {count - len(findings):,} more")
    for message in outcome.unproven:
        to.print(f"  [yellow]not proven:[/] {escape(message)}")
    for message in outcome.notices:
        to.print(f"  [yellow]note:[/] {escape(message)}")


def _finding(to: Console, finding: Finding) -> None:
    to.print(f"  [bold]{finding.rule}[/]: {escape(finding.about)}")
    to.print(f"    expected: {escape(finding.expected)}")
    to.print(f"    found:    {escape(finding.found)}")
    to.print(f"    to do:    {escape(finding.action)}")


def _summary(to: Console, report: Report) -> None:
    sources = len({outcome.source for outcome in report.outcomes}) - 1  # less the one of no source
    checks = f"{len(report.outcomes):,} checks of {sources:,} {'source' if sources == 1 else 'sources'}"
    if report.is_clean:
        to.print(f"[green]No damage[/] in {checks}.")
    else:
        total = sum(outcome.total for outcome in report.damaged)
        where = ", ".join(dict.fromkeys(outcome.source for outcome in report.damaged))
        to.print(f"[bold red]Damage[/]: {total:,} in {checks}: {escape(where)}.")
    if report.unproven:
        where = ", ".join(dict.fromkeys(outcome.source for outcome in report.unproven))
        to.print(
            f"[yellow]Not proven[/]: {len(report.unproven)} of the checks, in part or whole: {escape(where)}."
        )
