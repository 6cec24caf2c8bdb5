"""The DAG of the marts."""

from headwater.airflow import dags

globals().update(dags.marts())
