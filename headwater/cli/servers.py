"""Commands about servers: `up`, `down`, `airflow`, `env`."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.terminal import paragraph
from headwater.metadata.errors import HeadwaterError
from headwater.metadata.extras import require
from headwater.project import find_project

if TYPE_CHECKING:
    pass

from headwater.cli.app import app, err, explained, out, say


@app.command(epilog="Example: headwater up")
def up() -> None:
    """Start the embedded servers, unless they are running."""
    from headwater.services import ensure_up

    with explained():
        for service in ensure_up(find_project().root).services:
            how = "yours" if service.pid is None else "started" if service.is_started else "running"
            out.print(f"{service.name:10} {service.address:32} {how}", markup=False)


@app.command(epilog="Example: headwater down")
def down() -> None:
    """Stop the embedded servers and keep their data."""
    from headwater.services import down as stop

    with explained():
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

    A job with a schedule that is new to Airflow immediately catches up on its latest due run.
    """
    from headwater.cli import render
    from headwater.dbt_project.manifest_shards import make_ready
    from headwater.demo import prepare as prepare_demo
    from headwater.metadata.static.valid_subset import read_valid_catalog
    from headwater.services import airflow_foreground, airflow_pools, make_home, wants_demo
    from headwater.services.airflow import Airflow

    with explained(), airflow_foreground.asked_to_end():
        require("airflow")
        project = find_project()
        if wants_demo(project.root):
            prepare_demo(make_home(project.root), say)
        say("reading the models with dbt")
        try:
            for path in make_ready(project).written:
                say(f"wrote {path.relative_to(project.root)}")
        except HeadwaterError as error:  # Airflow shows the valid jobs, and the errors of the others
            err.print(paragraph(f"Error: {error}"), style="red", markup=False)
        jobs = read_valid_catalog(project.seeds)[0].jobs.values()

        def ready(started: Airflow) -> None:
            render.airflow(out, started)
            pools = airflow_pools.wanted_by(jobs)
            airflow_pools.make_missing(started.url, "admin", started.passwords["admin"], pools, say)

        try:
            airflow_foreground.run(
                project.root,
                port,
                say=say,
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
    """Print shell exports with which psql, dbt and aws find the servers."""
    from headwater.dbt_project.package import link_package
    from headwater.metadata.connection import session_options
    from headwater.services import ensure_up

    with explained():
        project = find_project()
        link_package(project.root)  # for a manual dbt
        variables = dict(ensure_up(project.root).environment)
        variables |= {"PGOPTIONS": session_options(), "DBT_PROFILES_DIR": str(project.root / "profiles")}
        for name, value in variables.items():
            sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
