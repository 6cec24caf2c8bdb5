"""Commands that load deliveries: `run`, `demo`, `rebuild`, `purge`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from headwater.cli.progress import bars
from headwater.project import Project, find_project

if TYPE_CHECKING:
    from headwater.pipeline.preparation import Say
    from headwater.pipeline.results import RunResult

from headwater.cli.app import (
    FAILED,
    AsJson,
    AtOnce,
    app,
    err,
    explained,
    misuse,
    opened_project,
    out,
    print_json,
    require_job,
    require_known,
    say,
)


@app.command(epilog="Example: headwater run airports fx_rates --parallel 2")
def run(
    source: Annotated[
        list[str] | None, typer.Argument(help="Sources to run; all active ones by default.")
    ] = None,
    job: Annotated[
        list[str] | None,
        typer.Option(
            "--job",
            help="Run a whole job instead, as its DAG in Airflow does: its steps in order, including scripts and"
            " callables, then the jobs that follow it. Repeatable.",
        ),
    ] = None,
    is_full_load: Annotated[
        bool | None,
        typer.Option("--full-load/--no-full-load", help="With --job: override the job's is_full_load."),
    ] = None,
    del_temp_data: Annotated[
        bool | None,
        typer.Option(
            "--del-temp-data/--keep-temp-data", help="With --job: override the job's del_temp_data."
        ),
    ] = None,
    follow: Annotated[
        bool,
        typer.Option("--follow/--no-follow", help="With --job: also run the jobs that follow by after_job."),
    ] = True,
    at_once: AtOnce = None,
    as_json: AsJson = False,
) -> None:
    """Load new deliveries from the publishers into history, by source or by job.

    Exit code 3: a delivery halted; 1: something failed.
    """
    from headwater.pipeline.runners.sources import run as run_sources

    if not job:
        if is_full_load is not None or del_temp_data is not None or not follow:
            misuse(
                "--full-load, --del-temp-data and --no-follow are of a job, expected --job NAME with them."
            )
        _on_sources(run_sources, source or [], at_once, as_json)
    elif source or at_once is not None:
        misuse(
            "--job goes without names of sources and --parallel: the job's steps say what it works on, and its"
            " max_parallel how many of them run at once."
        )
    else:
        choices = {"is_full_load": is_full_load, "del_temp_data": del_temp_data}
        overrides = {name: value for name, value in choices.items() if value is not None}
        _on_jobs(job, overrides, as_json, follow=follow)


@app.command(epilog="Example: headwater demo")
def demo() -> None:
    """Fetch the demo's real data, load it into history, and say what to look at."""
    from headwater.cli import render
    from headwater.demo import prepare as prepare_demo
    from headwater.demo.producer import replay as replay_departures
    from headwater.docs import build_docs
    from headwater.pipeline.preparation import prepare
    from headwater.pipeline.runners.sources import run as run_sources
    from headwater.services import make_home

    with explained():
        prepare_demo(make_home(find_project().root), say)
    with opened_project() as project:
        replay_departures()
        with bars(err):
            result = run_sources(project, [], say)
        catalog, engine = prepare(project)
        page = build_docs(project.root, project.home, say)
        is_as_expected = render.demo(out, result, engine, catalog, page)
        raise typer.Exit(0 if is_as_expected else result.exit_code or FAILED)


@app.command(epilog="Example: headwater rebuild airports")
def rebuild(
    source: Annotated[
        list[str] | None, typer.Argument(help="Sources to rebuild; all active ones by default.")
    ] = None,
    at_once: AtOnce = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild raw, staging and history from S3 and the metadata. No publisher is asked; decisions stay."""
    from headwater.pipeline.rebuild import rebuild as rebuild_sources

    _on_sources(rebuild_sources, source or [], at_once, as_json)


@app.command(epilog="Example: headwater purge airports --dry-run")
def purge(
    source: Annotated[
        list[str] | None, typer.Argument(help="Sources to purge; all active ones by default.")
    ] = None,
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be deleted.")] = False,
    at_once: AtOnce = None,
    as_json: AsJson = False,
) -> None:
    """Delete rows of raw and staging that are in history, by keep_raw and keep_staging of each source, as
    every run does.
    """
    from headwater.cli import render
    from headwater.metadata.static.read import read_catalog
    from headwater.pipeline.purge import purge as purge_sources

    with opened_project() as project:
        require_known(source or [], read_catalog(project.seeds))
        done = purge_sources(project, source or [], say, at_once, is_dry_run=is_dry_run)
        print_json(asdict(done)) if as_json else render.purged(out, done)
        raise typer.Exit(FAILED if done.failures else 0)


def _on_sources(
    act: Callable[[Project, Sequence[str], Say, int | None], RunResult],
    names: list[str],
    at_once: int | None,
    as_json: bool,
) -> None:
    """Run a function on the named sources, `at_once` of them in parallel, show the results, and exit with
    their code.
    """
    from headwater.metadata.static.read import read_catalog

    with opened_project() as project:
        require_known(names, read_catalog(project.seeds))
        with bars(err):
            result = act(project, names, say, at_once)
        _show_and_exit(result, as_json)


def _on_jobs(names: list[str], overrides: dict[str, bool], as_json: bool, *, follow: bool) -> None:
    """Run jobs, show how each one ended, and exit with their code."""
    from headwater.cli import render_runs
    from headwater.metadata.connection import engine
    from headwater.metadata.static.valid_subset import read_valid_catalog
    from headwater.pipeline.runners.jobs import exit_code, run_jobs
    from headwater.queries.runs import details, named

    with opened_project() as project:
        catalog, _ = read_valid_catalog(project.seeds)
        for name in names:
            require_job(name, sorted(catalog.jobs), catalog)
        with bars(err):
            results = run_jobs(project, names, say, overrides=overrides, follow=follow)
        with engine().connect() as connection:
            found = [
                details(connection, named(connection, result.run_id, result.job)[0], "error")
                for result in results
                if result.is_on_record
            ]
        if as_json:
            print_json({"jobs": [asdict(result) for result in results], "runs": found})
        else:
            render_runs.jobs(out, results, found)
        raise typer.Exit(exit_code(results))


def _show_and_exit(result: RunResult, as_json: bool) -> NoReturn:
    from headwater.cli import render

    print_json(render.result_as_dict(result)) if as_json else render.result(out, result)
    raise typer.Exit(result.exit_code)
