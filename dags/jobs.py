"""The DAG file of all jobs: each active job of seeds/job.csv is a DAG. Reads CSV files, and nothing else."""

from airflow.sdk import get_parsing_context

from dags.build import build_dag
from dags.metadata import read

_metadata = read()
for _job in _metadata.sound_jobs(only=get_parsing_context().dag_id):  # a task needs its own DAG only
    globals()[_job.name] = build_dag(_metadata.project, _metadata.catalog, _job)
