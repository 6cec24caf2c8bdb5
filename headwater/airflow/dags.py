"""The contents of DAG files: `globals().update(jobs())`.

Airflow parses such files often, in separate processes, so each function imports what it needs when it is
called.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from itertools import islice

from airflow.sdk import DAG, WeightRule, get_parsing_context

from headwater.airflow.metadata import read
from headwater.airflow.quiet import hush
from headwater.shared_airflow import dag_id_of, job_of, project_tag, turn_to


def jobs(share: int = 1, of: int = 1) -> dict[str, DAG]:
    """Return each active job of seeds/job.csv as a DAG, or one share `of` so many. Reads only CSV files.

    Airflow reads files side by side, so a project of hundreds of jobs has a file for each share.
    """
    from headwater.airflow.build import build_dag

    _turn_to_caller()
    metadata = read()
    asked = get_parsing_context().dag_id  # a task needs only its own DAG
    asked_jobs = metadata.valid_jobs(only=job_of(asked) if asked else None)
    local = asked_jobs if asked else islice(asked_jobs, share - 1, None, of)
    return {dag_id_of(job.name): build_dag(metadata.project, metadata.catalog, job) for job in local}


def marts() -> dict[str, DAG]:
    """Return the DAG that builds the marts after a history may have changed."""
    from headwater.airflow.build import build_marts_dag

    _turn_to_caller()
    metadata, dag_id = read(), dag_id_of("marts")
    return {dag_id: build_marts_dag(metadata.project)} if _is_asked(dag_id) and metadata.has_marts() else {}


def left_open() -> dict[str, DAG]:
    """Return the DAG that closes the job instances of runs whose last task never ran."""
    _turn_to_caller()
    if not _is_asked(dag_id_of("left_open")):
        return {}
    from headwater.airflow import tasks
    from headwater.airflow.build import BEGINNING, PRIORITY

    with DAG(
        dag_id=dag_id_of("left_open"),
        description="Closes what runs left open that Airflow ended before their last task",
        doc_md=(
            "A run that is marked failed or success by hand, deleted, or longer than its `timeout_min` never comes to"
            " its task `finish`, which closes the job instance. This asks Airflow what became of the runs whose job"
            " instances are open, and closes, as failed, those that are over. A run that lives is left alone."
        ),
        schedule="*/15 * * * *",
        start_date=BEGINNING,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        dagrun_timeout=timedelta(minutes=15),
        tags=["upkeep", *project_tag()],
        default_args={
            "retries": 2,
            "retry_delay": timedelta(seconds=30),
            "priority_weight": PRIORITY,
            "weight_rule": WeightRule.ABSOLUTE,
        },
    ) as dag:
        tasks.close_left_open()
    return {dag.dag_id: dag}


def docs() -> dict[str, DAG]:
    """Return the DAG that rewrites the dbt docs and the index pages of the Data Docs once a day."""
    _turn_to_caller()
    if not _is_asked(dag_id_of("docs")):
        return {}
    from headwater.airflow import tasks
    from headwater.airflow.build import BEGINNING

    with DAG(
        dag_id=dag_id_of("docs"),
        description="Writes the docs of dbt, the lists of the Data Docs and their index",
        doc_md=(
            "As `headwater docs` does. The pages are under Browse, dbt docs, and on the page Deliveries. Run it by hand"
            " when models or descriptions have changed, and they are to be seen today."
        ),
        schedule="30 3 * * *",
        start_date=BEGINNING,
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=timedelta(hours=2),
        tags=["upkeep", *project_tag()],
        default_args={
            "retries": 1,
            "retry_delay": timedelta(minutes=5),
            "weight_rule": WeightRule.ABSOLUTE,  # with the weight 1, so that any job runs first
        },
    ) as dag:
        tasks.write_docs()
    return {dag.dag_id: dag}


def broken_metadata() -> None:
    """Raise `SystemError` with the errors of the metadata, which Airflow shows among its import errors.

    A broken row disables only the DAG of its job.
    """
    _turn_to_caller()
    if problem := read().problem():
        raise SystemError(problem)


def _turn_to_caller() -> None:
    """Work for the project of the DAG file that called; Airflow, too, finds the file of a DAG on the stack."""
    hush()
    turn_to(sys._getframe(2).f_code.co_filename)


def _is_asked(dag_id: str) -> bool:
    return get_parsing_context().dag_id in (None, dag_id)
