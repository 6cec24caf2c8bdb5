"""Errors of the metadata, where people look for them: among the import errors of Airflow's pages."""

from headwater.airflow import dags

dags.broken_metadata()
