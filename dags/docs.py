"""The DAG file of the pages to read: the docs of dbt, the lists of the Data Docs and their index, anew once a day."""

from datetime import timedelta

from airflow.sdk import DAG, WeightRule, get_parsing_context

from dags import tasks
from dags.build import BEGINNING

if get_parsing_context().dag_id in (None, "docs"):
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
            "weight_rule": WeightRule.ABSOLUTE,  # with the weight 1: any job goes first
        },
    ) as docs:
        tasks.write_docs()
