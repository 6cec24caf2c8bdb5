"""The metadata database of Airflow: beside Headwater's own, on the same server."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import sqlalchemy as sa

from headwater.metadata.connection import engine, session_lock
from headwater.metadata.errors import ServiceError
from headwater.metadata.sql_text import sql_literal
from headwater.services import airflow_settings
from headwater.services.processes import log_tail


def make(env: Mapping[str, str], folder: Path, say: Callable[[str], None]) -> None:
    """Create the database and migrate it to the installed version of Airflow. `env` is that of Airflow's processes.

    A database that the user's AIRFLOW__DATABASE__SQL_ALCHEMY_CONN names must exist, and is migrated. Raises
    `ServiceError`.
    """
    name = airflow_settings.database(env)
    if env[airflow_settings.CONNECTION] != airflow_settings.connection(name):
        _migrate(env, folder)
        return
    try:
        _create(name)
        database = engine(name)
        with session_lock(database, "airflow"), database.begin() as connection:
            remembered = sa.text("select obj_description(to_regclass('alembic_version'))")
            version = f"apache-airflow-core {importlib.metadata.version('apache-airflow-core')}"
            if connection.execute(remembered).scalar() != version:
                say(f"making the database {name} ready for Airflow")
                _migrate(env, folder)
                connection.execute(sa.text(f"comment on table alembic_version is {sql_literal(version)}"))
    except sa.exc.DBAPIError as error:
        raise ServiceError(
            f"Airflow's database {name} cannot be made ready: {str(error.orig).strip()}. "
            f"{airflow_settings.DATABASE_VARIABLE} names another one."
        ) from error


def known_dags(env: Mapping[str, str]) -> set[str]:
    """Return the DAGs that this Airflow has ever seen; none before its tables exist."""
    database = sa.create_engine(env[airflow_settings.CONNECTION], poolclass=sa.NullPool)
    with database.connect() as connection:
        if not sa.inspect(connection).has_table("dag"):
            return set()
        return set(connection.execute(sa.text("select dag_id from dag")).scalars())


def _create(name: str) -> None:
    server = engine().execution_options(isolation_level="AUTOCOMMIT")
    with session_lock(server, "airflow"), server.connect() as connection:
        known = sa.text("select 1 from pg_database where datname = :name")
        if connection.execute(known, {"name": name}).scalar() is None:
            quoted = server.dialect.identifier_preparer.quote_identifier(name)
            connection.execute(sa.text(f"create database {quoted}"))
    server.dispose()


def _migrate(env: Mapping[str, str], folder: Path) -> None:
    log = folder / "logs" / "migrate.log"
    with log.open("wb") as output:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "airflow", "db", "migrate"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(env),
            cwd=folder,
            check=False,
        )
    if done.returncode != 0:
        raise ServiceError(f"Airflow cannot make its tables. The end of {log}:{log_tail(log)}")
