"""Assets, by which DAGs trigger each other: a job succeeded, a history may have changed.

Those of a project that shares an Airflow have its name in theirs, so no project triggers another by accident.
"""

from __future__ import annotations

from airflow.sdk import Asset

from headwater.shared_airflow import project_tag


def any_history() -> Asset:
    """Return the asset of all histories of the project."""
    return _asset("history", "historical", "")


def history_of(source: str) -> Asset:
    """Return the asset of the history of one source."""
    return _asset(f"historical.{source}", "historical", source)


def success_of(job: str) -> Asset:
    """Return the asset of a job's success, for which `after_job` waits."""
    return _asset(f"job.{job}", "job", job)


def _asset(name: str, *place: str) -> Asset:
    project = project_tag()
    return Asset(name=".".join([*project, name]), uri=f"headwater://{'/'.join([*project, *place])}")
