"""Airflow reads this when it starts. What forks a process for each task or DAG file loads once what those need.

Only packages of others: our own code may change while Airflow runs, and what is forked must see it.
"""

import os
import sys
from importlib import import_module

os.environ["GX_ANALYTICS_ENABLED"] = (
    "false"  # Great Expectations asks for it when it is imported, and reports to nobody
)

NEEDED = {
    "scheduler": (
        "alembic.command",
        "boto3",
        "cosmos.operators.local",
        "dbt.adapters.postgres",
        "dbt.cli.main",
        "great_expectations",
        "psycopg2",
        "requests",
        "sqlalchemy.dialects.postgresql",
    ),
    "dag-processor": (
        "airflow.providers.standard.decorators.python",
        "cosmos.operators.local",
        "cosmos.plugin.airflow3",  # Airflow loads plugins wherever an operator is made
    ),
}

for name in NEEDED.get("".join(sys.argv[1:2]), ()):
    import_module(name)
