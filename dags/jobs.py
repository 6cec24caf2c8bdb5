"""The DAG file of all jobs: each active job of seeds/job.csv is a DAG. Reads CSV files, and nothing else."""

from airflow.sdk import get_parsing_context

from dags.build import build_dag
from dags.metadata import read

_metadata = read()
_wanted = get_parsing_context().dag_id  # a task needs its own DAG only
for _job in _metadata.sound_jobs():
    if _wanted in (None, _job.name):
        globals()[_job.name] = build_dag(_metadata.project, _metadata.catalog, _job)
