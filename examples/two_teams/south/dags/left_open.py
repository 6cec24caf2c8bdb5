"""The DAG that closes the job instances of runs whose last task never came."""

from headwater.airflow import dags

globals().update(dags.left_open())
