"""Removals and renamings in the database: all that is of the source, nothing of others, and on record."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.metadata.errors import HeadwaterError
from headwater.metadata.process.source_changes import (
    begin_change,
    drop_source,
    end_change,
    last_removal,
    open_change,
    rename_source,
    require_no_change,
    require_source_droppable,
    source_size,
)
from tests.metadata.process.conftest import SOURCE, Ledger

TABLES = f"""
create table raw.{SOURCE} (line_number bigint);
create index {SOURCE}_sqn_idx on raw.{SOURCE} (line_number);
create table staging.stg_{SOURCE} (line_number bigint);
create index stg_{SOURCE}_delivery_sqn_idx on staging.stg_{SOURCE} (line_number);
create table historical.{SOURCE} (key text, valid_to timestamptz);
create unique index {SOURCE}_current_key on historical.{SOURCE} (key);
create table historical.{SOURCE}_of_others (key text constraint {SOURCE}_of_others_current_key primary key);
insert into raw.{SOURCE} values (1), (2);
insert into historical.{SOURCE} values ('a', null), ('b', null), ('c', null);
insert into metadata.public_place values ('{SOURCE}', 'host', 443, now());
insert into metadata.job_inst (job, run_id, parameters, status, started_at, ended_at)
values ('{SOURCE}', 'run', '{{"sources": ["other", "{SOURCE}"]}}', 'succeeded', now(), now());
"""
CODE = {
    "model stg_places": 'select * from {{ headwater.raw_deliveries("places") }}\nstg_places',
    "seed s": "places",
}


@pytest.fixture
def loaded(database: Engine, ledger: Ledger) -> Engine:
    """A database with two deliveries of a source in tables of its own."""
    ledger.land(1)
    ledger.land(2, "b.csv")
    ledger.say(1, "landed", "halted", checks=("row_count",))
    with database.begin() as connection:
        connection.exec_driver_sql(TABLES)
        connection.execute(
            sa.text("insert into metadata.source_definition values (:source, cast(:told as jsonb), now())"),
            {"source": SOURCE, "told": json.dumps({"load_new": True, "code of staging": CODE})},
        )
    return database


def ask(database: Engine, statement: str) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(statement))]


def test_the_size_of_a_source_is_counted(loaded: Engine) -> None:
    with loaded.connect() as connection:
        assert source_size(connection, SOURCE) == {
            "deliveries": 2, "bytes": 2, "events": 2, "raw_rows": 2, "staging_rows": 0, "historical_rows": 3,
        }  # fmt: skip
        assert not any(source_size(connection, "no_such").values())


def test_a_renamed_source_has_its_tables_records_and_code_below_the_new_name(loaded: Engine) -> None:
    with loaded.begin() as connection:
        before = source_size(connection, SOURCE)
        rename_source(connection, SOURCE, "spots", lambda text: text.replace("places", "spots"))
        assert source_size(connection, "spots") == before
        assert not any(source_size(connection, SOURCE).values())
    indexes = (
        "select indexrelid::regclass::text from pg_index join pg_class on oid = indrelid where relname ~ :of"
    )
    with loaded.connect() as connection:
        named = connection.scalars(sa.text(indexes), {"of": "spots$"}).all()
    assert sorted(named) == [
        "historical.spots_current_key",
        "raw.spots_sqn_idx",
        "staging.stg_spots_delivery_sqn_idx",
    ]
    assert ask(loaded, "select to_regclass('historical.places_of_others_current_key') is not null") == [
        (True,)
    ]
    assert ask(loaded, "select job, parameters -> 'sources' from metadata.job_inst") == [
        ("spots", ["other", "spots"])
    ]
    ((definition,),) = ask(loaded, "select definition from metadata.source_definition where source = 'spots'")
    assert definition == {
        "load_new": True,
        "code of staging": {
            "model stg_spots": 'select * from {{ headwater.raw_deliveries("spots") }}\nstg_spots',
            "seed s": "spots",
        },
    }


def test_a_name_that_has_deliveries_is_not_given(loaded: Engine) -> None:
    with (
        loaded.begin() as connection,
        pytest.raises(HeadwaterError, match="places has 2 deliveries and 3 rows in history"),
    ):
        rename_source(connection, "others", SOURCE, str)


def test_a_dropped_source_leaves_what_is_of_others(loaded: Engine) -> None:
    with loaded.begin() as connection:
        connection.exec_driver_sql("create table marts.seen as select * from historical.places")
        drop_source(connection, SOURCE, {"seen": "marts", "never_built": "marts"})
        assert not any(source_size(connection, SOURCE).values())
    left = ask(
        loaded, "select to_regclass('historical.places_of_others')::text, to_regclass('marts.seen')::text"
    )
    assert left == [("historical.places_of_others", None)]
    assert ask(loaded, "select count(*) from metadata.job_inst") == [(1,)]
    assert ask(loaded, "select count(*) from metadata.source_definition") == [(0,)]


def test_what_a_view_reads_is_not_dropped(loaded: Engine) -> None:
    with loaded.begin() as connection:
        connection.exec_driver_sql("create view marts.mine as select * from historical.places")
    with pytest.raises(HeadwaterError, match=r"view marts\.mine depends on table historical\.places"):
        require_source_droppable(loaded, SOURCE, {})
    require_source_droppable(loaded, SOURCE, {"mine": "marts"})
    assert ask(loaded, "select count(*) from marts.mine") == [(3,)]


def test_a_change_is_on_record_and_keeps_other_commands_off_until_it_has_ended(loaded: Engine) -> None:
    change = begin_change(loaded, SOURCE, "renamed", "why", {"deliveries": 2}, "spots")
    assert begin_change(loaded, SOURCE, "renamed", "again", {}, "spots") == change  # that one goes on
    for name in (SOURCE, "spots"):
        with (
            loaded.connect() as connection,
            pytest.raises(
                HeadwaterError,
                match=f"{name}: places is being renamed to spots, .* rename-source places spots",
            ),
        ):
            require_no_change(connection, name)
        with pytest.raises(HeadwaterError, match="finish it: headwater rename-source places spots"):
            begin_change(loaded, name, "removed", "why", {})
    with loaded.begin() as connection:
        end_change(connection, change)
        assert open_change(connection, SOURCE) is None
        require_no_change(connection, "spots")
    removal = begin_change(loaded, SOURCE, "removed", "nobody\x00 reads it", {"deliveries": 2})
    with loaded.begin() as connection:
        assert last_removal(connection, SOURCE) is None
        end_change(connection, removal, {"objects": 8})
        ended = last_removal(connection, SOURCE)
    assert ended is not None
    assert (ended.counts, ended.why) == ({"deliveries": 2, "objects": 8}, "nobody\\x00 reads it")


def test_a_source_of_a_running_run_stays(loaded: Engine) -> None:
    with loaded.begin() as connection:
        connection.exec_driver_sql("update metadata.job_inst set status = 'running', ended_at = null")
    with pytest.raises(HeadwaterError, match="places: the run run works on it"):
        begin_change(loaded, SOURCE, "removed", "why", {})
    assert ask(loaded, "select count(*) from metadata.source_change") == [(0,)]
