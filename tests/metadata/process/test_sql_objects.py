"""Functions and views of process metadata are those of their files, whatever a database had before."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import Engine

from headwater.metadata.errors import DatabaseRefused
from headwater.metadata.process import sql_objects
from headwater.metadata.process.migrate import configuration, upgrade
from headwater.metadata.process.tables import SCHEMA

OBJECTS = f"""
select proname, pg_get_function_identity_arguments(oid), prosrc, coalesce(pg_get_function_sqlbody(oid), '')
from pg_proc where pronamespace = '{SCHEMA}'::regnamespace
union all
select viewname, '', definition, '' from pg_views where schemaname = '{SCHEMA}'
union all
select tgname, '', pg_get_triggerdef(oid), '' from pg_trigger where not tgisinternal
order by 1, 2
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the files, which the next upgrade applies."""
    copy = Path(shutil.copytree(sql_objects.FOLDER, tmp_path / "sql"))
    monkeypatch.setattr(sql_objects, "FOLDER", copy)
    monkeypatch.setattr(sql_objects, "sql_files", sql_objects.sql_files.__wrapped__)  # nothing is remembered
    return copy


def replace(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / f"{name}.sql"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def objects(database: Engine) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(OBJECTS))]


def execute(database: Engine, statement: str) -> list[tuple[object, ...]]:
    with database.begin() as connection:
        result = connection.exec_driver_sql(statement)
        return [tuple(row) for row in result] if result.returns_rows else []


def test_a_database_has_the_functions_and_views_of_the_files_and_no_others(database: Engine) -> None:
    assert {name for name, *_ in objects(database)} == set(sql_objects.sql_files())
    assert upgrade(database) is False


@pytest.mark.usefixtures("folder")
def test_a_database_without_a_record_of_them_gets_them_all_again(database: Engine) -> None:
    before = objects(database)
    config = configuration()
    with database.begin() as connection:
        connection.execute(
            sa.text("drop view metadata.delivery_state")
        )  # reads a column that was not there then
        config.attributes["connection"] = connection
        command.downgrade(config, "0012")
    execute(
        database,
        "create or replace function metadata.lock_source(of_source text) returns void language sql return null",
    )
    assert upgrade(database) is True
    assert objects(database) == before


def test_what_changed_is_replaced_and_nothing_else(database: Engine, folder: Path) -> None:
    before = execute(
        database, "select oid from pg_proc where pronamespace = 'metadata'::regnamespace order by oid"
    )
    execute(database, "create view public.of_a_user as select status from metadata.delivery_state")
    replace(folder, "is_jsonb", "501", "502")
    assert upgrade(database) is True
    assert upgrade(database) is False
    assert "{502}" in {name: body for name, _, body, _ in objects(database)}["is_jsonb"]
    assert before == execute(
        database, "select oid from pg_proc where pronamespace = 'metadata'::regnamespace order by oid"
    )
    assert execute(database, "select count(*) from public.of_a_user") == [(0,)]


def test_other_columns_and_parameters_are_made_anew_with_all_that_reads_them(
    database: Engine, folder: Path
) -> None:
    replace(folder, "fallen_out_row", "delivery.publisher_name", "delivery.publisher_name as its_name")
    replace(folder, "lock_source", "of_source", "that_source")
    replace(folder, "has_layers", "(of_source text)", "(of_source text, of_layer text default null)")
    assert upgrade(database) is True
    found = {(name, parameters) for name, parameters, *_ in objects(database)}
    assert {("has_layers", "of_source text, of_layer text"), ("lock_source", "that_source text")} <= found
    assert len(found) == len(sql_objects.sql_files())  # the trigger has its function's name
    execute(database, "select its_name from metadata.fallen_out_row")


def test_what_has_no_file_any_more_goes(database: Engine, folder: Path) -> None:
    (folder / "run_report.sql").unlink()
    (folder / "next_event_at.sql").unlink()
    assert upgrade(database) is True
    assert not {"run_report", "next_event_at"} & {name for name, *_ in objects(database)}


def test_a_view_of_a_user_that_would_be_lost_stops_the_upgrade_and_is_named(
    database: Engine, folder: Path
) -> None:
    execute(database, "create view public.of_a_user as select run_status from metadata.run_report")
    before = objects(database)
    replace(folder, "run_report", "as run_status", "as status_of_run")
    with pytest.raises(
        DatabaseRefused, match=r"view of_a_user depends on view metadata.run_report"
    ) as refused:
        upgrade(database)
    assert "Drop what depends on it, upgrade, and make it again." in str(refused.value)
    assert objects(database) == before
    execute(database, "drop view public.of_a_user")
    assert upgrade(database) is True


def test_a_mistake_in_a_file_is_told_and_changes_nothing(database: Engine, folder: Path) -> None:
    before = objects(database)
    replace(folder, "is_jsonb", "begin", "begi")
    with pytest.raises(sa.exc.ProgrammingError, match="syntax error"):
        upgrade(database)
    assert objects(database) == before
