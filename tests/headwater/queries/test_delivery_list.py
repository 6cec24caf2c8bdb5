"""A page of deliveries is found by indexes, whatever is filtered, and says what the whole list says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from psycopg2.extensions import cursor
from sqlalchemy.engine import Connection

from headwater.queries import status as source_status
from headwater.queries.delivery_detail import delivery_detail, source_of
from headwater.queries.delivery_list import (
    STATUSES,
    Filters,
    Page,
    counts_by_source,
    growth,
    newest_deliveries,
    page_of_deliveries,
)
from headwater.services import postgres
from tests.conftest import fresh_database
from tests.support.many_deliveries import fill

ALL = tuple(f"source_{number}" for number in range(20))


@pytest.fixture(scope="module")
def many(postgres_server: postgres.Server, template_database: str) -> Iterator[Connection]:
    """Ten thousand deliveries of twenty sources."""
    with pytest.MonkeyPatch.context() as patch, fresh_database(
        postgres_server, "test_listing", template_database, patch
    ) as made:  # fmt: skip
        fill(made)
        with made.connect() as connection:
            connection.execute(sa.text("select 1"))
            yield connection


@pytest.fixture(scope="module")
def every_delivery(many: Connection) -> list[dict[str, Any]]:
    return source_status.deliveries(many.engine, None)


def all_pages(connection: Connection, filters: Filters, size: int = 170) -> list[dict[str, Any]]:
    found, after = [], None
    while True:
        page = page_of_deliveries(connection, filters, after, size)
        found += page.deliveries
        assert len(page.deliveries) <= size
        if page.next_after is None:
            return found
        after = page.next_after


def test_pages_one_after_the_other_are_all_deliveries_once(
    many: Connection, every_delivery: list[dict[str, Any]]
) -> None:
    assert len(every_delivery) == 10_000
    newest_first = sorted((row["delivery_sqn"] for row in every_delivery), reverse=True)
    assert [row["delivery_sqn"] for row in all_pages(many, Filters(ALL), 3000)] == newest_first


@pytest.mark.parametrize("status", STATUSES)
def test_a_page_of_a_status_has_those_deliveries_and_no_others(
    many: Connection, every_delivery: list[dict[str, Any]], status: str
) -> None:
    expected = [row for row in every_delivery if row["status"] == status and row["source"] in ALL[:2]]
    found = all_pages(many, Filters(ALL[:2], status=status))
    assert {row["delivery_sqn"] for row in found} == {row["delivery_sqn"] for row in expected} != set()
    assert {row["status"] for row in found} == {status}


def test_deliveries_of_one_source_come_by_their_dates_also_when_they_landed_late(many: Connection) -> None:
    found = all_pages(many, Filters(("source_3",)))
    by_date = [(row["delivery_date"], row["publisher_name"], row["delivery_sqn"]) for row in found]
    assert by_date == sorted(by_date, reverse=True)
    landed = [row["delivery_sqn"] for row in found]
    assert landed != sorted(landed, reverse=True)


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"text": "FILE-499."}, {"file-499.csv"}),
        ({"text": "4711"}, {"file-235.csv"}),  # the number of a delivery
        ({"text": "_%"}, set()),  # nothing stands for anything
        (
            {"since": datetime(2000, 1, 11, tzinfo=UTC), "until": datetime(2000, 1, 13, tzinfo=UTC)},
            {"file-10.csv", "file-11.csv"},
        ),
    ],
)
def test_deliveries_are_found_by_name_number_and_date(
    many: Connection, filters: dict[str, Any], names: set[str]
) -> None:
    assert {row["publisher_name"] for row in all_pages(many, Filters(ALL, **filters))} == names


@pytest.mark.parametrize("seen", [("source_1",), ("source_1", "source_2")])
def test_a_delivery_of_a_source_that_is_not_asked_for_is_as_if_it_did_not_exist(
    many: Connection, every_delivery: list[dict[str, Any]], seen: tuple[str, ...]
) -> None:
    hidden = [row["delivery_sqn"] for row in every_delivery if row["source"] not in seen]
    for after in (max(hidden), hidden[len(hidden) // 2], 10**9):
        assert page_of_deliveries(many, Filters(seen), after, 5) == Page([], None)


def test_a_page_after_a_delivery_that_does_not_exist_is_empty(many: Connection) -> None:
    assert page_of_deliveries(many, Filters(ALL), 99_999, 10).deliveries == []


def test_the_newest_of_each_source_and_how_many_there_are(
    many: Connection, every_delivery: list[dict[str, Any]]
) -> None:
    newest = newest_deliveries(many, [*ALL, "unheard_of"], 5)
    assert newest["unheard_of"] == []
    for name in ALL:
        local = [row["delivery_sqn"] for row in every_delivery if row["source"] == name]
        assert [row["delivery_sqn"] for row in newest[name]] == local[:-6:-1]
    assert newest["source_3"][1]["layers"]["historical"]["new_count"] == 10
    expected = {row.source: row for row in many.execute(sa.text(source_status._SOURCES))}
    counted = counts_by_source(many, ALL)
    assert {name: tuple(found.values()) for name, found in counted.items()} == {
        name: (row.deliveries, row.pending, row.halted) for name, row in expected.items()
    }


def test_growth_ends_at_what_history_holds_and_has_no_more_points_than_asked_for(many: Connection) -> None:
    points = growth(many, "source_3", 50)
    assert len(points) == 50
    loaded: int = many.execute(
        sa.text(
            "select count(*) from metadata.delivery_state where source = 'source_3' and status = 'loaded'"
        )
    ).scalar_one()
    assert points[-1][1:] == (loaded * 15, loaded * 7)
    assert points == sorted(points)
    assert growth(many, "unheard_of", 50) == []


@pytest.mark.parametrize(
    "filters",
    [Filters(ALL), Filters(("source_3",)), Filters(ALL, status="loaded"), Filters(ALL, status="halted")],
    ids=["all", "one source", "loaded", "halted"],
)
def test_what_deliveries_amount_to_is_asked_of_the_page_and_not_of_all(
    many: Connection, filters: Filters
) -> None:
    """Read from the plan: how often the index of identities was gone through for the state of deliveries."""
    asked: list[str] = []

    def explain(
        _connection: Connection,
        cursor: cursor,
        statement: str,
        parameters: Mapping[str, object],
        _context: object,
        _many: bool,
    ) -> None:
        if statement.startswith("with listed"):
            cursor.execute("explain (analyze, costs off, timing off, summary off) " + statement, parameters)
            asked.append("\n".join(row[0] for row in cursor.fetchall()))

    sa.event.listen(many.engine, "before_cursor_execute", explain)
    try:
        page_of_deliveries(many, filters, None, 50)
    finally:
        sa.event.remove(many.engine, "before_cursor_execute", explain)
    (plan,) = asked
    windows = re.search(r"WindowAgg \(actual rows=[\d.]+ loops=(\d+)\)", plan)
    assert windows is not None, plan
    assert int(windows[1]) <= 200, plan
    assert not re.search(r"Seq Scan on (delivery|delivery_status)\b", plan), plan


def test_a_dossier_has_what_is_on_record_of_one_delivery(many: Connection) -> None:
    assert source_of(many, 4711) == "source_11"
    assert source_of(many, 99_999) is None
    found = delivery_detail(many, 4211)  # of place 210 in its source: it was halted, and accepted
    assert found.facts["status"] == "loaded"
    assert [layer["layer"] for layer in found.layers] == ["landed", "raw", "staging", "checks", "historical"]
    assert [event["event"] for event in found.events] == ["accepted", "halted", "landed"]
    assert found.events[0]["event_at"] - found.events[1]["event_at"] == timedelta(seconds=1)
    assert [(run["job"], run["run_id"], run["kind"], run["closed_why"]) for run in found.runs] == [
        ("many", "many", "run", None)
    ]
    assert delivery_detail(many, 4991).facts["landed_again_as"] == 5011
