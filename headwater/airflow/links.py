"""Addresses of Airflow's pages."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from airflow.sdk.configuration import conf

from headwater.project import find_project
from headwater.shared_airflow import folders

DELIVERIES = "/deliveries"  # the path of the page Deliveries
DBT_DOCS = "/docs/dbt.html"  # below it, as the other documents link to it


def deliveries() -> str:
    """Return the path of the page Deliveries of the project at work."""
    return f"{DELIVERIES}/{find_project().name}" if folders() else DELIVERIES


def ui_path() -> str:
    """Return the path of Airflow's own pages, "" at the root."""
    return urlsplit(str(conf.get("api", "base_url", fallback=""))).path.rstrip("/")


def dag_path(dag_id: str) -> str:
    """Return the path of the page of a DAG."""
    return f"/dags/{quote(dag_id, safe='')}"


def run_path(dag_id: str, run_id: str) -> str:
    """Return the path of the page of a run."""
    return f"{dag_path(dag_id)}/runs/{quote(run_id, safe='')}"


def absolute(path: str) -> str:
    """Return the full address of a path."""
    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/") + path
