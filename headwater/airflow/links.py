"""Addresses of Airflow's pages."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from airflow.sdk.configuration import conf

DELIVERIES = "/deliveries"  # the page of that name, and all that is below it
DBT_DOCS = "/docs/dbt.html"  # below it, where the other documents lead to it


def ui_path() -> str:
    """The path below which Airflow's own pages are, "" at the root."""
    return urlsplit(str(conf.get("api", "base_url", fallback=""))).path.rstrip("/")


def dag_path(job: str) -> str:
    """The page of a job's DAG, below the address of Airflow's pages."""
    return f"/dags/{quote(job, safe='')}"


def run_path(job: str, run_id: str) -> str:
    """The page of a run."""
    return f"{dag_path(job)}/runs/{quote(run_id, safe='')}"


def absolute(path: str) -> str:
    """The whole address of a path of Airflow's."""
    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/") + path
