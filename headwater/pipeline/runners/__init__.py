"""The runners of a terminal: of chosen sources, and of jobs by their plan. Airflow's is `headwater.airflow`."""
