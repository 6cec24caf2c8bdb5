"""Rows that fall out are said wherever somebody looks, and keys about which history is silent are marked as such."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from headwater.cli import render, render_rows
from headwater.cli.moments import moment
from headwater.dbt_project.dbt import Dbt
from headwater.metadata.static.model import Catalog
from headwater.metadata.static.read import read_catalog
from headwater.pipeline import decide, preparation
from headwater.pipeline.results import RunResult
from headwater.queries import quarantine, status
from headwater.queries.fallen_out import Cause, FallenOut
from tests.pipeline.line import Line, cities, of_source, prices, ratings
from tests.support.hostile import VALUES, params

STAY = {"a": ("A", 1), "b": ("B", 2), "c": ("C", 3), "d": ("D", 4)}


def printed(show_it: Any, *arguments: Any) -> str:
    """Return what a person is shown, without line breaks."""
    out = Console(width=200, file=io.StringIO(), soft_wrap=True, highlight=False)
    show_it(out, *arguments)
    return out.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def stale(line: Line, source: str) -> list[tuple[Any, ...]]:
    """Current keys about which the last word fell out, as SQL counts them."""
    return line.query(
        "select key, delivery_sqn, column_name, rule, value from metadata.stale_current_key where source = :s"
        " order by key::text",
        s=source,
    )


def lossy_day(line: Line) -> tuple[RunResult, int]:
    """Two days of cities; on the second a and b fall out though they are current, as do x, which is new, and one
    without its key."""
    first = line.deliver("cities", cities(1, STAY))
    second = line.deliver(
        "cities", cities(2, {"c": ("C", 3), "d": ("D", 5)}, unreadable=["a", "b"]),
        "a,A,\"1,5\",x", "b,B,lots,x", "x,X,many,x", ",Nameless,7,x",
    )  # fmt: skip
    line.deliver("ratings", ratings(1, {"eve": (5,)}))
    result = line.ran_well("cities", "ratings")
    line.assert_history("cities", first, second)
    return result, line.sqn(second.name)


def test_a_run_says_how_many_rows_fell_out_of_what_and_of_which_keys_history_is_silent(line: Line) -> None:
    result, sqn = lossy_day(line)

    assert of_source(result, "cities").fallen_out == FallenOut(
        deliveries=(sqn,),
        row_count=4,
        of_rows=6,
        causes=(
            Cause("people", "type", 3, ("1,5", "lots", "many")),
            Cause("city", "null_key", 1, ("",)),
        ),
        keyless_count=1,
        stale_current_keys=2,
    )
    assert of_source(result, "ratings").fallen_out is None
    message = printed(render.result, result)
    assert [line_.split() for line_ in message.splitlines()[:3]] == [
        ["source", "landed", "into", "history", "fell", "out", "halted", "status"],
        ["cities", "2", "2", "4", "0", "succeeded"],
        ["ratings", "1", "1", "0", "0", "succeeded"],
    ]
    assert message.splitlines()[3:7] == [
        f"fell out cities: 4 of 6 rows of delivery {sqn} fell out:"
        ' 3 for people (type): "1,5", "lots", "many"; 1 for city (null_key): ""',
        "         2 of their keys are current: history keeps the earlier version",
        "         1 row has a key that cannot be read: to history its row has not come, and a snapshot ends such a key",
        f"         `headwater quarantine cities --delivery {sqn}` lists them",
    ]
    in_log = line.query("select message from metadata.log_dtl where message like 'cities: %fell out%'")
    assert len(in_log) == 1

    assert [of_source(line.ran_well("cities"), "cities").fallen_out] == [None]  # nothing fell out of that run
    (row,) = [
        r for r in status.sources(line.database, read_catalog(line.project.seeds)) if r["source"] == "cities"
    ]
    assert row["fallen_out"] == of_source(result, "cities").fallen_out
    assert f"fell out cities: 4 of 6 rows of delivery {sqn}" in printed(render.sources, [row])


def test_the_list_of_deliveries_says_it_of_each(line: Line) -> None:
    _, sqn = lossy_day(line)
    first, second = status.deliveries(line.database, "cities")
    assert first["fallen_out"] is None
    assert (second["fallen_out"].row_count, second["fallen_out"].of_rows) == (4, 6)
    message = printed(render.deliveries, [first, second])
    assert "fell out" in message.splitlines()[0]
    assert f'4 of 6 rows of delivery {sqn} fell out: 3 for people (type): "1,5", "lots", "many"' in message


def test_a_current_key_whose_row_fell_out_is_countable_until_a_later_delivery_speaks_of_it(
    line: Line,
) -> None:
    _, sqn = lossy_day(line)
    assert stale(line, "cities") == [
        ({"city": "a"}, sqn, "people", "type", "1,5"),
        ({"city": "b"}, sqn, "people", "type", "lots"),
    ]
    third = line.deliver("cities", cities(3, {**STAY, "b": ("B", 2)}), "b,B,again,x")  # one row of b is good
    line.ran_well("cities")
    assert line.quarantine(third.name) != []
    assert stale(line, "cities") == []

    line.deliver("cities", cities(4, {"c": ("C", 3)}, unreadable=["a"]), "a,A,none,x")
    line.ran_well("cities")
    (fell,) = stale(line, "cities")
    assert fell[0] == {"city": "a"}
    line.deliver("cities", cities(5, {"c": ("C", 3)}))  # a is gone
    line.ran_well("cities")
    assert stale(line, "cities") == []


def test_a_delta_leaves_a_key_as_it_was_until_another_delta_has_it(line: Line) -> None:
    line.deliver("prices", prices(1, {("x", 1): (Decimal("1.50"),), ("y", 1): (Decimal(2),)}))
    fell = line.deliver("prices", prices(2, {("y", 1): (Decimal(3),)}), "x,1,8.995,", "z,1,8.995,")
    line.deliver("prices", prices(3, {("y", 1): (Decimal(4),)}))
    result = line.ran_well("prices")
    assert stale(line, "prices") == [
        ({"shop": "x", "item": 1}, line.sqn(fell.name), "price", "type", "8.995")
    ]
    fallen_out = of_source(result, "prices").fallen_out
    assert fallen_out is not None
    assert fallen_out.stale_current_keys == 1

    (row,) = [
        r for r in status.sources(line.database, read_catalog(line.project.seeds)) if r["source"] == "prices"
    ]
    assert (row["fallen_out"], row["stale_current_keys"]) == (
        None,
        1,
    )  # of an earlier delivery than the newest
    assert "1 current key of earlier deliveries" in printed(render.sources, [row])

    line.deliver("prices", prices(4, {("x", 1): (Decimal("1.50"),)}))  # it says what history says
    line.ran_well("prices")
    assert stale(line, "prices") == []


def test_what_is_withdrawn_leaves_nothing_to_say(line: Line) -> None:
    _, sqn = lossy_day(line)
    decide.decide(line.project, "withdraw", sqn, "a bad day", line.messages.append)
    assert stale(line, "cities") == []


def test_rows_that_are_of_before_are_marked_as_of_a_day(line: Line) -> None:
    _, sqn = lossy_day(line)
    dbt = Dbt(line.project.root, line.project.home, "as-of")

    def as_of(day: int, known_at: datetime | None = None, limit: int | None = None) -> status.AsOf:
        on = datetime(2026, 1, day, tzinfo=UTC)
        return status.rows_as_of(line.database, dbt, "cities", on, known_at, limit)

    found = as_of(2)
    assert {row["city"]: (row["people"], row["_fell_out"]) for row in found.rows} == {
        "a": (
            1,
            {
                "delivery_sqn": sqn, "publisher_name": "cities-20260102.csv", "line_number": 4,
                "column_name": "people", "rule": "type", "value": "1,5",
            },
        ),
        "b": (2, found.fell_out["b",]),
        "c": (3, None),
        "d": (5, None),
    }  # fmt: skip
    message = printed(render_rows.rows, "cities", moment("2026-01-02"), found)
    assert f'delivery {sqn}, line 4: people (type) "1,5"' in message
    assert (
        f"fell out 2 rows are what was true before: the row that came later for that key, in delivery {sqn},"
        in message
    )
    few = as_of(2, limit=1)
    assert (len(few.rows), few.total, len(few.fell_out)) == (1, 4, 2)

    assert as_of(1).fell_out == {}  # true then, and said so
    ((before,),) = line.query("select min(process_date) - interval '1 hour' from metadata.delivery")
    now = datetime.now(UTC)
    assert (as_of(2, known_at=before).total, as_of(2, known_at=now).fell_out) == (0, found.fell_out)

    line.deliver("cities", cities(3, STAY))
    line.ran_well("cities")
    assert len(as_of(2).fell_out) == 2  # the second day is as it was
    assert as_of(3).fell_out == {}


def test_the_quarantine_is_listed_row_by_row(line: Line) -> None:
    _, sqn = lossy_day(line)

    def found(**more: Any) -> list[tuple[Any, ...]]:
        rows = quarantine.rows(line.database, quarantine.Asked("cities", **more))
        return [(row["line_number"], row["rule"], row["value"], row["is_current_key"]) for row in rows]

    everything = [
        (4, "type", "1,5", True), (5, "type", "lots", True), (6, "type", "many", False), (7, "null_key", "", False),
    ]  # fmt: skip
    assert found() == found(delivery=sqn) == everything
    assert found(rule="null_key") == found(column="city") == everything[3:]
    assert found(is_current=True) == everything[:2]
    assert found(delivery=sqn - 1) == []
    assert list(quarantine.rows(line.database, quarantine.Asked("ratings"))) == []
    message = printed(
        render_rows.quarantine, 4, list(quarantine.rows(line.database, quarantine.Asked("cities"), 2))
    )
    assert "4 rows fell out. 2 are shown." in message


HEADER = "delivery_sqn,publisher_name,line_number,key,column_name,rule,value,is_current_key,row"


@pytest.mark.parametrize("value", params(VALUES))
def test_any_value_may_fall_out_and_is_said_on_one_line_without_ruling_the_terminal(value: str) -> None:
    answer = Cause("people", "type", 1, (value,)).message
    assert answer.isprintable()
    assert len(answer) < 400
    found = FallenOut((7,), 1, 3, (Cause("people", "type", 1, (value,)),), 0, 0)
    assert all(message.isprintable() for message in found.messages("cities"))


def test_csv_has_texts_as_they_are_and_a_spreadsheet_gets_no_formula() -> None:
    row = {
        "delivery_sqn": 7, "publisher_name": "=a.csv", "line_number": 2, "key": {"city": "=1"}, "column_name": "people",
        "rule": "type", "value": VALUES["formula"], "is_current_key": True, "row": {"people": VALUES["formula"]},
    }  # fmt: skip
    exact, safe = io.StringIO(), io.StringIO()
    quarantine.write_csv(exact, iter([row]))
    quarantine.write_csv(safe, iter([row]), for_spreadsheet=True)
    assert exact.getvalue().startswith(f"{HEADER}\n7,=a.csv,2,")
    assert f",{VALUES['formula']},true," in exact.getvalue()
    assert f",'{VALUES['formula']},true," in safe.getvalue()
    assert "7,'=a.csv,2," in safe.getvalue()


def test_more_than_may_fall_out_halts_and_shows_values_and_the_way_on(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    proper = read_catalog

    def strict(seeds: Path) -> Catalog:
        catalog = proper(seeds)
        source = replace(catalog.sources["cities"], max_fallen_out_pct=Decimal(10))
        return replace(catalog, sources={**catalog.sources, "cities": source})

    monkeypatch.setattr(preparation, "read_catalog", strict)
    halted = line.deliver("cities", cities(1, {"a": ("A", 1)}), "b,B,1234.50\x1b[2J,x")
    (halt,) = line.run("cities").halts
    sqn = line.sqn(halted.name)
    assert halt.why == (
        "fallen_out: 1 of 2 rows, 50.000 %, more than 10 %: 1 for people (type);"
        f" `headwater quarantine cities --delivery {sqn}` lists them"
        r" (line 3, column=people, rule=type, value=1234.50\x1b[2J)"
    )
    assert stale(line, "cities") == []
