"""The Typer app: options that all commands share, and the way in which errors are shown."""

from __future__ import annotations

import os
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

import headwater
from headwater.cli.terminal import Terminal, paragraph
from headwater.garbage import search_seldom
from headwater.metadata.errors import HeadwaterError, MetadataInvalid
from headwater.metadata.redaction import redact
from headwater.metadata.static.naming import nearest
from headwater.metadata.visible import in_line, visible_json
from headwater.pipeline.traces import keep_trace
from headwater.project import Project, find_project

if TYPE_CHECKING:
    from headwater.metadata.static.model import Catalog


app = typer.Typer(
    epilog="Example: headwater run airports && headwater deliveries airports",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        sys.stdout.write(f"headwater {headwater.__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Turns sources that change over time into a history you can trust."""


# without a screen, a table is not limited to its width
WIDTH = None if sys.stdout.isatty() else 200


out = Terminal(width=WIDTH)


err = Terminal(stderr=True)


AtOnce = Annotated[
    int | None,
    typer.Option(
        "--parallel",
        min=1,
        help="How many sources, and dbt models, to process at once. By default two per core and at most four, or"
        " HEADWATER_THREADS.",
        show_default=False,
    ),
]


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of a table.")]


FAILED, MISUSE, HALTED = 1, 2, 3


@contextmanager
def explained() -> Iterator[None]:
    """Print an expected error in red, without a stack trace, and exit with the code of its kind."""
    try:
        yield
    except MetadataInvalid as error:
        err.print(str(error), style="red", markup=False)
        say_what_is_unfinished()
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
        from headwater.metadata.failures import failure_of, trace_of

        err.print(f"Error: {failure_of(error)}", style="red", markup=False)
        if not _is_trace_kept(error):
            err.print(trace_of(error), markup=False)
        raise typer.Exit(FAILED) from None


def _is_trace_kept(error: Exception) -> bool:
    """Write the stack trace of an error to the log of errors; return False if there is no file for it."""
    from headwater.metadata.failures import trace_of

    try:
        home = find_project().home
    except HeadwaterError:
        return False
    return keep_trace(home, f"headwater {shlex.join(sys.argv[1:])}", trace_of(error))


def say_what_is_unfinished() -> None:
    """Name the sources that a killed command left incomplete, which may be why the metadata break a rule."""
    from headwater.new_source.write import unfinished

    if half := unfinished(find_project()):
        err.print(half, style="yellow", markup=False)


def say(line: str) -> None:
    err.print(in_line(redact(line)), style="dim", markup=False)


@contextmanager
def opened_project(find: Callable[[], Project] = find_project) -> Iterator[Project]:
    """Open the project that `find` returns, and start or find its embedded servers."""
    from headwater.services import ensure_up

    search_seldom()
    with explained():
        project = find()
        # as in Airflow: connections of the seeds may name it
        os.environ["HEADWATER_PROJECT"] = str(project.root)
        if str(project.root) not in sys.path:
            # last, as in Airflow, so that modules of the project never hide a package
            sys.path.append(str(project.root))
        for service in ensure_up(project.root).services:
            if service.is_started:
                say(f"started the embedded {service.name} at {service.address}")
        yield project


def require_known(names: list[str], catalog: Catalog) -> None:
    """Exit unless all of these are sources; suggest similar names, and say if a name is that of a job."""
    unknown = [name for name in names if name not in catalog.sources]
    if not unknown:
        return
    if jobs := [name for name in unknown if name in catalog.jobs]:
        misuse("\n".join(_job_named_as_source(catalog, name) for name in jobs))
    meant = did_you_mean(unknown[0], [*catalog.sources, *catalog.jobs], catalog)
    known = ", ".join(sorted(catalog.sources)) or "none, since seeds/source.csv has no source"
    misuse(f"no source {', '.join(unknown)}.{meant} Expected one of: {known}.")


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


def require_job(name: str, known: Sequence[str], catalog: Catalog) -> None:
    if name in known:
        return
    if name in catalog.sources:
        misuse(f"no job {name}: that is a source, of the job {catalog.sources[name].job}.")
    meant = did_you_mean(name, [*known, *catalog.sources], catalog)
    misuse(f"no job {name}.{meant} Expected one of: {', '.join(known) or 'none, since there is no job'}.")


def did_you_mean(name: str, known: Sequence[str], catalog: Catalog) -> str:
    """Return a suggestion as a sentence with a leading blank; the empty text if no name is similar."""
    near = nearest(name, dict.fromkeys(known))
    if near is None:
        return ""
    return f" Did you mean {near}?" if near in catalog.sources else f" Did you mean the job {near}?"


def misuse(message: str) -> NoReturn:
    err.print(paragraph(f"Error: {message}"), style="red", markup=False)
    raise typer.Exit(MISUSE)


def print_json(value: Any) -> None:
    def plain(other: Any) -> Any:
        if is_dataclass(other) and not isinstance(other, type):
            return asdict(other)
        return other.isoformat() if isinstance(other, datetime) else str(other)

    sys.stdout.write(visible_json(_with_words(value), default=plain, indent=2) + "\n")


def _with_words(value: Any) -> Any:
    """Replace NaN and infinity, which JSON cannot express as numbers, by their names."""
    if isinstance(value, float) and not isfinite(value):
        return str(Decimal(value))
    if isinstance(value, dict):
        return {name: _with_words(member) for name, member in value.items()}
    return [_with_words(member) for member in value] if isinstance(value, list | tuple) else value
