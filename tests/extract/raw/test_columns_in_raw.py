"""Deliveries whose columns break the contract, on their way into raw: halted, on record, and let in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.extract.raw.load import lacking_columns
from headwater.extract.raw.pending import LoadSummary, load_pending
from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.process.events import record_event
from headwater.metadata.static.model import Source
from tests.support.sources import land_bytes, make_source

TOWNS = ("Ulm", "Bonn", "Kiel", "Jena")


class Door:
    """Lands contents, each dated a day after the one before, and loads what is pending."""

    def __init__(self, engine: Engine, store: ObjectStore, job_inst_id: int) -> None:
        self.engine, self.store, self.job_inst_id = engine, store, job_inst_id
        self.days = 0

    def land(self, source: Source, content: str) -> Delivery:
        self.days += 1
        name = f"places-{self.days}.csv"
        landed = land_bytes(self.engine, self.store, source, content.encode(), name, self.job_inst_id)
        self.query(
            "update metadata.delivery set delivery_date = delivery_date + interval '1 day' * :days"
            " where delivery_sqn = :sqn returning 1",
            days=self.days, sqn=landed.delivery_sqn,
        )  # fmt: skip
        return replace(landed, delivery_date=landed.delivery_date + timedelta(days=self.days))

    def load(self, source: Source) -> LoadSummary:
        def report(level: str, message: str, **context: Any) -> None: ...

        return load_pending(self.engine, self.store, source, self.job_inst_id, report)

    def refusal(self, source: Source, content: str) -> tuple[str, str]:
        self.land(source, content)
        ((_, check, why),) = self.load(source).refused
        return check, why

    def say(self, sqn: int, event: str, *checks: str) -> None:
        record_event(self.engine, self.store, sqn, "places", event, why="a test", checks=checks)

    def query(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.engine.begin() as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement), values)]


@pytest.fixture
def door(database: Engine, store: ObjectStore, job_inst_id: int) -> Door:
    return Door(database, store, job_inst_id)


def csv(header: str, row: Callable[[int], str], count: int = 4) -> str:
    return "\n".join([header, *map(row, range(count))]) + "\n"


def test_a_missing_column_halts_before_raw_and_is_on_record_as_a_check_with_its_header(door: Door) -> None:
    source = make_source(["id", "name", "people"])
    delivery = door.land(source, "id,people,x\n1,2,3\n")
    why = (
        "places-1.csv:1: 'name' is missing: where it may be, set its is_optional to true in seeds/attribute.csv."
        " Without an attribute: 'x' (column 3). Once that is mended, `headwater replay 1` loads it;"
        " `headwater accept 1` takes it as it is, what is missing as null, what is unknown in _rest."
    )
    assert door.load(source).refused == [(delivery, "columns", why)]
    assert door.query("select event, checks, why from metadata.delivery_event") == [
        ("halted", ["columns"], why)
    ]
    assert door.query(
        "select check_name, severity, passed, observed, unexpected_count, unexpected_sample"
        " from metadata.data_quality_checks"
    ) == [
        (
            "columns", "critical", False, why, 2,
            [{"column": "name", "found": "missing"}, {"column": "x", "found": "no attribute", "place": 3}],
        )
    ]  # fmt: skip
    assert door.query("select column_names from metadata.delivery_header") == [(["id", "people", "x"],)]
    assert door.query("select to_regclass('raw.places')") == [(None,)]
    assert door.load(source).refused == []  # it is not tried again


def test_in_the_first_file_a_name_like_the_missing_one_is_a_slip_of_the_metadata(door: Door) -> None:
    assert door.refusal(make_source(["id", "name"]), "id,Name\n1,Ulm\n") == (
        "columns",
        "places-1.csv:1: 'name' is missing, and 'Name' (column 2) has no attribute: is it meant? Then its source_name"
        " in seeds/attribute.csv should be 'Name'. Once that is mended, `headwater replay 1` loads it;"
        " `headwater accept 1` takes it as it is, what is missing as null, what is unknown in _rest.",
    )


def test_a_renamed_column_is_found_by_its_values_even_where_name_and_place_are_new(door: Door) -> None:
    source = make_source(["id", "name", "people"])
    door.land(source, csv("id,name,people", lambda n: f"{n},{TOWNS[n]},{n}00"))
    assert len(door.load(source).loaded) == 1
    check, why = door.refusal(source, csv("maire,id,libelle,people", lambda n: f"M{n},{n},{TOWNS[n]},{n}00"))
    assert (check, why.partition(". ")[0]) == (
        "columns",
        "places-2.csv:1: 'name' is missing, and 'libelle' (column 3) has no attribute: was it renamed?"
        " Then add places,renamed_columns,name=libelle, to seeds/source_attribute.csv",
    )
    mended = replace(source, options={"renamed_columns": "name=libelle"})
    door.say(2, "replayed")
    assert [d.delivery_sqn for d, _ in door.load(mended).loaded] == [2]
    assert door.query("select name, _rest from raw.places where delivery_sqn = 2 and id = '0'") == [
        ("Ulm", {"maire": "M0"})
    ]


def test_accepted_it_is_loaded_with_nulls_and_again_when_raw_is_wanted_again_until_it_is_replayed(
    door: Door,
) -> None:
    source = make_source(["id", "name"], on_unknown_column="halt")
    assert door.refusal(source, "id,x\n1,a\n")[0] == "columns"
    door.say(1, "accepted", "columns")
    for _ in range(2):
        loaded = door.load(source).loaded
        assert lacking_columns(loaded) == [
            "places-1.csv: loaded without 'name', null there: a verdict that was given stands"
        ]
        assert door.query("select id, name, _rest from raw.places") == [("1", None, {"x": "a"})]
        door.query("delete from metadata.delivery_status where layer = 'raw' returning 1")
        door.query("delete from raw.places returning 1")
        door.say(1, "passed")
    door.say(1, "replayed")
    assert [check for _, check, _ in door.load(source).refused] == ["columns"]


def test_an_accepted_delivery_is_still_checked_by_the_other_checks(door: Door) -> None:
    source = make_source(["id", "name"])
    door.refusal(source, "id\n1\n")
    state = "select verdict, counts from metadata.delivery_state"
    assert door.query(state) == [("halted", False)]
    door.say(1, "accepted", "columns")
    assert door.query(state) == [("pending", False)]
    door.say(1, "halted", "duplicate_keys")
    assert door.query(state) == [("halted", False)]
    door.say(1, "accepted", "duplicate_keys")
    assert door.query(state) == [("passed", True)]


def test_without_its_key_not_even_a_delivery_that_was_let_in_comes_into_raw(door: Door) -> None:
    source = make_source(["id", "name"])
    assert door.refusal(source, "name\nUlm\n")[0] == "key_columns"
    door.say(1, "accepted", "key_columns")
    summary = door.load(source)
    assert summary.loaded == []
    assert "'id' is missing, of the key" in str((summary.refused, summary.failed))


def test_deliveries_that_passed_before_a_column_had_to_be_there_are_named_together(door: Door) -> None:
    source = make_source(["id"])
    for _ in range(3):
        door.land(source, "id,name\n1,Ulm\n" if door.days == 2 else "id\n1\n")
    assert len(door.load(source).loaded) == 3
    for sqn in (1, 2, 3):
        door.say(sqn, "passed")
    door.query("delete from metadata.delivery_status where layer = 'raw' returning 1")
    door.query("truncate raw.places; select 1")
    loaded = door.load(make_source(["id", "name"])).loaded
    assert lacking_columns(loaded) == [
        "2 deliveries, places-1.csv to places-2.csv: loaded without 'name', null there: a verdict that was given stands"
    ]
    assert door.query("select delivery_sqn, name from raw.places order by 1") == [
        (1, None),
        (2, None),
        (3, "Ulm"),
    ]


def test_a_file_without_a_header_says_where_one_is_expected(door: Door) -> None:
    assert door.refusal(make_source(["id", "name"]), "1,Ulm\n2,Bonn\n") == (
        "key_columns",
        "places-1.csv:1: none of the columns of places is in the header, which reads '1', 'Ulm': expected it on"
        " line 1 (header_line), its values separated by ',' (delimiter). Once that is mended, `headwater replay 1`"
        " loads it.",
    )
