"""The `headwater` command."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from headwater import show
from headwater.project import Project, find_project
from metadata.errors import HeadwaterError, MetadataInvalid, NewSourceRefused
from metadata.redaction import redact, redacted_traceback

if TYPE_CHECKING:
    from headwater.run import RunResult, Say

app = typer.Typer(
    help="Turns sources that change over time into a history you can trust.",
    epilog="Example: headwater run airports && headwater deliveries airports",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# where nobody looks at a screen, a table needs no screen's width
WIDTH = None if sys.stdout.isatty() else 200
out = Console(highlight=False, soft_wrap=True, width=WIDTH)
err = Console(stderr=True, highlight=False, soft_wrap=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of a table.")]
FAILED, MISUSE, HALTED = 1, 2, 3
SHOWN = 20  # rows


@contextmanager
def _explained() -> Iterator[None]:
    """What a person can act on is said in red, without a stack trace; the exit code tells it apart."""
    try:
        yield
    except MetadataInvalid as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(FAILED) from None
    except HeadwaterError as error:
        err.print(f"Error: {error}", style="red", markup=False)
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        err.print("Interrupted. The next run takes up what was left.", style="yellow")
        raise typer.Exit(FAILED) from None
    except (typer.Exit, typer.BadParameter):
        raise
    except Exception as error:  # noqa: BLE001  # a bug of ours: its stack helps, its values may hold a secret
        err.print(redacted_traceback(error), markup=False, highlight=False)
        raise typer.Exit(FAILED) from None


def _say(line: str) -> None:
    err.print(redact(line), style="dim", markup=False)


@contextmanager
def _project() -> Iterator[Project]:
    """The project, with its servers up: the embedded ones are started or found."""
    from headwater.services import ensure_up

    with _explained():
        project = find_project()
        for service in ensure_up(project.root).services:
            if service.is_started:
                _say(f"started the embedded {service.name} at {service.address}")
        yield project


@app.command(epilog="Example: headwater run airports fx_rates")
def run(
    source: Annotated[
        list[str] | None, typer.Argument(help="Sources to run; all active ones by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring what is new from the publishers to history. Exit code 3: something halted; 1: something failed."""
    from headwater.run import run as run_sources

    _on_sources(run_sources, source or [], as_json)


@app.command(epilog="Example: headwater demo")
def demo() -> None:
    """Fetch the demo's real data, run it to history, and say what to look at."""
    from headwater.demo import prepare as prepare_demo
    from headwater.demo.producer import replay as replay_departures
    from headwater.docs import build_docs
    from headwater.run import prepare
    from headwater.run import run as run_sources
    from headwater.services import home

    with _explained():
        prepare_demo(home(find_project().root), _say)
    with _project() as project:
        replay_departures()
        result = run_sources(project, [], _say)
        catalog, engine = prepare(project)
        page = build_docs(project.root, project.home, _say)
        is_as_expected = show.demo(out, result, engine, catalog, page)
        raise typer.Exit(0 if is_as_expected else result.exit_code or FAILED)


@app.command(epilog="Example: headwater status --json")
def status(as_json: AsJson = False) -> None:
    """Where each source stands, with the decisions that hold and the halts that wait for one."""
    from headwater import standing
    from headwater.run import prepare

    with _project() as project:
        catalog, engine = prepare(project)
        sources = standing.sources(engine, catalog)
        deliveries = standing.deliveries(engine, None)
        halted = [row for row in deliveries if row["status"] == "halted"]
        decided = [row for row in deliveries if standing.decision_that_holds(row)]
        if as_json:
            _print_json({"sources": sources, "halts": halted, "decided": decided})
        else:
            show.sources(out, sources)
            show.decisions_that_hold(out, decided)
            show.standing_halts(out, halted)


@app.command(epilog="Example: headwater deliveries airports --json")
def deliveries(
    source: Annotated[str | None, typer.Argument(help="One source; all by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every delivery, in the order in which they apply: its status, what it did to history, what was decided of it."""
    from headwater import standing
    from headwater.run import prepare

    with _project() as project:
        catalog, engine = prepare(project)
        _require_known([source] if source else [], catalog.sources)
        rows = standing.deliveries(engine, source)
        if as_json:
            _print_json(rows)
        else:
            show.deliveries(out, rows)


@app.command("as-of", epilog="Example: headwater as-of airports --on 2026-06-01 --known-at 2026-08-01")
def as_of(
    source: Annotated[str, typer.Argument(help="The source.")],
    on: Annotated[
        datetime, typer.Option("--on", help="The day, or moment in UTC, of which to know the truth.")
    ],
    known_at: Annotated[
        datetime | None,
        typer.Option("--known-at", help="By what was known then; by all that is known by default."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, help="How many rows to show; 0 for all. By default 20, and all with --json."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What was true on a day; or what we believed, at a moment, to have been true on it."""
    from headwater import standing
    from headwater.dbt import Dbt
    from headwater.purge import bring_back_known_at
    from headwater.run import prepare

    with _project() as project:
        catalog, engine = prepare(project)
        _require_known([source], catalog.sources)
        then = _in_utc(known_at) if known_at else None
        if then:
            bring_back_known_at(project, source, then, _say)
        dbt = Dbt(project.root, project.home, "as-of", sources=[source])
        shown = (0 if as_json else SHOWN) if limit is None else limit
        total, rows = standing.rows_as_of(engine, dbt, source, _in_utc(on), then, shown or None)
        _print_json(rows) if as_json else show.rows(out, total, rows)


Why = Annotated[str, typer.Option("--why", help="The reason, for the record.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what it would do to history.")]
Number = Annotated[
    int, typer.Argument(metavar="SQN", help="The delivery's number; `headwater deliveries` lists them.")
]


@app.command(epilog="Example: headwater manifest && headwater airflow")
def manifest() -> None:
    """Have dbt read the project, for Airflow to show its models: at set-up, at deploy, when there is a new source."""
    from headwater.manifest import write_pieces

    with _explained():
        names = write_pieces(find_project())
        _say(f"wrote the manifests of {len(names) - 1} sources and of the marts")


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
    from headwater import decide, standing
    from headwater.run import prepare

    with _project() as project:
        try:
            if is_dry_run:
                would = decide.rehearse(project, decision, sqn, _say, despite=despite)
                _print_json(asdict(would)) if as_json else show.rehearsal(out, decision, sqn, would)
                return
            result = decide.decide(project, decision, sqn, why, _say, despite=despite)
        except decide.NotDecidable as error:
            err.print(f"Error: {error}", style="red", markup=False)
            raise typer.Exit(MISUSE) from None
        delivery = standing.delivery(prepare(project)[1], sqn)
        if as_json:
            _print_json({**show.result_as_dict(result), "delivery": delivery})
        else:
            show.decided(out, result, delivery)
        raise typer.Exit(result.exit_code)


@app.command(epilog="Example: headwater rebuild airports")
def rebuild(
    source: Annotated[
        list[str] | None, typer.Argument(help="Sources to rebuild; all active ones by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make raw, staging and history anew from S3 and the metadata. No publisher is asked; decisions stay."""
    from headwater.rebuild import rebuild as rebuild_sources

    _on_sources(rebuild_sources, source or [], as_json)


@app.command(epilog="Example: headwater purge airports --dry-run")
def purge(
    source: Annotated[
        list[str] | None, typer.Argument(help="Sources to purge; all active ones by default.")
    ] = None,
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let raw and staging lose what history has, by keep_raw and keep_staging of each source, as every run does."""
    from headwater.purge import purge as purge_sources
    from metadata.static.read import read_catalog

    with _project() as project:
        _require_known(source or [], read_catalog(project.seeds).sources)
        done = purge_sources(project, source or [], _say, is_dry_run=is_dry_run)
        _print_json(asdict(done)) if as_json else show.purged(out, done)
        raise typer.Exit(FAILED if done.failures else 0)


def _on_sources(
    act: Callable[[Project, Sequence[str], Say], RunResult], names: list[str], as_json: bool
) -> None:
    """Do something to the named sources, show what it did, and exit as it went."""
    from metadata.static.read import read_catalog

    with _project() as project:
        _require_known(names, read_catalog(project.seeds).sources)
        _show_and_exit(act(project, names, _say), as_json)


def _show_and_exit(result: RunResult, as_json: bool) -> NoReturn:
    _print_json(show.result_as_dict(result)) if as_json else show.result(out, result)
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
    is_yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: take what is proposed.")] = False,
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the proposal.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at a file, propose a source for it, write its metadata and models, and bring it to history.

    Nothing that is there is overwritten. In a terminal you are asked for what is in doubt.
    """
    from headwater.new_source import begin
    from headwater.new_source import show as show_new
    from headwater.new_source.write import write

    try:
        told = begin.Told(
            key=[name.strip() for said in key or [] for name in said.split(",")],
            delivery_type=delivery_type,
            data_source=data_source,
            owner=owner,
            schedule=schedule,
            options=begin.parse_options(option or []),
        )
    except NewSourceRefused as error:
        err.print(f"Error: {error}", style="red", markup=False)
        raise typer.Exit(MISUSE) from None
    with _explained():
        project = find_project()
        is_asked = _is_terminal() and not (is_yes or as_json or is_dry_run)
        ask = _ask if is_asked else None
        proposal = begin.prepare_proposal(
            project, name, origin, told, ask, _say, lambda proposed: show_new.proposal(out, proposed)
        )
        if not as_json:
            show_new.proposal(out, proposal)
        if is_dry_run:
            _print_json(show_new.as_dict(proposal)) if as_json else None
            return
        begin.require_key(proposal)
        if is_asked and not typer.confirm("Write this and load it?", default=True, err=True):
            err.print("Nothing was written.")
            return
    with _project() as project:
        written = [path.relative_to(project.root) for path in write(project, proposal)]
        if not as_json:
            out.print(f"wrote {', '.join(map(str, written))}", markup=False)
        _load_first(project, name, as_json, {"proposal": show_new.as_dict(proposal), "written": written})


def _load_first(project: Project, name: str, as_json: bool, said: dict[str, Any]) -> NoReturn:
    """The first deliveries of a new source, what became of them, and where to look."""
    from headwater import standing
    from headwater.run import prepare
    from headwater.run import run as run_sources

    result = run_sources(project, [name], _say)
    rows = standing.deliveries(prepare(project)[1], name)
    if as_json:
        _print_json({**said, **show.result_as_dict(result), "deliveries": rows})
    else:
        show.result(out, result)
        show.deliveries(out, rows)
        out.print(f"history: select * from historical.{name} (headwater env tells psql where)")
        out.print("pages:   headwater docs writes them and prints their address")
        out.print("mended:  edit its rows in seeds/, then headwater generate and headwater rebuild", end=" ")
        out.print(name)
    raise typer.Exit(result.exit_code)


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _ask(question: str, usual: str, answers: Sequence[str]) -> str:
    """Ask in the terminal until an answer may be given."""
    choices = f" ({', '.join(answers)})" if answers else ""
    while True:
        answer: str = typer.prompt(f"{question}{choices}", default=usual, err=True)
        if not answers or answer in answers:
            return answer
        err.print(f"Expected one of {', '.join(answers)}.", style="yellow", markup=False)


@app.command(epilog="Example: headwater check")
def check() -> None:
    """Check the static metadata in seeds/: every error at once, with file, line and what was expected."""
    from metadata.static.check import check as problems_of

    with _explained():
        problems = problems_of(find_project().seeds)
        for problem in problems:
            err.print(str(problem), style="red", markup=False)
        if problems:
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
    from headwater.generate import generated_files, stale_files, write_files
    from metadata.static.read import read_catalog

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
    from headwater.run import prepare

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
    is_verbose: Annotated[bool, typer.Option("--verbose", help="Show all of its logs.")] = False,
) -> None:
    """Run Airflow on the embedded servers until Ctrl-C: the jobs of seeds/ as DAGs."""
    from headwater.demo import prepare as prepare_demo
    from headwater.manifest import write_pieces
    from headwater.services import airflow_foreground, home, wants_demo
    from headwater.services.airflow import require_installed

    with _explained():
        require_installed()
        project = find_project()
        if wants_demo(project.root):
            prepare_demo(home(project.root), _say)
        _say("reading the models with dbt")
        try:
            write_pieces(project)
        except HeadwaterError as error:  # Airflow shows the jobs that it can, and what is wrong
            err.print(f"Error: {error}", style="red", markup=False)
        try:
            airflow_foreground.run(
                project.root,
                port,
                say=_say,
                show=lambda line: show.airflow_line(out, line),
                ready=lambda started: show.airflow(out, started),
                is_verbose=is_verbose,
            )
        except airflow_foreground.AlreadyRunning as running:
            out.print(str(running), markup=False)


@app.command(epilog='Example: eval "$(headwater env)" && psql')
def env() -> None:
    """Print shell exports by which psql, dbt and aws find the servers."""
    from headwater.services import ensure_up
    from metadata.connection import session_options

    with _explained():
        project = find_project()
        variables = dict(ensure_up(project.root).environment)
        variables |= {"PGOPTIONS": session_options(), "DBT_PROFILES_DIR": str(project.root / "profiles")}
        for name, value in variables.items():
            sys.stdout.write(f"export {name}={shlex.quote(value)}\n")


def _require_known(names: list[str], known: Any) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        err.print(
            f"Error: no source {', '.join(unknown)}. Expected one of: {', '.join(sorted(known))}.",
            style="red", markup=False,
        )  # fmt: skip
        raise typer.Exit(MISUSE)


def _in_utc(moment: datetime) -> datetime:
    """A moment without a time zone is meant in UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _print_json(value: Any) -> None:
    def plain(other: Any) -> str:
        return other.isoformat() if isinstance(other, datetime) else str(other)

    sys.stdout.write(json.dumps(value, default=plain, ensure_ascii=False, indent=2) + "\n")


if __name__ == "__main__":
    app()
