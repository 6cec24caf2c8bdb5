"""Migrations: once, whoever calls and however often; and the tables are those that SQLAlchemy knows."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from headwater.metadata.errors import DatabaseRefused
from headwater.metadata.process.migrate import LOCK, MIGRATIONS, SCHEMAS, configuration, pending, upgrade
from headwater.metadata.process.tables import SCHEMA, metadata
from tests.conftest import PROJECT

CATALOG = {
    "columns": """
        select table_name, column_name, data_type, is_nullable, is_identity, column_default
        from information_schema.columns
        where table_schema = 'metadata' and table_name in (
            select tablename from pg_tables where schemaname = 'metadata' and tablename <> 'process_metadata_version'
        )
    """,
    "constraints": """
        select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
        where connamespace = 'metadata'::regnamespace and conrelid::regclass::text not like '%process_metadata_version'
    """,
    "indexes": """
        select indexdef from pg_indexes
        where schemaname = 'metadata' and tablename <> 'process_metadata_version'
    """,
}


def catalog(database: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All that Postgres knows of the tables of process metadata."""
    with database.connect() as connection:
        return {
            what: sorted(tuple(map(str, row)) for row in connection.execute(sa.text(statement)))
            for what, statement in CATALOG.items()
        }


def test_an_empty_database_gets_every_schema_and_table_and_the_second_call_does_nothing(
    empty_database: Engine,
) -> None:
    assert upgrade(empty_database) is True
    inspector = sa.inspect(empty_database)
    assert set(SCHEMAS) <= set(inspector.get_schema_names())
    expected = {table.name for table in metadata.tables.values()}
    assert set(inspector.get_table_names(SCHEMA)) == expected | {"process_metadata_version"}
    before = catalog(empty_database)
    assert upgrade(empty_database) is False
    assert catalog(empty_database) == before


MIGRATE = """
from headwater.metadata.connection import engine
from headwater.metadata.process.migrate import upgrade
print(upgrade(engine()))
"""
WAITING = "select count(*) from pg_locks where locktype = 'advisory' and not granted and database = :database"


def test_of_two_processes_at_once_one_migrates_and_both_go_on(empty_database: Engine) -> None:
    with empty_database.connect() as holder:  # until both have come this far
        holder.execute(sa.select(sa.func.pg_advisory_lock(sa.func.hashtextextended(LOCK, 0))))
        mine = sa.text("select oid from pg_database where datname = current_database()")
        database: int = holder.execute(mine).scalar_one()
        both = [
            subprocess.Popen(
                [sys.executable, "-c", MIGRATE],
                env={**os.environ, "PYTHONPATH": str(PROJECT)},
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            for _ in range(2)
        ]  # fmt: skip
        until = time.monotonic() + 60
        while holder.execute(sa.text(WAITING), {"database": database}).scalar_one() < 2:
            assert time.monotonic() < until, "the two do not wait for the lock of migrations"
            time.sleep(0.05)
    empty_database.dispose()  # and with the session goes the lock
    messages = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], messages
    assert sorted(out.strip() for out, _ in messages) == ["False", "True"]
    assert upgrade(empty_database) is False


def test_the_tables_are_those_that_alembic_would_make_of_the_metadata(database: Engine) -> None:
    def ours(name: str | None, kind: str, parents: Any) -> bool:
        assert parents is not None
        return name == SCHEMA if kind == "schema" else name != "process_metadata_version"

    with database.connect() as connection:
        options = {"include_schemas": True, "include_name": ours, "compare_type": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_columns_constraints_and_indexes_are_those_that_sqlalchemy_would_make(empty_database: Engine) -> None:
    with empty_database.begin() as connection:
        connection.execute(sa.schema.CreateSchema(SCHEMA))
        metadata.create_all(connection)
    made_by_sqlalchemy = catalog(empty_database)
    with empty_database.begin() as connection:
        connection.execute(sa.schema.DropSchema(SCHEMA, cascade=True))
    upgrade(empty_database)
    assert catalog(empty_database) == made_by_sqlalchemy


OLD_RUNS = """
insert into metadata.job_inst (job_inst_id, job, run_id, runner, parameters, status, started_at, ended_at)
select number, 'cities', 'run ' || number, runner, parameters::jsonb, 'failed', now(), now()
from (values
    (1, 'terminal', '{}'), (2, 'terminal', '{}'), (3, 'terminal', '{}'), (4, 'terminal', '{}'),
    (5, 'terminal', '{}'), (6, 'airflow', '{"is_full_load": true}'), (7, 'dbt', '{}'), (8, 'terminal', '{}')
) as old (number, runner, parameters);
insert into metadata.job_inst_task (job_inst_id, task, parameters, status, started_at, ended_at)
select number, task, '{}', 'failed', now(), now()
from (values
    (1, 'extract'), (1, 'raw'), (1, 'purge'), (2, 'register'), (2, 'raw'), (3, 'raw'), (3, 'dry run'),
    (4, 'verify'), (4, 'raw'), (5, 'purge'), (8, 'raw'), (8, 'staging')
) as old (number, task);
insert into metadata.log_header (log_header_id, job_inst_id, status, last_error, started_at, ended_at)
select number, number, 'failed', last_error, now(), now()
from (values
    (1, 'its own'),
    (2, 'the process ended without closing its job instance. Left running: raw'),
    (6, 'Airflow ended the run before its last task could close its job instance: failed. Left running: x')
) as old (number, last_error);
insert into metadata.log_dtl (log_header_id, level, message, context, logged_at)
select log_header_id, 'error', 'of before', '{}'::jsonb, now() from metadata.log_header where log_header_id = 2
union all
select log_header_id, 'error', last_error, '{}'::jsonb, now() from metadata.log_header
"""


def test_runs_of_before_get_what_they_were_for_and_their_own_last_error_back(empty_database: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with empty_database.begin() as connection:
        for schema in SCHEMAS:
            connection.execute(sa.schema.CreateSchema(schema))
        config.attributes["connection"] = connection
        command.upgrade(config, "0010")
        connection.exec_driver_sql(OLD_RUNS)
        command.upgrade(config, "0011")
        kinds = connection.execute(
            sa.text("select job_inst_id, kind from metadata.job_inst order by 1")
        ).all()
        headers = connection.execute(
            sa.text(
                "select job_inst_id, job_name, last_error, closed_why from metadata.log_header order by 1"
            )
        ).all()
        (full,) = connection.scalars(sa.text("select job_inst_id from metadata.job_inst where is_full_load"))
    assert {row.job_inst_id: row.kind for row in kinds} == {
        1: "run", 2: "run", 3: "dry_run", 4: "rebuild", 5: "purge", 6: "run", 7: "dbt", 8: "recall",
    }  # fmt: skip
    left, ended = "the process ended without closing its job instance.", "Airflow ended the run before"
    assert [tuple(header)[:3] for header in headers[:2]] == [
        (1, "cities", "its own"),
        (2, "cities", "of before"),
    ]
    assert headers[0].closed_why is None
    assert headers[1].closed_why.startswith(left)
    assert headers[2].last_error == headers[2].closed_why  # it said nothing itself
    assert headers[2].closed_why.startswith(ended)
    assert full == 6


def test_a_database_of_a_newer_version_is_refused_and_stays_as_it_is(empty_database: Engine) -> None:
    assert pending(empty_database).version is None
    assert pending(empty_database).migrations[0] == "0001"
    upgrade(empty_database)
    assert pending(empty_database).migrations == ()
    with empty_database.begin() as connection:
        connection.exec_driver_sql(f"update {SCHEMA}.process_metadata_version set version_num = '9999'")
    before = catalog(empty_database)
    for refused in (upgrade, pending):
        with pytest.raises(
            DatabaseRefused, match="newer Headwater has migrated this database, to version 9999"
        ):
            refused(empty_database)
    assert catalog(empty_database) == before


def test_files_of_migrations_are_named_by_their_version_and_in_their_order(empty_database: Engine) -> None:
    chain = ScriptDirectory.from_config(configuration()).walk_revisions()
    assert pending(empty_database).migrations == tuple(reversed([one.revision for one in chain]))


@pytest.mark.usefixtures("empty_database")
def test_alembic_is_not_imported_for_a_database_of_the_newest_version() -> None:
    code = """
import sys
from headwater.metadata.connection import engine
from headwater.metadata.process.migrate import pending, upgrade
upgrade(engine())
assert pending(engine()).migrations == ()
print("alembic" in sys.modules)
"""
    first, second = (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )
    assert (first, second) == ("True\n", "False\n")
