"""The DAG file of the marts: what consumers read is built when a history may have changed."""

from airflow.sdk import get_parsing_context

from dags.build import build_marts_dag
from dags.metadata import read

_metadata = read()
if get_parsing_context().dag_id in (None, "marts") and _metadata.has_marts():
    marts = build_marts_dag(_metadata.project)
