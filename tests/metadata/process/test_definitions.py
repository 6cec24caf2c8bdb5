"""Which definition takes the place of the recorded one, and what is said where it may not."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql import JSONB

from headwater.metadata.errors import LoadFailed
from headwater.metadata.process.definitions import is_redefined, record_definition
from headwater.metadata.process.headers import record_header
from tests.metadata.process.conftest import SOURCE, Ledger

NOTHING: dict[str, Any] = {"load_new": True, "reading": {}, "names": {}}
SEMICOLON = [{"valid_from": None, "value": ";"}]


def dated(day: int, value: str | None) -> dict[str, str | None]:
    return {"valid_from": f"2026-01-{day:02}T00:00:00+00:00", "value": value}


class Recorder:
    """The recorded definition of a source, and what differs from it."""

    def __init__(self, database: Engine) -> None:
        self.database = database

    def record(self, **parts: Any) -> bool:
        with self.database.begin() as connection:
            return record_definition(connection, SOURCE, {**NOTHING, **parts})

    def differences(self, **parts: Any) -> list[str]:
        with self.database.connect() as connection:
            ask = sa.text("select metadata.definition_differences(:source, :now)").bindparams(
                sa.bindparam("now", {**NOTHING, **parts}, JSONB)
            )
            found: list[str] = list(connection.execute(ask, {"source": SOURCE}).scalars())
            assert is_redefined(connection, SOURCE, {**NOTHING, **parts}) is bool(found)
        return found

    def recorded(self) -> Any:
        with self.database.connect() as connection:
            return connection.execute(sa.text("select definition from metadata.source_definition")).scalar()

    def execute(self, statement: str) -> None:
        with self.database.begin() as connection:
            connection.execute(sa.text(statement))


@pytest.fixture
def recorder(database: Engine) -> Recorder:
    return Recorder(database)


def test_a_part_that_differs_is_said_once_something_was_read(recorder: Recorder, ledger: Ledger) -> None:
    place = {"position": 1, "data_type": "text", "format": None}
    assert recorder.record(**{"attribute a": place, "attribute b": place}) is True
    changed = {
        "load_new": False,
        "attribute a": {**place, "data_type": "date", "format": "YYYY"},
        "attribute c": place,
    }
    assert recorder.differences(**changed) == []

    ledger.land(1)
    ledger.reach(1, "landed", "raw")
    before = recorder.recorded()
    assert recorder.record(**changed) is False
    assert recorder.recorded() == before
    assert recorder.differences(**changed) == [
        'attribute a: data_type was "text", is "date"; format was null, is "YYYY"',
        "attribute b is gone",
        "attribute c is new",
        "load_new was true, is false",
    ]
    moved = {"attribute a": {**place, "position": 2}, "attribute b": place}
    assert recorder.differences(**moved) == ["attribute a has another place"]
    assert recorder.differences(**moved, load_new=False) == ["load_new was true, is false"]


@pytest.mark.parametrize("layer", ["raw", "staging", "historical"])
def test_while_no_layer_holds_anything_a_definition_is_replaced_and_empty_tables_go(
    recorder: Recorder, ledger: Ledger, layer: str
) -> None:
    tables = ("raw.places", "staging.stg_places", "historical.places")
    recorder.execute(";".join(f"create table {table} (x int)" for table in tables))
    recorder.record()
    ledger.land(1)
    assert recorder.record() is True
    recorder.execute(";".join(f"select * from {table}" for table in tables))
    assert recorder.record(load_new=False) is True
    assert recorder.recorded()["load_new"] is False
    for table in tables:
        recorder.execute(f"create table {table} (y int)")
    ledger.reach(1, layer)
    assert recorder.record(load_new=True) is False
    recorder.execute(";".join(f"select y from {table}" for table in tables))


def test_a_view_on_an_empty_table_is_named(recorder: Recorder) -> None:
    recorder.record()
    recorder.execute(
        "create table historical.places (x int); create view marts.map as select * from historical.places"
    )
    with pytest.raises(
        LoadFailed, match=r"^places: view marts\.map depends on table historical\.places\. Drop what"
    ):
        recorder.record(load_new=False)


def test_a_part_that_was_never_recorded_is_as_it_is_now(recorder: Recorder, ledger: Ledger) -> None:
    recorder.execute(
        "insert into metadata.source_definition values ('places', '{\"load_new\": true}', now())"
    )
    ledger.land(1)
    ledger.reach(1, "raw")
    now: dict[str, Any] = {
        "reading": {"delimiter": SEMICOLON},
        "names": {"a": ["a", "b"]},
        "on_duplicate_key": "halt",
    }
    assert recorder.record(**now) is True
    assert recorder.recorded() == {**NOTHING, **now}
    assert recorder.record() is False


# what was, what it becomes, what is said of deliveries of January 5, 10 and 15 that were read
READING = {
    "for all": ([], SEMICOLON, ['delimiter was the default, is ";", for 5.csv and 2 more']),
    "for some": ([], [dated(10, ";")], ['delimiter was the default, is ";", for 10.csv and 1 more']),
    "for none before": ([], [dated(2, ";"), dated(4, None)], []),
    "for none between": ([dated(6, ";")], [dated(9, ";")], []),
    "for none after": ([dated(10, ";")], [dated(10, ";"), dated(16, "|")], []),
    "from the moment of the last": ([], [dated(15, ";")], ['delimiter was the default, is ";", for 15.csv']),
    "no more": (SEMICOLON, [], ['delimiter was ";", is the default, for 5.csv and 2 more']),
    "each otherwise": (
        [dated(10, "x")],
        [dated(10, "y"), dated(12, "z")],
        ['delimiter was "x", is "y", for 10.csv', 'delimiter was "x", is "z", for 15.csv'],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", READING)
def test_only_what_would_be_read_otherwise_differs(recorder: Recorder, ledger: Ledger, case: str) -> None:
    was, becomes, message = READING[case]
    assert recorder.record(reading={"delimiter": was, "encoding": [dated(1, "latin1")]})
    for sqn, day in enumerate((5, 10, 15), start=1):
        ledger.land(sqn, f"{day}.csv", day)
        ledger.reach(sqn, "raw", "historical")
    now = {"reading": {"delimiter": becomes, "encoding": [dated(1, "latin1")]}}
    assert recorder.differences(**now) == message
    assert recorder.record(**now) is (not message)
    assert recorder.recorded()["reading"]["delimiter"] == (was if message else becomes)


def test_a_delivery_that_is_read_again_does_not_bind(recorder: Recorder, ledger: Ledger) -> None:
    """Landed and no more, or replayed: it is read anew in any case. Purged, history holds what was read."""
    recorder.record()
    for sqn, day in enumerate((5, 10), start=1):
        ledger.land(sqn, f"{day}.csv", day)
        ledger.reach(sqn, "raw", "staging", "historical")
    ledger.land(3, "7.csv", 7)
    now = {"reading": {"delimiter": [dated(6, ";")]}}
    assert recorder.differences(**now) == ['delimiter was the default, is ";", for 10.csv']
    recorder.execute(
        "update metadata.delivery_status set status = 'purged' where layer = 'raw' and delivery_sqn = 2"
    )
    recorder.execute("delete from metadata.delivery_status where layer = 'staging'")
    assert recorder.differences(**now) == ['delimiter was the default, is ";", for 10.csv']
    ledger.say(2, "replayed")
    assert recorder.differences(**now) == []
    assert recorder.record(**now)


def test_another_name_differs_where_a_header_that_was_read_has_it(recorder: Recorder, ledger: Ledger) -> None:
    recorder.record(names={"c": ["c", "d"]})
    for sqn, header in enumerate((["a", "b"], ["a", "new"], ["a", "b", "c", "d"]), start=1):
        ledger.land(sqn, f"{sqn}.csv", sqn)
        ledger.reach(sqn, "raw")
        with recorder.database.begin() as connection:
            record_header(connection, sqn, header)
    ledger.land(4, "4.csv", 4)
    with recorder.database.begin() as connection:
        record_header(connection, 4, ["late"])
    assert recorder.differences(names={"c": ["c", "d"], "b": ["b", "late"]}) == []
    assert recorder.differences(names={"c": ["c", "d"], "b": ["b", "new"]}) == [
        'column b was missing, is "new", for 2.csv'
    ]
    assert recorder.differences(names={"c": ["d", "c"]}) == ['column c was "c", is "d", for 3.csv']
    assert recorder.differences() == []
