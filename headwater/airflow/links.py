"""Addresses of Airflow's pages."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from airflow.sdk.configuration import conf

DELIVERIES = "/deliveries"  # the path of the page Deliveries
DBT_DOCS = "/docs/dbt.html"  # below it, as the other documents link to it


def ui_path() -> str:
    """Return the path of Airflow's own pages, "" at the root."""
    return urlsplit(str(conf.get("api", "base_url", fallback=""))).path.rstrip("/")


def dag_path(job: str) -> str:
    """Return the path of the page of a job's DAG."""
    return f"/dags/{quote(job, safe='')}"


def run_path(job: str, run_id: str) -> str:
    """Return the path of the page of a run."""
    return f"{dag_path(job)}/runs/{quote(run_id, safe='')}"


def absolute(path: str) -> str:
    """Return the full address of a path."""
    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/") + path
