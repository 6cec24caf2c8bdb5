"""What is wrong with the metadata, where people look for it: among the import errors of Airflow's pages.

A broken row takes the DAG of its own job down, and no other.
"""

from dags.metadata import read

if _told := read().told():
    raise SystemError(_told)
