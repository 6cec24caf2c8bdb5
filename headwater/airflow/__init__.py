"""Airflow's room: the jobs of the metadata as DAGs, with the same steps as a run in a terminal."""
