"""What Airflow knows of the runs of a job: which of ours they are, and which is to come."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from sqlalchemy import select

from dags.deliveries_page.plugin import ui_path
from dags.links import dag_path, run_path

UNFINISHED = (DagRunState.QUEUED, DagRunState.RUNNING)


@dataclass(frozen=True)
class Run:
    """A run of a DAG."""

    run_id: str
    state: str
    link: str


def dag_link(job: str) -> str:
    """Where Airflow shows the DAG of a job."""
    return ui_path() + dag_path(job)


def run_link(job: str, run_id: str) -> str:
    """Where Airflow shows a run."""
    return ui_path() + run_path(job, run_id)


def known_runs(job: str, run_ids: Collection[str]) -> set[str]:
    """Those of the run ids that Airflow knows: what was run in a terminal it does not."""
    with create_session(scoped=False) as session:
        found = session.scalars(select(DagRun.run_id).where(DagRun.dag_id == job, DagRun.run_id.in_(run_ids)))
        return {str(run_id) for run_id in found}


def unfinished_runs(job: str) -> list[Run]:
    """The runs of a job that wait or go on, the latest first; a few."""
    with create_session(scoped=False) as session:
        found = session.execute(
            select(DagRun.run_id, DagRun.state)
            .where(DagRun.dag_id == job, DagRun.state.in_(UNFINISHED))
            .order_by(DagRun.id.desc())
            .limit(3)
        )
        return [Run(str(run_id), str(state), run_link(job, str(run_id))) for run_id, state in found]


def is_paused(job: str) -> bool | None:
    """Whether Airflow has stopped scheduling a job; None where it has no such DAG."""
    with create_session(scoped=False) as session:
        found = session.scalar(select(DagModel.is_paused).where(DagModel.dag_id == job, ~DagModel.is_stale))
        return None if found is None else bool(found)
