"""The servers of several projects that share one Airflow: each has a database and a bucket of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from headwater.metadata.errors import ServiceError
from headwater.project import VARIABLE as PROJECT
from headwater.project import Project
from headwater.services import ensure_up
from headwater.services.environment import BUCKET
from headwater.services.postgres_roles import DATABASE
from headwater.shared_airflow import PREFIX, PROJECTS, variables_of

BUNDLES = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"
LOCAL_BUNDLE = "airflow.dag_processing.bundles.local.LocalDagBundle"


def settings_of(folders: Mapping[str, Path], projects: Mapping[str, Project]) -> dict[str, str]:
    """Start or find the servers of each project, and return the variables by which Airflow knows them.

    `folders` are all that were asked for, by the name of their bundle of DAG files; `projects`, by name, those
    that can be opened. Raises `ServiceError` if two of them have the same database or bucket.
    """
    found: dict[str, str] = {}
    owners: dict[tuple[str, ...], str] = {}
    for name, project in projects.items():
        settings = _servers_of(project)
        for what, place in _places({**os.environ, **settings}):
            other = owners.setdefault((what, *place), name)
            if other != name:
                raise ServiceError(_same(what, place, other, name))
        found |= {f"{PREFIX.format(name.upper())}{variable}": value for variable, value in settings.items()}
    bundles = [
        {"name": name, "classpath": LOCAL_BUNDLE, "kwargs": {"path": str(folder / "dags")}}
        for name, folder in folders.items()
    ]
    return {**found, PROJECTS: os.pathsep.join(map(str, folders.values())), BUNDLES: json.dumps(bundles)}


@contextmanager
def as_process(variables: Mapping[str, str]) -> Iterator[None]:
    """Have these variables in `os.environ` within the block, and what was there before after it."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _servers_of(project: Project) -> dict[str, str]:
    settings = variables_of(project)
    with as_process(settings):
        started = ensure_up(project.root).environment
    return {name: value for name, value in {**settings, **started}.items() if name != PROJECT}


def _places(variables: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the places of data that no two projects may share."""
    host, port = variables.get("PGHOST", ""), variables.get("PGPORT", "5432")
    yield "PGDATABASE", (host, port, variables.get("PGDATABASE", DATABASE))
    endpoint = variables.get("AWS_ENDPOINT_URL_S3") or variables.get("AWS_ENDPOINT_URL", "")
    yield "HEADWATER_BUCKET", (endpoint, variables.get("HEADWATER_BUCKET", BUCKET))


def _same(what: str, place: tuple[str, ...], one: str, other: str) -> str:
    kind = "database" if what == "PGDATABASE" else "bucket"
    return (
        f"the projects {one} and {other} have the same {kind}, {place[-1]}. Expected one for each: set"
        f" {PREFIX.format(other.upper())}{what}."
    )
