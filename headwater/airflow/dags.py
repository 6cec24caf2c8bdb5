"""The contents of DAG files: `globals().update(jobs())`.

Airflow parses such files often, in separate processes, so each function imports what it needs when it is
called.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, WeightRule, get_parsing_context

from headwater.airflow.metadata import read


def jobs() -> dict[str, DAG]:
    """Return each active job of seeds/job.csv as a DAG. Reads only CSV files."""
    from headwater.airflow.build import build_dag

    metadata = read()
    asked = get_parsing_context().dag_id  # a task needs only its own DAG
    return {
        job.name: build_dag(metadata.project, metadata.catalog, job)
        for job in metadata.valid_jobs(only=asked)
    }


def marts() -> dict[str, DAG]:
    """Return the DAG that builds the marts after a history may have changed."""
    from headwater.airflow.build import build_marts_dag

    metadata = read()
    return {"marts": build_marts_dag(metadata.project)} if _is_asked("marts") and metadata.has_marts() else {}


def left_open() -> dict[str, DAG]:
    """Return the DAG that closes the job instances of runs whose last task never ran."""
    if not _is_asked("left_open"):
        return {}
    from headwater.airflow import tasks
    from headwater.airflow.build import BEGINNING, PRIORITY

    with DAG(
        dag_id="left_open",
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
        tags=["upkeep"],
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
    if not _is_asked("docs"):
        return {}
    from headwater.airflow import tasks
    from headwater.airflow.build import BEGINNING

    with DAG(
        dag_id="docs",
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
        tags=["upkeep"],
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
    if problem := read().problem():
        raise SystemError(problem)


def _is_asked(dag_id: str) -> bool:
    return get_parsing_context().dag_id in (None, dag_id)
