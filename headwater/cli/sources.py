"""The command that adds a source: `new-source`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from headwater.cli.progress import bars
from headwater.cli.terminal import paragraph
from headwater.metadata.errors import NewSourceRefused
from headwater.metadata.visible import visible
from headwater.project import Project, find_project

if TYPE_CHECKING:
    from headwater.new_source.proposal import Proposal
    from headwater.new_source.remove_data import DataRemoval
    from headwater.pipeline.results import RunResult

from headwater.cli.app import (
    FAILED,
    MISUSE,
    AsJson,
    app,
    err,
    explained,
    opened_project,
    out,
    print_json,
    say,
)


# long: most of it are options with their help texts
@app.command(
    "new-source",
    epilog="Example: headwater new-source libraries --from libraries-2026-01-05.csv --key code --schedule monthly",
)
def new_source(
    name: Annotated[str, typer.Argument(help="Name of the source: in the seeds, the models and the tables.")],
    origin: Annotated[
        str,
        typer.Option(
            "--from",
            help="A file or a folder of files, the address of a file or of a page that links to files, or a"
            " connection of the seeds, of whatever type.",
        ),
    ],
    key: Annotated[
        list[str] | None,
        typer.Option(help="A key column, by its target or source name; repeatable, or separated by commas."),
    ] = None,
    delivery_type: Annotated[
        str | None,
        typer.Option(
            "--type", help="snapshot (default): each delivery contains everything; delta: only changes."
        ),
    ] = None,
    data_source: Annotated[
        str | None,
        typer.Option(help="The publisher: a new name, or a data source of seeds/data_source.csv."),
    ] = None,
    owner: Annotated[str | None, typer.Option(help="The owner of the source; by default the user.")] = None,
    schedule: Annotated[
        str | None,
        typer.Option(help="How often it is published: daily, monthly, irregular (default) …"),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=VALUE as in source_attribute.csv, such as header_line=4 or sheet=2; replaces a guess."
        ),
    ] = None,
    datatype: Annotated[
        list[str] | None, typer.Option(help="COLUMN=DATATYPE, such as zip=text; repeatable.")
    ] = None,
    format_: Annotated[
        list[str] | None,
        typer.Option("--format", help="COLUMN=FORMAT, such as day=MM/DD/YYYY; repeatable."),
    ] = None,
    incr_column: Annotated[
        str | None, typer.Option(help="The column of a table that says when a row changed.")
    ] = None,
    job: Annotated[
        str | None,
        typer.Option(help="The job that runs it, created if it is missing; by default a new one."),
    ] = None,
    is_yes: Annotated[
        bool,
        typer.Option(
            "--yes", help="Ask nothing: accept the proposal if no guess in it could lose or change data."
        ),
    ] = False,
    accepts_doubts: Annotated[
        bool,
        typer.Option(
            "--accept-doubts",
            help="Ask nothing: accept every guess, also those that could lose or change data.",
        ),
    ] = False,
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the proposal.")] = False,
    as_json: AsJson = False,
) -> None:
    """Sample a file, propose a source, write its metadata and models, and load it into history.

    Overwrites nothing. In a terminal the command asks about doubts; elsewhere, and with --yes, a guess that
    could lose or change data ends the command with exit code 2 and names the flag that settles it.
    """
    from headwater.cli import render_new_source
    from headwater.new_source import begin
    from headwater.new_source.remove_data import data_before
    from headwater.new_source.write import write

    try:
        given = begin.Given(
            key=[name.strip() for listed in key or [] for name in listed.split(",")],
            delivery_type=delivery_type,
            data_source=data_source,
            owner=owner,
            schedule=schedule,
            incr_column=incr_column,
            job=job,
            options=begin.parse_options(option or []),
            datatypes=begin.parse_pairs(datatype or [], "--datatype", "COLUMN=DATATYPE, such as zip=text"),
            formats=begin.parse_pairs(format_ or [], "--format", "COLUMN=FORMAT, such as day=MM/DD/YYYY"),
        )
    except NewSourceRefused as error:
        err.print(paragraph(f"Error: {error}"), style="red", markup=False)
        raise typer.Exit(MISUSE) from None
    with explained():
        project = find_project()
        is_asked = _is_terminal() and not (is_yes or accepts_doubts or as_json or is_dry_run)
        ask = _ask if is_asked else None
        proposal = begin.prepare_proposal(
            project,
            name,
            origin,
            given,
            ask,
            say,
            lambda proposed: render_new_source.proposal(out, proposed),
        )
        if not as_json:
            render_new_source.proposal(out, proposal)
        if is_dry_run:
            print_json(render_new_source.as_dict(proposal)) if as_json else None
            return
        begin.require_key(proposal)
        if not accepts_doubts:
            _require_no_harm(proposal, as_json)
        if is_asked and not typer.confirm("Write this and load it?", default=True, err=True):
            err.print("Nothing was written.")
            return
    with opened_project() as project:
        before = data_before(project, name)
        written = [path.relative_to(project.root) for path in write(project, proposal)]
        if not as_json:
            out.print(f"wrote {', '.join(map(str, written))}", markup=False)
        listed = {"proposal": render_new_source.as_dict(proposal), "written": written}
        result, rows = _load_or_take_back(project, name, before)
        _show_first(name, result, rows, as_json, listed)


def _require_no_harm(proposal: Proposal, as_json: bool) -> None:
    """Exit if the proposal contains an unsettled guess that could lose or change data."""
    from headwater.cli import render_new_source
    from headwater.new_source import begin

    try:
        begin.require_no_harm(proposal)
    except NewSourceRefused as error:
        if as_json:
            print_json({"proposal": render_new_source.as_dict(proposal), "written": []})
        err.print(f"Error: {error}", style="red", markup=False)
        raise typer.Exit(MISUSE) from None


def _load_or_take_back(
    project: Project, name: str, before: DataRemoval
) -> tuple[RunResult, list[dict[str, Any]]]:
    """Load the first deliveries; if that fails, nothing of the source is left that was not there before."""
    if not before.is_empty:
        say(
            f"{name}: there is data of a source of this name, which was removed without it; it goes on from there"
        )
    try:
        result, rows = _load_first(project, name)
    except BaseException:
        _take_back(project, name, before)
        raise
    if result.exit_code == FAILED:
        _take_back(project, name, before)
    elif result.exit_code:
        _say_how_to_regret(name, sum(one.loaded for one in result.sources))
    return result, rows


def _take_back(project: Project, name: str, before: DataRemoval) -> None:
    """Remove what was written and loaded of a source whose first load failed, and say so."""
    from headwater.new_source.remove_data import take_back

    left = take_back(project, name, before)
    err.print(
        f"{name} could not be loaded, and was taken back: seeds/ and models/ are as before.", style="yellow"
    )
    if left:
        err.print(paragraph(f"What is loaded of it stays: {left}"), style="yellow", markup=False)


def _say_how_to_regret(name: str, historized: int) -> None:
    in_history = "it is not"
    if historized:
        in_history = "one of its deliveries is" if historized == 1 else f"{historized} of its deliveries are"
    err.print(
        f"The rows and models of {name} are written, and {in_history} in history. Mend it and run headwater run {name},"
        f" or take it away: headwater remove-source {name}",
        style="yellow", markup=False,
    )  # fmt: skip


def _load_first(project: Project, name: str) -> tuple[RunResult, list[dict[str, Any]]]:
    """Load the first deliveries of a new source and return the result."""
    from headwater.pipeline.preparation import prepare
    from headwater.pipeline.runners.sources import run as run_sources
    from headwater.queries import status as source_status

    with bars(err):
        result = run_sources(project, [name], say)
    return result, source_status.deliveries(prepare(project)[1], name)


def _show_first(
    name: str, result: RunResult, rows: list[dict[str, Any]], as_json: bool, facts: dict[str, Any]
) -> NoReturn:
    """Print the first deliveries of a new source, and where to look."""
    from headwater.cli import render

    if as_json:
        print_json({**facts, **render.result_as_dict(result), "deliveries": rows})
    else:
        render.result(out, result)
        if result.exit_code == FAILED:
            raise typer.Exit(FAILED)
        render.deliveries(out, rows)
        out.print(f"history:   select * from historical.{name} (headwater env tells psql where)")
        out.print("pages:     headwater docs writes them and prints their address")
        out.print(f"mended:    edit its rows in seeds/, then headwater generate and headwater rebuild {name}")
        out.print(f"regretted: headwater remove-source {name}")
    raise typer.Exit(result.exit_code)


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _ask(question: str, usual: str, answers: Sequence[str]) -> str:
    """Ask in the terminal until the answer is valid."""
    choices = f" ({', '.join(answers)})" if answers else ""
    while True:
        answer: str = typer.prompt(visible(f"{question}{choices}"), default=usual, err=True)
        if not answers or answer in answers:
            return answer
        err.print(f"Expected one of {', '.join(answers)}.", style="yellow", markup=False)
