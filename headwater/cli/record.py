"""Commands that show the record: `status`, `deliveries`, `quarantine`, `as-of`, `runs`, `log`, `history`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from headwater.cli.moments import Moment, moment
from headwater.cli.terminal import paragraph
from headwater.metadata.visible import in_line

if TYPE_CHECKING:
    from headwater.queries.key_history import Shape

from headwater.cli.app import (
    FAILED,
    MISUSE,
    AsJson,
    app,
    err,
    misuse,
    opened_project,
    out,
    print_json,
    require_job,
    require_known,
    say,
)

Limit = Annotated[
    int | None,
    typer.Option(min=0, help="How many rows; 0 for all. By default 20, and all with --csv and --json."),
]


AsCsv = Annotated[bool, typer.Option("--csv", help="Write CSV with every text unchanged.")]


ForSpreadsheet = Annotated[
    bool,
    typer.Option(
        "--spreadsheet",
        help="Write CSV for a spreadsheet: a ' before each cell that it would read as a formula.",
    ),
]


SHOWN = 20  # rows


def _parsed(text: str) -> Moment:
    try:
        return moment(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _moment_option(name: str, message: str) -> Any:
    """An option for a day (the whole day in UTC) or a moment."""
    return typer.Option(name, parser=_parsed, metavar="DAY|MOMENT", help=message)


@app.command(epilog="Example: headwater status --json")
def status(as_json: AsJson = False) -> None:
    """Show the status of each source, the decisions in effect, and the halts that wait for a decision."""
    from headwater.cli import render
    from headwater.pipeline.preparation import prepare
    from headwater.queries import status as source_status

    with opened_project() as project:
        catalog, engine = prepare(project)
        sources = source_status.sources(engine, catalog)
        deliveries = source_status.deliveries(engine, None)
        halted = [row for row in deliveries if row["status"] == "halted"]
        decided = [row for row in deliveries if source_status.decision_that_holds(row)]
        if as_json:
            print_json({"sources": sources, "halts": halted, "decided": decided})
        else:
            render.sources(out, sources)
            render.decisions_that_hold(out, decided)
            render.standing_halts(out, halted)


@app.command(epilog="Example: headwater deliveries airports --since 2026-06-01 --json")
def deliveries(
    source: Annotated[str | None, typer.Argument(help="One source; all by default.")] = None,
    since: Annotated[
        Moment | None,
        _moment_option("--since", "Only deliveries dated then or later; a day includes its start."),
    ] = None,
    until: Annotated[
        Moment | None, _moment_option("--until", "Only those dated then or before; of a day, to its end.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List deliveries in the order in which they apply: status, changes to history, decisions."""
    from headwater.cli import render
    from headwater.pipeline.preparation import prepare
    from headwater.queries import status as source_status

    with opened_project() as project:
        catalog, engine = prepare(project)
        require_known([source] if source else [], catalog)
        rows = [
            row
            for row in source_status.deliveries(engine, source)
            if (since is None or row["delivery_date"] >= since.first)
            and (until is None or row["delivery_date"] <= until.last)
        ]
        if as_json:
            print_json(rows)
        else:
            render.deliveries(out, rows)


@app.command(epilog="Example: headwater quarantine airports --rule type --csv > fell_out.csv")
def quarantine(
    source: Annotated[str, typer.Argument(help="The source.")],
    delivery: Annotated[
        int | None, typer.Option(metavar="SQN", help="Only rows of this delivery; by default of all.")
    ] = None,
    rule: Annotated[
        str | None, typer.Option(help="Only rows that broke this rule: type, null_key or duplicate_key.")
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="Only rows that broke a rule in this column (target name).")
    ] = None,
    is_current: Annotated[
        bool,
        typer.Option("--current", help="Only rows that leave a current key stale."),
    ] = False,
    limit: Limit = None,
    as_csv: AsCsv = False,
    for_spreadsheet: ForSpreadsheet = False,
    as_json: AsJson = False,
) -> None:
    """List the rows that fell out, newest delivery first: position, the value that broke a rule, the original row."""
    from headwater.cli import render_rows
    from headwater.pipeline.preparation import prepare
    from headwater.queries import quarantine as fell
    from headwater.queries.delivery_detail import source_of

    with opened_project() as project:
        catalog, engine = prepare(project)
        require_known([source], catalog)
        _require_one_of("rule", rule, fell.RULES)
        _require_one_of("column", column, [a.target_name for a in catalog.sources[source].attributes])
        if delivery is not None:
            with engine.connect() as connection:
                is_of_source = source_of(connection, delivery) == source
            if not is_of_source:
                misuse(
                    f"{source} has no delivery {delivery}. `headwater deliveries {source}` lists those that it has."
                )
        asked = fell.Asked(source, delivery, rule, column, is_current)
        is_for_machines = as_csv or for_spreadsheet or as_json
        shown = ((0 if is_for_machines else SHOWN) if limit is None else limit) or None
        if as_json:
            print_json(list(fell.rows(engine, asked, shown)))
        elif is_for_machines:
            fell.write_csv(sys.stdout, fell.rows(engine, asked, shown), for_spreadsheet=for_spreadsheet)
        else:
            render_rows.quarantine(out, fell.count_rows(engine, asked), list(fell.rows(engine, asked, shown)))


def _require_one_of(option: str, value: str | None, known: Sequence[str]) -> None:
    if value is not None and value not in known:
        err.print(
            f"Error: --{option} {value} is not known. Expected one of: {', '.join(known)}.",
            style="red",
            markup=False,
        )
        raise typer.Exit(MISUSE)


@app.command("as-of", epilog="Example: headwater as-of airports --on 2026-06-01 --known-at 2026-08-01")
def as_of(
    source: Annotated[str, typer.Argument(help="The source.")],
    on: Annotated[
        Moment, _moment_option("--on", "Of when to know the truth: the end of a day in UTC, or a moment.")
    ],
    known_at: Annotated[
        Moment | None,
        _moment_option(
            "--known-at", "By what was known then, at the end of a day or at a moment; by all by default."
        ),
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="Only this column, by our name; once for each.")
    ] = None,
    limit: Limit = None,
    as_csv: AsCsv = False,
    for_spreadsheet: ForSpreadsheet = False,
    as_json: AsJson = False,
) -> None:
    """Show what was true at the end of a day, or at a moment; with --known-at, as it was known at that other moment.

    Rows that are too wide for the screen are shown as blocks, one column per line.
    """
    from headwater.cli import render_rows
    from headwater.dbt_project.dbt import Dbt
    from headwater.pipeline.preparation import prepare
    from headwater.pipeline.purge import bring_back_known_at
    from headwater.queries import status as source_status
    from headwater.queries.quarantine import write_csv

    with opened_project() as project:
        catalog, engine = prepare(project)
        require_known([source], catalog)
        then = known_at.last if known_at else None
        if then:
            bring_back_known_at(project, source, then, say)
        dbt = Dbt(project.root, project.home, "as-of", sources=[source])
        is_for_machines = as_csv or for_spreadsheet or as_json
        shown = ((0 if is_for_machines else SHOWN) if limit is None else limit) or None
        found = source_status.rows_as_of(engine, dbt, source, on.last, then, shown)
        for name in column or ():
            _require_one_of("column", name, found.columns)
        columns = column or found.columns
        if as_json:
            print_json([{name: row[name] for name in columns} for row in found.rows])
        elif is_for_machines:
            write_csv(sys.stdout, found.rows, columns, for_spreadsheet=for_spreadsheet)
        else:
            render_rows.rows(out, source, on, found, column)


@app.command(epilog="Example: headwater runs airports --limit 5")
def runs(
    job: Annotated[str | None, typer.Argument(help="One job; all by default.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many runs; 0 for all.")] = SHOWN,
    as_json: AsJson = False,
) -> None:
    """List the latest runs: job, purpose, start, duration, outcome, last error."""
    from headwater.cli import render_runs
    from headwater.pipeline.preparation import prepare
    from headwater.queries import runs as on_record

    with opened_project() as project:
        catalog, engine = prepare(project)
        with engine.connect() as connection:
            if job is not None:
                require_job(job, on_record.known_jobs(connection, catalog), catalog)
            found = on_record.latest(connection, job, limit or None)
        print_json(found) if as_json else render_runs.runs(out, found)


@app.command(epilog="Example: headwater log 12 --level error")
def log(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The number of a run, or its run_id or how that begins.")
    ],
    job: Annotated[str | None, typer.Option(help="Only this job of the run.")] = None,
    level: Annotated[
        str, typer.Option(help="The lines from this level on: detail, information or error.")
    ] = "information",
    as_json: AsJson = False,
) -> None:
    """Show a recorded run: its tasks, the deliveries that it wrote, and its log. `headwater runs` lists the runs."""
    from headwater.cli import render_runs
    from headwater.pipeline.preparation import prepare
    from headwater.queries import runs as on_record

    with opened_project() as project:
        _require_one_of("level", level, on_record.LEVELS)
        _, engine = prepare(project)
        with engine.connect() as connection:
            found = [
                on_record.details(connection, one, level) for one in on_record.named(connection, run, job)
            ]
        if as_json:
            print_json(found)
        else:
            for one in found:
                render_runs.run(out, one)


@app.command(
    epilog="Example: headwater history airports LSZH, or headwater history fx_rates currency=CHF rate_date=2026-01-02"
)
def history(
    source: Annotated[str, typer.Argument(help="The source.")],
    key: Annotated[
        list[str],
        typer.Argument(
            help="The key: its values in the order of the key columns, or COLUMN=VALUE for each. After -- where one"
            " begins with a hyphen."
        ),
    ],
    as_csv: Annotated[bool, typer.Option("--csv", help="Write the versions as CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """List all versions of one key, the deliveries that opened and closed them, and its rows that fell out."""
    from headwater.cli import render_rows
    from headwater.pipeline.preparation import prepare
    from headwater.queries import key_history

    with opened_project() as project:
        catalog, engine = prepare(project)
        require_known([source], catalog)
        with engine.connect() as connection:
            shape = key_history.shape_of(connection, source)
            try:
                found = key_history.key_history(connection, shape, key_history.parse_key(shape, key))
            except key_history.KeyNotReadable as error:
                err.print(paragraph(f"Error: {error}"), style="red", markup=False)
                raise typer.Exit(MISUSE) from None
        if as_json:
            print_json({**asdict(found), "state": found.state})
        elif as_csv:
            key_history.write_csv(sys.stdout, shape, found)
        else:
            render_rows.key_history(out, shape, found)
        if not found.is_known:
            _say_unknown_key(found.named, shape)
        elif as_csv and found.fallen_out:
            say(f"{len(found.fallen_out)} of its rows fell out: headwater quarantine {source} lists them")


def _say_unknown_key(named: str, shape: Shape) -> NoReturn:
    err.print(
        paragraph(f"Error: neither the history nor the quarantine of {shape.source} has the key {in_line(named)}."
                  f" Its key is {shape.named_key}; letters are compared exactly."),
        style="red", markup=False,
    )  # fmt: skip
    raise typer.Exit(FAILED)
