"""Commands about servers: `up`, `down`, `airflow`, `env`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater import shared_airflow
from headwater.cli.app import app, err, explained, out, say
from headwater.cli.terminal import paragraph
from headwater.metadata.errors import HeadwaterError, ProjectRefused
from headwater.metadata.extras import require
from headwater.project import VARIABLE, Project, find_project, locate_project

if TYPE_CHECKING:
    from headwater.metadata.static.model import Job


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
        stopped = stop(locate_project().root)  # also those of a project that this version refuses
        for service in stopped:
            out.print(f"stopped {service.name} (process {service.pid})", markup=False)
        if not stopped:
            out.print("nothing was running")


@app.command(epilog="Example: headwater airflow --port 8090")
def airflow(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FOLDER]...",
            help="Projects that share this Airflow; by default the one of the current folder, alone.",
        ),
    ] = None,
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
    from headwater.services import airflow_foreground, airflow_pools
    from headwater.services.airflow import Airflow

    with explained(), airflow_foreground.asked_to_end():
        require("airflow")
        asked = _projects_asked_for(folders or [])
        jobs = [
            job for project in asked.projects for job in _make_ready(project, asked.variables_of(project))
        ]

        def ready(started: Airflow) -> None:
            render.airflow(out, started)
            pools = airflow_pools.wanted_by(job for _, job in jobs)
            airflow_pools.make_missing(started.url, "admin", started.passwords["admin"], pools, say)

        try:
            airflow_foreground.run(
                asked.first,
                port,
                say=say,
                show=lambda line: render.airflow_line(out, line),
                ready=ready,
                scheduled=[dag_id for dag_id, job in jobs if job.is_active and job.schedule],
                is_paused=is_paused,
                is_verbose=is_verbose,
                more=asked.settings,
            )
        except airflow_foreground.AlreadyRunning as running:
            out.print(str(running), markup=False)


@dataclass(frozen=True)
class _Asked:
    """The projects that Airflow is to run. `first` is the folder whose servers hold Airflow's own database."""

    first: Path
    projects: Sequence[Project]
    settings: Mapping[str, str]

    def variables_of(self, project: Project) -> Mapping[str, str]:
        """Return the variables of a project that is not alone."""
        return shared_airflow.variables_of(project) if self.settings else {}


def _projects_asked_for(folders: Sequence[Path]) -> _Asked:
    """Return the projects in these folders, or the one of the current folder; one that is broken is left out."""
    if not folders:
        project = find_project()
        return _Asked(project.root, [project], {})
    folders = list(dict.fromkeys(folder.resolve() for folder in folders))
    if len(folders) == 1:
        os.environ[VARIABLE] = str(folders[0])
        return _projects_asked_for(())
    from headwater.services.several_projects import settings_of

    bundles: dict[str, Path] = {}
    projects: dict[str, Project] = {}
    for folder in folders:
        if not folder.is_dir():
            raise HeadwaterError(f"{folder} is no folder. Expected the folder of a project.")
        try:
            project = shared_airflow.project_in(folder)
            shared_airflow.require_apart(project, projects)
        except ProjectRefused as error:  # Airflow shows it as an import error of that project's DAG files
            err.print(paragraph(f"Error: {error}"), style="red", markup=False)
            bundles[f"broken {len(bundles) + 1} {folder.name}"] = folder
        else:
            projects[project.name] = project
            bundles[project.name] = folder
    if not projects:
        raise HeadwaterError("none of the projects can be opened, so there is nothing for Airflow to run.")
    first = next(iter(projects.values())).root
    return _Asked(first, list(projects.values()), settings_of(bundles, projects))


def _make_ready(project: Project, variables: Mapping[str, str]) -> list[tuple[str, Job]]:
    """Have dbt read the models of a project, and return its jobs that have no error, by the ids of their DAGs."""
    from headwater.dbt_project.manifest_shards import make_ready
    from headwater.demo import prepare as prepare_demo
    from headwater.metadata.static.valid_subset import read_valid_catalog
    from headwater.services import make_home, wants_demo
    from headwater.services.several_projects import as_process

    with as_process(variables):
        if wants_demo(project.root):
            prepare_demo(make_home(project.root), say)
        say(f"reading the models of {project.name} with dbt")
        try:
            for path in make_ready(project).written:
                say(f"wrote {path.relative_to(project.root)}")
        except HeadwaterError as error:  # Airflow shows the valid jobs, and the errors of the others
            err.print(paragraph(f"Error: {error}"), style="red", markup=False)
        jobs = read_valid_catalog(project.seeds)[0].jobs.values()
    prefix = shared_airflow.dag_prefix(project.root)
    return [(f"{prefix}{job.name}", job) for job in jobs]


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
