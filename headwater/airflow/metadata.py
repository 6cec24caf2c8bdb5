"""Metadata for DAG files: the valid part of the static metadata, and the shards of the dbt manifest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headwater.dbt_project import marts
from headwater.dbt_project.manifest_shards import shard
from headwater.dbt_project.project_subset import MARTS
from headwater.metadata.static.check import Problem
from headwater.metadata.static.model import Catalog, Job
from headwater.metadata.static.plan import plan, sources_of
from headwater.metadata.static.valid_subset import read_valid_catalog
from headwater.project import Project, find_project


@dataclass(frozen=True)
class Metadata:
    """The metadata of a project; `catalog` contains its valid part, `problems` the errors."""

    project: Project
    catalog: Catalog
    problems: Sequence[Problem]

    def valid_jobs(self, only: str | None = None) -> Iterator[Job]:
        """Return the active jobs without errors, in the order of their file; or `only` one of them."""
        for job in self.catalog.jobs.values():
            if only in (None, job.name) and job.is_active and not self._unparsed(job):
                yield job

    def has_marts(self) -> bool:
        """Return whether there are marts to build."""
        return shard(self.project, MARTS).is_file() and bool(marts.models(self.project))

    def problem(self) -> str | None:
        """Return the errors that hide jobs, in the words of `headwater check`."""
        messages = [str(problem) for problem in self.problems]
        unparsed = sorted(
            {name for job in self.catalog.jobs.values() if job.is_active for name in self._unparsed(job)}
        )
        if unparsed:
            messages.append(
                f"{', '.join(unparsed)}: Airflow does not have the models yet, expected `headwater manifest` to be run"
                " in the project's folder: it writes them and has dbt read them"
            )
        return "\n".join(messages) or None

    def _unparsed(self, job: Job) -> list[str]:
        steps = [step for step in plan(self.catalog, job) if step.etl_step in ("T", "L")]
        return [source.name for source in sources_of(steps) if not shard(self.project, source.name).is_file()]


def read() -> Metadata:
    """Read it from the project's files, without the database and without importing dbt."""
    project = find_project()
    catalog, problems = read_valid_catalog(project.seeds)
    return Metadata(project, catalog, problems)
