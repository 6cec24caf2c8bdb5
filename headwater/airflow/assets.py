"""Assets, by which DAGs start each other: a job succeeded, a history may have changed."""

from __future__ import annotations

from airflow.sdk import Asset

HISTORY = Asset(name="history", uri="headwater://historical/")


def history_of(source: str) -> Asset:
    """The history of one source."""
    return Asset(name=f"historical.{source}", uri=f"headwater://historical/{source}")


def success_of(job: str) -> Asset:
    """Return that a job succeeded as a whole: what `after_job` waits for."""
    return Asset(name=f"job.{job}", uri=f"headwater://job/{job}")
