"""Where Airflow shows what."""

from __future__ import annotations

from urllib.parse import quote


def dag_path(job: str) -> str:
    """The page of a job's DAG, below the address of Airflow's pages."""
    return f"/dags/{quote(job, safe='')}"


def run_path(job: str, run_id: str) -> str:
    """The page of a run."""
    return f"{dag_path(job)}/runs/{quote(run_id, safe='')}"
