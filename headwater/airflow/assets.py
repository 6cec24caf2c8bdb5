"""Assets, by which DAGs trigger each other: a job succeeded, a history may have changed."""

from __future__ import annotations

from airflow.sdk import Asset

HISTORY = Asset(name="history", uri="headwater://historical/")


def history_of(source: str) -> Asset:
    """Return the asset of the history of one source."""
    return Asset(name=f"historical.{source}", uri=f"headwater://historical/{source}")


def success_of(job: str) -> Asset:
    """Return the asset of a job's success, for which `after_job` waits."""
    return Asset(name=f"job.{job}", uri=f"headwater://job/{job}")
