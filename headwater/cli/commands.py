"""The `headwater` command."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from headwater.cli import render
from headwater.cli.moments import Moment, moment
from headwater.cli.terminal import Terminal, paragraph
from headwater.metadata.errors import HeadwaterError, MetadataInvalid, NewSourceRefused
from headwater.metadata.failures import failure_of, trace_of
from headwater.metadata.redaction import redact
from headwater.metadata.static.naming import nearest
from headwater.metadata.visible import in_line, visible, visible_json
from headwater.pipeline.traces import keep_trace
from headwater.project import Project, find_project

if TYPE_CHECKING:
    from headwater.metadata.static.model import Catalog
    from headwater.new_source.proposal import Proposal
    from headwater.pipeline.run import RunResult, Say
    from headwater.queries.key_history import Shape

app = typer.Typer(
    help="Turns sources that change over time into a history you can trust.",
    epilog="Example: headwater run airports && headwater deliveries airports",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# where nobody looks at a screen, a table needs no screen's width
WIDTH = None if sys.stdout.isatty() else 200
out = Terminal(width=WIDTH)
err = Terminal(stderr=True)

AtOnce = Annotated[
    int | None,
    typer.Option(
        "--parallel",
        min=1,
        help="Sources, and models of dbt, at once. By default two for each core and four at most, or"
        " HEADWATER_THREADS.",
        show_default=False,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(min=0, help="How many rows; 0 for all. By default 20, and all with --csv and --json."),
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Write CSV, every text exactly as it is.")]
ForSpreadsheet = Annotated[
    bool, typer.Option("--spreadsheet", help="Write CSV in which a ' keeps cells from being formulas.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of a table.")]
FAILED, MISUSE, HALTED = 1, 2, 3
SHOWN = 20  # rows


def _parsed(text: str) -> Moment:
    try:
        return moment(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _moment_option(name: str, message: str) -> Any:
    """An option that takes a day, which is the whole day in UTC, or a moment."""
    return typer.Option(name, parser=_parsed, metavar="DAY|MOMENT", help=message)


@contextmanager
def _explained() -> Iterator[None]:
    """What a person can act on is said in red, without a stack trace; the exit code tells it apart."""
    try:
        yield
    except MetadataInvalid as error:
        err.print(str(error), style="red", markup=False)
        _say_what_is_unfinished()
        raise typer.Exit(FAILED) from None
    except HeadwaterError as error:
        err.print(paragraph(f"Error: {error}"), style="red", markup=False)
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        err.print("Interrupted. The next run takes up what was left.", style="yellow")
        raise typer.Exit(FAILED) from None
    except (typer.Exit, typer.BadParameter):
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is, a person gets a sentence
        err.print(f"Error: {failure_of(error)}", style="red", markup=False)
        if not _is_trace_kept(error):
            err.print(trace_of(error), markup=False)
        raise typer.Exit(FAILED) from None


def _is_trace_kept(error: Exception) -> bool:
    """Keep the stack trace of an error for whoever mends it; False where there is no file for it."""
    try:
        home = find_project().home
    except HeadwaterError:
        return False
    return keep_trace(home, f"headwater {shlex.join(sys.argv[1:])}", trace_of(error))


def _say_what_is_unfinished() -> None:
    """Say of which source a killed command left a half: it may be why the metadata break a rule."""
    from headwater.new_source.write import unfinished

    if half := unfinished(find_project()):
        err.print(half, style="yellow", markup=False)


def _say(line: str) -> None:
    err.print(in_line(redact(line)), style="dim", markup=False)


@contextmanager
def _project() -> Iterator[Project]:
    """The project, with its servers up: the embedded ones are started or found."""
    from headwater.services import ensure_up

    with _explained():
        project = find_project()
        if str(project.root) not in sys.path:  # last: functions of the project's own, as in Airflow
            sys.path.append(str(project.root))
        for service in ensure_up(project.root).services:
            if service.is_started:
                _say(f"started the embedded {service.name} at {service.address}")
        yield project


@app.command(epilog="Example: headwater run airports fx_rates --parallel 2")
def run(
    source: Annotated[
        list[str] | None, typer.Argument(help="Sources to run; all active ones by default.")
    ] = None,
    job: Annotated[
        list[str] | None,
        typer.Option(
            "--job",
            help="Run a whole job instead, as its DAG in Airflow does: its steps in their order, scripts and callables"
            " too, then the jobs that come after it. Once for each job.",
        ),
    ] = None,
    is_full_load: Annotated[
        bool | None,
        typer.Option("--full-load/--no-full-load", help="With --job: in place of the job's is_full_load."),
    ] = None,
    del_temp_data: Annotated[
        bool | None,
        typer.Option(
            "--del-temp-data/--keep-temp-data", help="With --job: in place of the job's del_temp_data."
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="With --job: whether jobs with after_job follow.")
    ] = True,
    at_once: AtOnce = None,
    as_json: AsJson = False,
) -> None:
    """Bring what is new from the publishers to history, by source or by job.

    Exit code 3: something halted; 1: something failed.
    """
    from headwater.pipeline.run import run as run_sources

    if not job:
        if is_full_load is not None or del_temp_data is not None or not follow:
            _misuse(
                "--full-load, --del-temp-data and --no-follow are of a job, expected --job NAME with them."
            )
        _on_sources(run_sources, source or [], at_once, as_json)
    elif source or at_once is not None:
        _misuse(
            "--job goes without names of sources and --parallel: the job's steps say what it works on, and its"
            " max_parallel how many of them run at once."
        )
    else:
        facts = {"is_full_load": is_full_load, "del_temp_data": del_temp_data}
        overrides = {name: value for name, value in facts.items() if value is not None}
        _on_jobs(job, overrides, as_json, follow=follow)


@app.command(epilog="Example: headwater demo")
def demo() -> None:
    """Fetch the demo's real data, run it to history, and say what to look at."""
    from headwater.demo import prepare as prepare_demo
    from headwater.demo.producer import replay as replay_departures
    from headwater.docs import build_docs
    from headwater.pipeline.run import prepare
    from headwater.pipeline.run import run as run_sources
    from headwater.services import make_home

    with _explained():
        prepare_demo(make_home(find_project().root), _say)
    with _project() as project:
        replay_departures()
        result = run_sources(project, [], _say)
        catalog, engine = prepare(project)
        page = build_docs(project.root, project.home, _say)
        is_as_expected = render.demo(out, result, engine, catalog, page)
        raise typer.Exit(0 if is_as_expected else result.exit_code or FAILED)


@app.command(epilog="Example: headwater status --json")
def status(as_json: AsJson = False) -> None:
    """Where each source stands, with the decisions that hold and the halts that wait for one."""
    from headwater.pipeline.run import prepare
    from headwater.queries import status as standing

    with _project() as project:
        catalog, engine = prepare(project)
        sources = standing.sources(engine, catalog)
        deliveries = standing.deliveries(engine, None)
        halted = [row for row in deliveries if row["status"] == "halted"]
        decided = [row for row in deliveries if standing.decision_that_holds(row)]
        if as_json:
            _print_json({"sources": sources, "halts": halted, "decided": decided})
        else:
            render.sources(out, sources)
            render.decisions_that_hold(out, decided)
            render.standing_halts(out, halted)


@app.command(epilog="Example: headwater deliveries airports --since 2026-06-01 --json")
def deliveries(
    source: Annotated[str | None, typer.Argument(help="One source; all by default.")] = None,
    since: Annotated[
        Moment | None, _moment_option("--since", "Only those dated then or later; of a day, from its start.")
    ] = None,
    until: Annotated[
        Moment | None, _moment_option("--until", "Only those dated then or before; of a day, to its end.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Every delivery, in the order in which they apply: its status, what it did to history, what was decided of it."""
    from headwater.pipeline.run import prepare
    from headwater.queries import status as standing

    with _project() as project:
        catalog, engine = prepare(project)
        _require_known([source] if source else [], catalog)
        rows = [
            row
            for row in standing.deliveries(engine, source)
            if (since is None or row["delivery_date"] >= since.first)
            and (until is None or row["delivery_date"] <= until.last)
        ]
        if as_json:
            _print_json(rows)
        else:
            render.deliveries(out, rows)


@app.command(epilog="Example: headwater quarantine airports --rule type --csv > fell_out.csv")
def quarantine(
    source: Annotated[str, typer.Argument(help="The source.")],
    delivery: Annotated[
        int | None, typer.Option(metavar="SQN", help="Only rows of one delivery; by default of all.")
    ] = None,
    rule: Annotated[
        str | None, typer.Option(help="Only rows that broke this rule: type, null_key or duplicate_key.")
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="Only rows that broke a rule in this column, by our name.")
    ] = None,
    is_current: Annotated[
        bool,
        typer.Option(
            "--current", help="Only rows of keys about which history goes on saying what it said before."
        ),
    ] = False,
    limit: Limit = None,
    as_csv: AsCsv = False,
    for_spreadsheet: ForSpreadsheet = False,
    as_json: AsJson = False,
) -> None:
    """List the rows that fell out, the newest delivery's first: where each is, the value that broke a rule, the row."""
    from headwater.pipeline.run import prepare
    from headwater.queries import quarantine as fell
    from headwater.queries.delivery_detail import source_of

    with _project() as project:
        catalog, engine = prepare(project)
        _require_known([source], catalog)
        _require_one_of("rule", rule, fell.RULES)
        _require_one_of("column", column, [a.target_name for a in catalog.sources[source].attributes])
        if delivery is not None:
            with engine.connect() as connection:
                is_of_source = source_of(connection, delivery) == source
            if not is_of_source:
                _misuse(
                    f"{source} has no delivery {delivery}. `headwater deliveries {source}` lists those that it has."
                )
        asked = fell.Asked(source, delivery, rule, column, is_current)
        is_for_machines = as_csv or for_spreadsheet or as_json
        shown = ((0 if is_for_machines else SHOWN) if limit is None else limit) or None
        if as_json:
            _print_json(list(fell.rows(engine, asked, shown)))
        elif is_for_machines:
            fell.write_csv(sys.stdout, fell.rows(engine, asked, shown), for_spreadsheet=for_spreadsheet)
        else:
            render.quarantine(out, fell.count_rows(engine, asked), list(fell.rows(engine, asked, shown)))


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
    """What was true at the end of a day, or at a moment; or what we believed, at another, to have been true then.

    Rows too wide for the screen are shown as blocks, a column a line.
    """
    from headwater.dbt_project.dbt import Dbt
    from headwater.pipeline.purge import bring_back_known_at
    from headwater.pipeline.run import prepare
    from headwater.queries import status as standing
    from headwater.queries.quarantine import write_csv

    with _project() as project:
        catalog, engine = prepare(project)
        _require_known([source], catalog)
        then = known_at.last if known_at else None
        if then:
            bring_back_known_at(project, source, then, _say)
        dbt = Dbt(project.root, project.home, "as-of", sources=[source])
        is_for_machines = as_csv or for_spreadsheet or as_json
        shown = ((0 if is_for_machines else SHOWN) if limit is None else limit) or None
        found = standing.rows_as_of(engine, dbt, source, on.last, then, shown)
        for name in column or ():
            _require_one_of("column", name, found.columns)
        columns = column or found.columns
        if as_json:
            _print_json([{name: row[name] for name in columns} for row in found.rows])
        elif is_for_machines:
            write_csv(sys.stdout, found.rows, columns, for_spreadsheet=for_spreadsheet)
        else:
            render.rows(out, source, on, found, column)


@app.command(epilog="Example: headwater runs airports --limit 5")
def runs(
    job: Annotated[str | None, typer.Argument(help="One job; all by default.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many runs; 0 for all.")] = SHOWN,
    as_json: AsJson = False,
) -> None:
    """The latest runs: of which job, what for, when, how long, how each ended and its last error."""
    from headwater.pipeline.run import prepare
    from headwater.queries import runs as on_record

    with _project() as project:
        catalog, engine = prepare(project)
        with engine.connect() as connection:
            if job is not None:
                _require_job(job, on_record.known_jobs(connection, catalog), catalog)
            found = on_record.latest(connection, job, limit or None)
        _print_json(found) if as_json else render.runs(out, found)


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
    """A run on record: its tasks, the deliveries that it wrote, and its log. `headwater runs` lists the runs."""
    from headwater.pipeline.run import prepare
    from headwater.queries import runs as on_record

    with _project() as project:
        _require_one_of("level", level, on_record.LEVELS)
        _, engine = prepare(project)
        with engine.connect() as connection:
            found = [
                on_record.details(connection, one, level) for one in on_record.named(connection, run, job)
            ]
        if as_json:
            _print_json(found)
        else:
            for one in found:
                render.run(out, one)


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
    """Show all versions of one key, the deliveries that opened and closed them, and rows of it that fell out."""
    from headwater.pipeline.run import prepare
    from headwater.queries import key_history

    with _project() as project:
        catalog, engine = prepare(project)
        _require_known([source], catalog)
        with engine.connect() as connection:
            shape = key_history.shape_of(connection, source)
            try:
                found = key_history.key_history(connection, shape, key_history.parse_key(shape, key))
            except key_history.KeyNotReadable as error:
                err.print(paragraph(f"Error: {error}"), style="red", markup=False)
                raise typer.Exit(MISUSE) from None
        if as_json:
            _print_json({**asdict(found), "state": found.state})
        elif as_csv:
            key_history.write_csv(sys.stdout, shape, found)
        else:
            render.key_history(out, shape, found)
        if not found.is_known:
            _say_unknown_key(found.named, shape)
        elif as_csv and found.fallen_out:
            _say(f"{len(found.fallen_out)} of its rows fell out: headwater quarantine {source} lists them")


def _say_unknown_key(named: str, shape: Shape) -> NoReturn:
    err.print(
        paragraph(f"Error: neither the history nor the quarantine of {shape.source} has the key {in_line(named)}."
                  f" Its key is {shape.named_key}; letters are compared exactly."),
        style="red", markup=False,
    )  # fmt: skip
    raise typer.Exit(FAILED)


Why = Annotated[str, typer.Option("--why", help="The reason, for the record.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what it would do to history.")]
Number = Annotated[
    int, typer.Argument(metavar="SQN", help="The delivery's number; `headwater deliveries` lists them.")
]


@app.command(epilog="Example: headwater check && headwater manifest")
def manifest() -> None:
    """Make what Airflow needs to show the jobs of seeds/: at set-up, at deploy, when there is a new job or source.

    Writes what is missing beside the models, as `headwater generate` does, and has dbt read the project. A running
    Airflow shows a new job within a minute. Where rows are broken, all else is made, and the exit code is 1.
    """
    from headwater.dbt_project.manifest_shards import make_ready

    with _explained():
        made = make_ready(project := find_project())
        for path in made.written:
            out.print(f"wrote {path.relative_to(project.root)}", markup=False)
        _say(f"wrote the manifests of {len(made.pieces) - 1} sources and of the marts")
        if made.problems:
            raise MetadataInvalid(made.problems)


@app.command(epilog='Example: headwater withdraw 12 --why "the publisher took it back" --dry-run')
def withdraw(sqn: Number, why: Why, is_dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Make history as if a delivery had never come."""
    _decide("withdraw", sqn, why, is_dry_run, as_json)


@app.command(epilog='Example: headwater restore 12 --why "it was right after all"')
def restore(sqn: Number, why: Why, is_dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Undo a withdrawal."""
    _decide("restore", sqn, why, is_dry_run, as_json)


@app.command(
    epilog='Example: headwater accept 30 --why "the last of the two hours will do" --check duplicate_keys'
)
def accept(
    sqn: Number,
    why: Why,
    check: Annotated[
        list[str] | None,
        typer.Option(
            help="A check that it failed, in spite of which it may pass; once for each. By default all."
        ),
    ] = None,
    is_dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let a halted delivery pass in spite of the checks that it failed. Of duplicate keys the last row wins."""
    _decide("accept", sqn, why, is_dry_run, as_json, despite=check or ())


@app.command(epilog='Example: headwater replay 30 --why "the key has the time zone now"')
def replay(sqn: Number, why: Why, is_dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Send a delivery through every layer again, from S3, and judge it again.

    With --dry-run today's checks judge its rows as they are staged. What a mended model or file format makes of
    them shows only when it is replayed.
    """
    _decide("replay", sqn, why, is_dry_run, as_json)


def _decide(
    decision: str, sqn: int, why: str, is_dry_run: bool, as_json: bool, *, despite: Sequence[str] = ()
) -> None:
    from headwater.pipeline import decide
    from headwater.pipeline.run import prepare
    from headwater.queries import status as standing

    with _project() as project:
        try:
            if is_dry_run:
                would = decide.dry_run(project, decision, sqn, _say, despite=despite)
                _print_json(asdict(would)) if as_json else render.dry_run(out, decision, sqn, would)
                return
            result = decide.decide(project, decision, sqn, why, _say, despite=despite)
        except decide.NotDecidable as error:
            err.print(paragraph(f"Error: {error}"), style="red", markup=False)
            raise typer.Exit(MISUSE) from None
        delivery = standing.delivery(prepare(project)[1], sqn)
        if as_json:
            _print_json({**render.result_as_dict(result), "delivery": delivery})
        else:
            render.decided(out, result, delivery)
        raise typer.Exit(result.exit_code)


@app.command(epilog="Example: headwater rebuild airports")
def rebuild(
    source: Annotated[
        list[str] | None, typer.Argument(help="Sources to rebuild; all active ones by default.")
    ] = None,
    at_once: AtOnce = None,
    as_json: AsJson = False,
) -> None:
    """Make raw, staging and history anew from S3 and the metadata. No publisher is asked; decisions stay."""
    from headwater.pipeline.rebuild import rebuild as rebuild_sources

    _on_sources(rebuild_sources, source or [], at_once, as_json)


@app.command(epilog="Example: headwater purge airports --dry-run")
def purge(
    source: Annotated[
        list[str] | None, typer.Argument(help="Sources to purge; all active ones by default.")
    ] = None,
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    at_once: AtOnce = None,
    as_json: AsJson = False,
) -> None:
    """Let raw and staging lose what history has, by keep_raw and keep_staging of each source, as every run does."""
    from headwater.metadata.static.read import read_catalog
    from headwater.pipeline.purge import purge as purge_sources

    with _project() as project:
        _require_known(source or [], read_catalog(project.seeds))
        done = purge_sources(project, source or [], _say, at_once, is_dry_run=is_dry_run)
        _print_json(asdict(done)) if as_json else render.purged(out, done)
        raise typer.Exit(FAILED if done.failures else 0)


def _on_sources(
    act: Callable[[Project, Sequence[str], Say, int | None], RunResult],
    names: list[str],
    at_once: int | None,
    as_json: bool,
) -> None:
    """Do something to the named sources, `at_once` of them side by side, show what it did, and exit as it went."""
    from headwater.metadata.static.read import read_catalog

    with _project() as project:
        _require_known(names, read_catalog(project.seeds))
        _show_and_exit(act(project, names, _say, at_once), as_json)


def _on_jobs(names: list[str], overrides: dict[str, bool], as_json: bool, *, follow: bool) -> None:
    """Run jobs, show how each one ended, and exit as they went."""
    from headwater.metadata.connection import engine
    from headwater.metadata.static.valid_subset import read_valid_catalog
    from headwater.pipeline.job_runner import exit_code, run_jobs
    from headwater.queries.runs import details, named

    with _project() as project:
        catalog, _ = read_valid_catalog(project.seeds)
        for name in names:
            _require_job(name, sorted(catalog.jobs), catalog)
        results = run_jobs(project, names, _say, overrides=overrides, follow=follow)
        with engine().connect() as connection:
            found = [
                details(connection, named(connection, result.run_id, result.job)[0], "error")
                for result in results
                if result.is_on_record
            ]
        if as_json:
            _print_json({"jobs": [asdict(result) for result in results], "runs": found})
        else:
            render.jobs(out, results, found)
        raise typer.Exit(exit_code(results))


def _show_and_exit(result: RunResult, as_json: bool) -> NoReturn:
    _print_json(render.result_as_dict(result)) if as_json else render.result(out, result)
    raise typer.Exit(result.exit_code)


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
        typer.Option(
            help="A column of the key, by our name or the publisher's; once for each, or with commas."
        ),
    ] = None,
    delivery_type: Annotated[
        str | None,
        typer.Option(
            "--type", help="snapshot: each delivery holds everything (the usual one); delta: what changed."
        ),
    ] = None,
    data_source: Annotated[
        str | None,
        typer.Option(help="Who publishes it: a new name, or a data source of seeds/data_source.csv."),
    ] = None,
    owner: Annotated[str | None, typer.Option(help="Who answers for it; by default the user.")] = None,
    schedule: Annotated[
        str | None,
        typer.Option(help="How often it is published: daily, monthly, irregular (the usual one) …"),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=VALUE as in source_attribute.csv, such as header_line=4 or sheet=2; not guessed at then."
        ),
    ] = None,
    datatype: Annotated[
        list[str] | None, typer.Option(help="COLUMN=DATATYPE, such as zip=text; once for each column.")
    ] = None,
    format_: Annotated[
        list[str] | None,
        typer.Option("--format", help="COLUMN=FORMAT, such as day=MM/DD/YYYY; once for each column."),
    ] = None,
    incr_column: Annotated[
        str | None, typer.Option(help="The column of a table that says when a row changed.")
    ] = None,
    job: Annotated[
        str | None,
        typer.Option(
            help="The job that runs it, which is made where it is missing; by default one of its own."
        ),
    ] = None,
    is_yes: Annotated[
        bool,
        typer.Option(
            "--yes", help="Ask nothing: take what is proposed, if no guess in it could lose or change data."
        ),
    ] = False,
    accepts_doubts: Annotated[
        bool, typer.Option("--accept-doubts", help="Ask nothing: take every guess, whatever it could cost.")
    ] = False,
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the proposal.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at a file, propose a source for it, write its metadata and models, and bring it to history.

    Nothing that is there is overwritten. In a terminal you are asked for what is in doubt; elsewhere, and with --yes,
    a guess that could lose or change data ends the command with exit code 2 and the flag that settles it.
    """
    from headwater.cli import render_new_source
    from headwater.new_source import begin
    from headwater.new_source.write import write

    try:
        given = begin.Given(
            key=[name.strip() for facts in key or [] for name in facts.split(",")],
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
    with _explained():
        project = find_project()
        is_asked = _is_terminal() and not (is_yes or accepts_doubts or as_json or is_dry_run)
        ask = _ask if is_asked else None
        proposal = begin.prepare_proposal(
            project,
            name,
            origin,
            given,
            ask,
            _say,
            lambda proposed: render_new_source.proposal(out, proposed),
        )
        if not as_json:
            render_new_source.proposal(out, proposal)
        if is_dry_run:
            _print_json(render_new_source.as_dict(proposal)) if as_json else None
            return
        begin.require_key(proposal)
        if not accepts_doubts:
            _require_no_harm(proposal, as_json)
        if is_asked and not typer.confirm("Write this and load it?", default=True, err=True):
            err.print("Nothing was written.")
            return
    with _project() as project:
        written = [path.relative_to(project.root) for path in write(project, proposal)]
        if not as_json:
            out.print(f"wrote {', '.join(map(str, written))}", markup=False)
        facts = {"proposal": render_new_source.as_dict(proposal), "written": written}
        is_loaded = False
        try:
            result, rows = _load_first(project, name)
            is_loaded = result.exit_code == 0
        finally:
            if not is_loaded:
                _say_how_to_regret(name)
        _show_first(name, result, rows, as_json, facts)


def _require_no_harm(proposal: Proposal, as_json: bool) -> None:
    """Exit where a guess that nobody settled could lose or change data."""
    from headwater.cli import render_new_source
    from headwater.new_source import begin

    try:
        begin.require_no_harm(proposal)
    except NewSourceRefused as error:
        if as_json:
            _print_json({"proposal": render_new_source.as_dict(proposal), "written": []})
        err.print(f"Error: {error}", style="red", markup=False)
        raise typer.Exit(MISUSE) from None


def _say_how_to_regret(name: str) -> None:
    err.print(
        f"The rows and models of {name} are written, and it is not in history. Mend it and run headwater run {name},"
        f" or take it away: headwater remove-source {name}",
        style="yellow", markup=False,
    )  # fmt: skip


@app.command("remove-source", epilog="Example: headwater remove-source libraries --dry-run")
def remove_source(
    name: Annotated[str, typer.Argument(help="Name of the source.")],
    is_yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take a source away again: its rows in seeds/ and its generated models. What it loaded stays.

    What another source uses stays, too, and nothing goes while a model, a job or a script needs the source.
    """
    from headwater.cli import render_new_source
    from headwater.new_source.remove import plan_removal, remove

    with _explained():
        project = find_project()
        removal = plan_removal(project, name)
        if as_json:
            _print_json(render_new_source.removal_as_dict(removal, project.root))
        else:
            render_new_source.removal(out, removal, project.root)
        if is_dry_run:
            return
        if not is_yes and (as_json or not _is_terminal()):
            err.print("Error: nobody can be asked here, expected --yes. Nothing was removed.", style="red")
            raise typer.Exit(MISUSE)
        if not is_yes and not typer.confirm("Take this away?", default=False, err=True):
            err.print("Nothing was removed.")
            return
        remove(project, removal)
        if not as_json:
            out.print(f"{name} is gone from seeds/ and models/.", markup=False)


def _load_first(project: Project, name: str) -> tuple[RunResult, list[dict[str, Any]]]:
    """The first deliveries of a new source, and what became of them."""
    from headwater.pipeline.run import prepare
    from headwater.pipeline.run import run as run_sources
    from headwater.queries import status as standing

    result = run_sources(project, [name], _say)
    return result, standing.deliveries(prepare(project)[1], name)


def _show_first(
    name: str, result: RunResult, rows: list[dict[str, Any]], as_json: bool, facts: dict[str, Any]
) -> NoReturn:
    """The first deliveries of a new source, and where to look."""
    if as_json:
        _print_json({**facts, **render.result_as_dict(result), "deliveries": rows})
    else:
        render.result(out, result)
        render.deliveries(out, rows)
        out.print(f"history:   select * from historical.{name} (headwater env tells psql where)")
        out.print("pages:     headwater docs writes them and prints their address")
        out.print(f"mended:    edit its rows in seeds/, then headwater generate and headwater rebuild {name}")
        out.print(f"regretted: headwater remove-source {name}")
    raise typer.Exit(result.exit_code)


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _ask(question: str, usual: str, answers: Sequence[str]) -> str:
    """Ask in the terminal until an answer may be given."""
    choices = f" ({', '.join(answers)})" if answers else ""
    while True:
        answer: str = typer.prompt(visible(f"{question}{choices}"), default=usual, err=True)
        if not answers or answer in answers:
            return answer
        err.print(f"Expected one of {', '.join(answers)}.", style="yellow", markup=False)


@app.command(epilog="Example: headwater check")
def check() -> None:
    """Check the static metadata in seeds/: every error at once, with file, line and what was expected."""
    from headwater.metadata.static.check import check as problems_of

    with _explained():
        problems = problems_of(find_project().seeds)
        for problem in problems:
            err.print(str(problem), style="red", markup=False)
        if problems:
            _say_what_is_unfinished()
            err.print(f"{len(problems)} error{'s' if len(problems) > 1 else ''}")
            raise typer.Exit(FAILED)
        out.print("seeds: all well")


@app.command(epilog="Example: headwater generate && git diff models")
def generate(
    is_check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when a file is stale.")
    ] = False,
) -> None:
    """Write what dbt needs of seeds/ beside the models. SQL that is there is never overwritten."""
    from headwater.dbt_project.generate import generated_files, stale_files, write_files
    from headwater.metadata.static.read import read_catalog

    with _explained():
        project = find_project()
        files = generated_files(read_catalog(project.seeds).sources.values(), project.models)
        stale = [file.path for file in stale_files(files)]
        if not is_check:
            write_files(files)
        for path in stale:
            out.print(f"{'stale' if is_check else 'wrote'} {path.relative_to(project.root)}", markup=False)
        if is_check and stale:
            err.print("Run `headwater generate` and commit what it writes.", style="red")
            raise typer.Exit(FAILED)
        if not stale:
            out.print("models: as the seeds say")


@app.command(epilog="Example: headwater docs")
def docs() -> None:
    """Write the documentation pages: dbt's, with lineage and every column; the Data Docs; an index of both."""
    from headwater.docs import build_docs
    from headwater.pipeline.run import prepare

    with _project() as project:
        prepare(project)
        out.print(f"file://{build_docs(project.root, project.home, _say)}", markup=False)


@app.command(epilog="Example: headwater up")
def up() -> None:
    """Start the embedded servers, or find them running."""
    from headwater.services import ensure_up

    with _explained():
        for service in ensure_up(find_project().root).services:
            how = "yours" if service.pid is None else "started" if service.is_started else "running"
            out.print(f"{service.name:10} {service.address:32} {how}", markup=False)


@app.command(epilog="Example: headwater down")
def down() -> None:
    """Stop the embedded servers. Their data stays."""
    from headwater.services import down as stop

    with _explained():
        stopped = stop(find_project().root)
        for service in stopped:
            out.print(f"stopped {service.name} (process {service.pid})", markup=False)
        if not stopped:
            out.print("nothing was running")


@app.command(epilog="Example: headwater airflow --port 8090")
def airflow(
    port: Annotated[
        int | None, typer.Option(help="Where its pages are; by default 8080, or another that is free.")
    ] = None,
    is_paused: Annotated[
        bool,
        typer.Option(
            "--paused", help="Leave jobs that are new to Airflow paused, until you let them run there."
        ),
    ] = False,
    is_verbose: Annotated[
        bool, typer.Option("--verbose", help="Show all of its logs, and let those of tasks hold all, too.")
    ] = False,
) -> None:
    """Run Airflow on the embedded servers until Ctrl-C: the jobs of seeds/ as DAGs.

    A job with a schedule that is new to it begins at once, with the run that was due last.
    """
    from headwater.dbt_project.manifest_shards import make_ready
    from headwater.demo import prepare as prepare_demo
    from headwater.metadata.static.valid_subset import read_valid_catalog
    from headwater.services import airflow_foreground, airflow_pools, make_home, wants_demo
    from headwater.services.airflow import Airflow, require_installed

    with _explained(), airflow_foreground.asked_to_end():
        require_installed()
        project = find_project()
        if wants_demo(project.root):
            prepare_demo(make_home(project.root), _say)
        _say("reading the models with dbt")
        try:
            for path in make_ready(project).written:
                _say(f"wrote {path.relative_to(project.root)}")
        except HeadwaterError as error:  # Airflow shows the jobs that it can, and what is wrong
            err.print(paragraph(f"Error: {error}"), style="red", markup=False)
        jobs = read_valid_catalog(project.seeds)[0].jobs.values()

        def ready(started: Airflow) -> None:
            render.airflow(out, started)
            pools = airflow_pools.wanted_by(jobs)
            airflow_pools.make_missing(started.url, "admin", started.passwords["admin"], pools, _say)

        try:
            airflow_foreground.run(
                project.root,
                port,
                say=_say,
                show=lambda line: render.airflow_line(out, line),
                ready=ready,
                scheduled=[job.name for job in jobs if job.is_active and job.schedule],
                is_paused=is_paused,
                is_verbose=is_verbose,
            )
        except airflow_foreground.AlreadyRunning as running:
            out.print(str(running), markup=False)


@app.command(epilog='Example: eval "$(headwater env)" && psql')
def env() -> None:
    """Print shell exports by which psql, dbt and aws find the servers."""
    from headwater.dbt_project.package import link_package
    from headwater.metadata.connection import session_options
    from headwater.services import ensure_up

    with _explained():
        project = find_project()
        link_package(project.root)  # for dbt by hand
        variables = dict(ensure_up(project.root).environment)
        variables |= {"PGOPTIONS": session_options(), "DBT_PROFILES_DIR": str(project.root / "profiles")}
        for name, value in variables.items():
            sys.stdout.write(f"export {name}={shlex.quote(value)}\n")


def _require_known(names: list[str], catalog: Catalog) -> None:
    """Exit unless all of these are sources; of what is a job or nearly a name, say so."""
    unknown = [name for name in names if name not in catalog.sources]
    if not unknown:
        return
    if jobs := [name for name in unknown if name in catalog.jobs]:
        _misuse("\n".join(_job_named_as_source(catalog, name) for name in jobs))
    meant = _meant(unknown[0], [*catalog.sources, *catalog.jobs], catalog)
    _misuse(f"no source {', '.join(unknown)}.{meant} Expected one of: {', '.join(sorted(catalog.sources))}.")


def _job_named_as_source(catalog: Catalog, name: str) -> str:
    from headwater.metadata.static.plan import plan, sources_of

    job = catalog.jobs[name]
    its = [source.name for source in sources_of(plan(catalog, job))]
    how = (
        f"It works on {', '.join(its)}: `headwater run {' '.join(its)}` brings them to history. All of its steps,"
        if its
        else "It works on no source. Its steps,"
    )
    return (
        f"no source {name}: that is a job. {how} scripts and callables included, are run by"
        f" `headwater run --job {name}`, and in Airflow by the DAG {name}."
    )


def _require_job(name: str, known: Sequence[str], catalog: Catalog) -> None:
    if name in known:
        return
    if name in catalog.sources:
        _misuse(f"no job {name}: that is a source, of the job {catalog.sources[name].job}.")
    meant = _meant(name, [*known, *catalog.sources], catalog)
    _misuse(f"no job {name}.{meant} Expected one of: {', '.join(known)}.")


def _meant(name: str, known: Sequence[str], catalog: Catalog) -> str:
    """What was probably meant, as a sentence with a blank in front; nothing where nobody can tell."""
    near = nearest(name, dict.fromkeys(known))
    if near is None:
        return ""
    return f" Did you mean {near}?" if near in catalog.sources else f" Did you mean the job {near}?"


def _misuse(message: str) -> NoReturn:
    err.print(paragraph(f"Error: {message}"), style="red", markup=False)
    raise typer.Exit(MISUSE)


def _print_json(value: Any) -> None:
    def plain(other: Any) -> Any:
        if is_dataclass(other) and not isinstance(other, type):
            return asdict(other)
        return other.isoformat() if isinstance(other, datetime) else str(other)

    sys.stdout.write(visible_json(_with_words(value), default=plain, indent=2) + "\n")


def _with_words(value: Any) -> Any:
    """A value of which JSON has no number, NaN or infinity, as the word for it."""
    if isinstance(value, float) and not isfinite(value):
        return str(Decimal(value))
    if isinstance(value, dict):
        return {name: _with_words(member) for name, member in value.items()}
    return [_with_words(member) for member in value] if isinstance(value, list | tuple) else value


if __name__ == "__main__":
    app()
