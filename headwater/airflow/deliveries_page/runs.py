"""Runs of jobs in Airflow: links, waiting and running ones, and the outcome of the last one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from sqlalchemy import func, select

from headwater.airflow.links import dag_path, run_path, ui_path
from headwater.queries.runs import LastRun
from headwater.shared_airflow import dag_id_of, job_of

UNFINISHED = (DagRunState.QUEUED, DagRunState.RUNNING)


@dataclass(frozen=True)
class Run:
    """A run of a DAG."""

    run_id: str
    state: str
    link: str


@dataclass(frozen=True)
class Ran:
    """The last run of a job: queued, running, succeeded, halted or failed; `link` where Airflow knows it."""

    job: str
    state: str
    at: datetime | None  # its begin; None while it waits
    link: str | None = None
    last_error: str | None = None


def dag_link(job: str) -> str:
    """Return the address of a job's DAG in Airflow."""
    return ui_path() + dag_path(dag_id_of(job))


def run_link(job: str, run_id: str) -> str:
    """Return the address of a run in Airflow."""
    return ui_path() + run_path(dag_id_of(job), run_id)


def known_runs(runs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of the runs, by job and run id, that Airflow knows: it does not know runs in a terminal."""
    dags, run_ids = {dag_id_of(job) for job, _ in runs}, {run_id for _, run_id in runs}
    with create_session(scoped=False) as session:
        found = session.execute(
            select(DagRun.dag_id, DagRun.run_id).where(DagRun.dag_id.in_(dags), DagRun.run_id.in_(run_ids))
        )
        return {(job_of(str(dag_id)), str(run_id)) for dag_id, run_id in found} & set(runs)


def unfinished_runs(jobs: Collection[str]) -> list[Run]:
    """Return some queued and running runs of some jobs, latest first."""
    with create_session(scoped=False) as session:
        found = session.execute(
            select(DagRun.dag_id, DagRun.run_id, DagRun.state)
            .where(DagRun.dag_id.in_(map(dag_id_of, jobs)), DagRun.state.in_(UNFINISHED))
            .order_by(DagRun.id.desc())
            .limit(3)
        )
        return [
            Run(str(run_id), str(state), run_link(job_of(str(dag_id)), str(run_id)))
            for dag_id, run_id, state in found
        ]


def is_paused(job: str) -> bool | None:
    """Return whether a job is paused in Airflow; None if Airflow has no such DAG."""
    with create_session(scoped=False) as session:
        found = session.scalar(
            select(DagModel.is_paused).where(DagModel.dag_id == dag_id_of(job), ~DagModel.is_stale)
        )
        return None if found is None else bool(found)


def newest_dag_runs(jobs: Collection[str]) -> dict[str, tuple[str, str, datetime | None]]:
    """Return the newest run of each job that Airflow knows: its run id, state and begin."""
    with create_session(scoped=False) as session:
        newest = (
            select(func.max(DagRun.id)).where(DagRun.dag_id.in_(map(dag_id_of, jobs))).group_by(DagRun.dag_id)
        )
        found = session.execute(
            select(DagRun.dag_id, DagRun.run_id, DagRun.state, DagRun.start_date).where(DagRun.id.in_(newest))
        )
        return {
            job_of(str(dag_id)): (str(run_id), str(state), began if isinstance(began, datetime) else None)
            for dag_id, run_id, state, began in found
        }


def last_of(jobs: Collection[str], recorded: Mapping[str, LastRun]) -> dict[str, Ran]:
    """Return the outcome of the last run of each job, from Airflow and from the record; jobs that never ran
    are missing.
    """
    of_airflow = newest_dag_runs(jobs)
    found = {}
    for job in jobs:
        ran = _last(job, recorded.get(job), of_airflow.get(job))
        if ran is not None:
            found[job] = ran
    return found


def _last(job: str, ours: LastRun | None, theirs: tuple[str, str, datetime | None] | None) -> Ran | None:
    """Combine both: Airflow knows runs that failed before they were recorded; the record distinguishes halts
    and failures.
    """
    if theirs is None:
        return Ran(job, ours.status, ours.started_at, None, _error_of(ours)) if ours else None
    run_id, state, began = theirs
    link = run_link(job, run_id)
    if ours is not None and ours.run_id == run_id:
        status = state if state in UNFINISHED else "failed" if _is_untold(ours, state) else ours.status
        return Ran(job, status, ours.started_at, link, _error_of(ours))
    if ours is not None and (began is not None and ours.started_at > began):
        return Ran(job, ours.status, ours.started_at, None, _error_of(ours))  # in a terminal
    return Ran(job, "succeeded" if state == DagRunState.SUCCESS else state, began, link)


def _is_untold(ours: LastRun, state: str) -> bool:
    return state == DagRunState.FAILED and ours.status in ("running", "succeeded")


def _error_of(run: LastRun) -> str | None:
    return run.last_error if run.status in ("failed", "halted") else None
