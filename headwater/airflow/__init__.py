"""The integration with Airflow: the jobs of the metadata as DAGs, with the same steps as a run in a terminal."""
