"""Imports that Airflow runs at its start, so that forked processes of tasks and DAG files share them.

It imports only third-party packages: our own code may change while Airflow runs, and forks must see the
change.
"""

import os
import sys
from importlib import import_module

os.environ["GX_ANALYTICS_ENABLED"] = (
    "false"  # disables the telemetry of Great Expectations, which reads this at import
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
