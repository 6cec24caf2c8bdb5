"""Airflow reads this when it starts. The scheduler, from which every task is forked, loads dbt once for all."""

import sys

if "scheduler" in sys.argv[1:2]:
    import cosmos  # noqa: F401
    import dbt.cli.main  # noqa: F401
