"""The DAGs of all active jobs."""

from headwater.airflow import dags

globals().update(dags.jobs())
