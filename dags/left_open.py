"""The DAG file that keeps the record true: it closes the job instances of runs whose last task never came."""

from datetime import timedelta

from airflow.sdk import DAG, WeightRule, get_parsing_context

from dags import tasks
from dags.build import BEGINNING, PRIORITY

if get_parsing_context().dag_id in (None, "left_open"):
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
    ) as left_open:
        tasks.close_left_open()
