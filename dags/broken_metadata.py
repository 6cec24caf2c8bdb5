"""What is wrong with the metadata, where people look for it: among the import errors of Airflow's pages."""

from headwater.airflow import dags

dags.broken_metadata()
