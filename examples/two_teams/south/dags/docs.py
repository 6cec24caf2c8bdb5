"""The DAG that writes the pages to read."""

from headwater.airflow import dags

globals().update(dags.docs())
