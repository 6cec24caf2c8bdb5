"""Several projects that share one Airflow.

HEADWATER_PROJECTS lists their folders, separated as in PATH. HEADWATER__<PROJECT>__<VARIABLE> is VARIABLE for one of
them: HEADWATER__NORTH__PGDATABASE is the database of the project north. A process that runs a DAG file or a task of
one project turns to it for good (`turn_to`); one that answers for several works `within` one at a time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from headwater.home import NAME as HOME_FOLDER
from headwater.home import VARIABLE as HOME
from headwater.metadata.environment import overlaid
from headwater.metadata.errors import HeadwaterError, ProjectRefused
from headwater.project import VARIABLE as PROJECT
from headwater.project import Project, find_project

PROJECTS = "HEADWATER_PROJECTS"
PREFIX = "HEADWATER__{}__"
CODE = "headwater"  # a checkout of Headwater is a project, too, and its code is no project's own

TAKEN = ("static", "list", "docs")  # /deliveries/<name>/ is the page of a project


def folders() -> tuple[Path, ...]:
    """Return the folders of the projects that share this Airflow; none where Airflow runs one project."""
    listed = os.environ.get(PROJECTS, "").split(os.pathsep)
    return tuple(Path(one).resolve() for one in listed if one.strip())


def projects() -> dict[str, Project]:
    """Return the projects that can be opened, by name; the DAG files of the others say what is wrong with them."""
    return opened()[0]


def opened() -> tuple[dict[str, Project], dict[Path, HeadwaterError]]:
    """Return the projects that can be opened, by name, and why the others cannot beside them, by folder."""
    found: dict[str, Project] = {}
    errors: dict[Path, HeadwaterError] = {}
    for folder in folders():
        try:
            project = project_in(folder)
            require_apart(project, found)
        except HeadwaterError as error:
            errors[folder] = error
        else:
            found[project.name] = project
    return found, errors


def project_in(folder: Path) -> Project:
    """Return the project in a folder. Raises `HeadwaterError` if there is none that this version may run."""
    with overlaid({PROJECT: str(folder), HOME: ""}):
        project = find_project()
    with within(project):
        return find_project()


def variables_of(project: Project) -> dict[str, str]:
    """Return the variables of one project among several: its folders, and what HEADWATER__<PROJECT>__… say."""
    prefix = PREFIX.format(project.name.upper())
    settings = {
        name.removeprefix(prefix): value for name, value in os.environ.items() if name.startswith(prefix)
    }
    return {HOME: str(project.root / HOME_FOLDER), **settings, PROJECT: str(project.root)}


@contextmanager
def within(project: Project) -> Iterator[None]:
    """Work for one of several projects within the block, in this thread or task alone."""
    with overlaid(variables_of(project)):
        yield


def turn_to(file: str) -> None:
    """Let this process work for the project whose DAG file this is; for the one project there is, do nothing.

    Its variables become those of the process, and its folder the only project's that Python imports from. Raises
    `HeadwaterError` if the file belongs to none of the projects.
    """
    if not folders():
        return
    path = Path(file).resolve()
    around = [folder for folder in folders() if path.is_relative_to(folder)]
    if not around:
        raise HeadwaterError(
            f"{path} is in no project of {PROJECTS}, which names {', '.join(map(str, folders()))}."
        )
    root = max(around, key=lambda folder: len(folder.parts))
    _import_from(root, [folder for folder in folders() if folder != root])
    os.environ[PROJECT] = str(root)  # also where the project cannot be opened, for whoever says so
    found, errors = opened()
    if root in errors:
        raise errors[root]
    os.environ.update(variables_of(next(project for project in found.values() if project.root == root)))


def require_apart(project: Project, others: Container[str]) -> None:
    """Raise `ProjectRefused` unless the DAG ids of a project differ from those of other projects, whatever jobs it has.

    `others` are the names of the projects before it, which keep their DAGs.
    """
    name = project.name
    if name in others:
        raise ProjectRefused(
            f"{project.root} is a second project with the name {name}. Expected a name of its own for each, in"
            " headwater.yml and dbt_project.yml."
        )
    if name in TAKEN:
        raise ProjectRefused(
            f"{project.root} has the name {name}, which the page Deliveries uses in its addresses. Expected another"
            " name, in headwater.yml and dbt_project.yml."
        )
    if not dag_prefix(project.root):
        raise ProjectRefused(
            f"the project {name} does not say that it shares an Airflow, so its DAGs could have the ids of others."
            f" Expected shares_airflow: true in its headwater.yml, which gives each DAG the id {name}__<job>."
        )


def _import_from(root: Path, others: Sequence[Path]) -> None:
    """Let Python import from the folder of one project, after all packages, and forget what others brought."""
    for other in others:
        sys.path[:] = [place for place in sys.path if not place or Path(place).resolve() != other]
        tops = {path.stem for path in other.iterdir() if path.is_dir() or path.suffix == ".py"} - {CODE}
        for name, module in list(sys.modules.items()):
            top = name.partition(".")[0]
            file = getattr(module, "__file__", None)
            if top in tops and file and Path(file).resolve().is_relative_to(other):
                del sys.modules[name]
    if str(root) not in sys.path:
        sys.path.append(str(root))


def dag_prefix(root: Path) -> str:
    """Return the beginning of a project's DAG ids and assets: "" unless its headwater.yml says `shares_airflow`."""
    file = Project(root, root).file
    return f"{file.name}__" if file and file.shares_airflow else ""


def dag_id_of(job: str) -> str:
    """Return the id of the DAG of a job of the project at work."""
    return dag_prefix(find_project().root) + job


def job_of(dag_id: str) -> str:
    """Return the job of the project at work that a DAG is of."""
    return dag_id.removeprefix(dag_prefix(find_project().root))


def project_tag() -> list[str]:
    """Return the tag by which the DAGs of the project at work are found, if it shares an Airflow."""
    project = find_project()
    return [project.name] if dag_prefix(project.root) else []
