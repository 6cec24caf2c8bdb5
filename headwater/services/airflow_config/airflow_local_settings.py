"""Airflow reads this when it starts. The scheduler, from which every task is forked, loads once what tasks need.

Only packages of others: our own code may change while the scheduler runs, and tasks must see it.
"""

import sys

if "scheduler" in sys.argv[1:2]:
    import alembic.command  # noqa: F401
    import boto3  # noqa: F401
    import cosmos.operators.local  # noqa: F401
    import dbt.adapters.postgres
    import dbt.cli.main  # noqa: F401
    import psycopg2  # noqa: F401
    import requests  # noqa: F401
    import sqlalchemy.dialects.postgresql  # noqa: F401
