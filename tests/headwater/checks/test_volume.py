"""Doubts about rows: fewer than the least, none at all, and nothing that is new."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.headwater.checks.conftest import MakeStations
from tests.support.verdicts import finding, names, rows


@pytest.mark.parametrize(("count", "passed"), [(2, False), (3, True)])
def test_fewer_rows_than_the_least_halt(make_stations: MakeStations, count: int, passed: bool) -> None:
    bench = make_stations(options={"min_rows": "3"})
    bench.stage(rows(range(count)), fallen=[(9, "reading", "type", {"station": 9})])

    (verdict,) = bench.check()

    observed = "3 rows, at least 3: 3 of 4" if passed else "2 rows, fewer than 3: 2 of 3"
    assert finding(verdict, "min_rows") == (passed, "critical", f"{observed} rows were read, 1 fell out")
    assert verdict.passed is passed


@pytest.mark.parametrize(
    ("delivery_type", "options", "severity"),
    [
        ("snapshot", {}, "critical"),
        ("snapshot", {"on_empty": "warn"}, "warning"),
        ("snapshot", {"on_empty": "ignore"}, None),
        ("delta", {}, None),
        ("delta", {"on_empty": "halt"}, "critical"),
    ],
)
def test_an_empty_snapshot_halts_and_an_empty_delta_is_nothing_unless_the_source_says_so(
    make_stations: MakeStations, delivery_type: str, options: dict[str, str], severity: str | None
) -> None:
    bench = make_stations(delivery_type=delivery_type, options=options)
    bench.stage([])

    (verdict,) = bench.check()

    if severity is None:
        assert "empty" not in names(verdict)
    else:
        assert finding(verdict, "empty") == (False, severity, "no row can go on")
    assert verdict.passed is (severity != "critical")


def test_a_snapshot_of_which_every_row_fell_out_is_empty(make_stations: MakeStations) -> None:
    bench = make_stations()
    bench.stage([], fallen=[(2, "reading", "type", {"station": 1})])

    assert [[r.check_name for r in v.halting] for v in bench.check()] == [["empty"]]


def test_delete_marks_are_rows(make_stations: MakeStations) -> None:
    bench = make_stations(
        delivery_type="delta", options={"delete_column": "gone", "min_rows": "2", "on_empty": "halt"}
    )
    bench.stage([(True, 1, None), (True, 2, None)])

    assert [v.passed for v in bench.check()] == [True]


@pytest.mark.parametrize(
    "second",
    [
        [(1, 1), (2, None), (3, 3)],  # new
        [(1, 1)],  # removed
        [(1, 1), (2, 2)],  # changed from null
        [(1, None), (2, None)],  # changed to null
        [(1, 1), (3, None)],  # as many keys, but others
    ],
)
def test_any_difference_is_news(
    make_stations: MakeStations,
    second: list[tuple[int, int | None]],
) -> None:
    bench = make_stations()
    bench.stage([(1, 1), (2, None)])
    bench.stage(second)

    first, verdict = bench.check()

    assert finding(first, "nothing_new") == (True, "warning", "nothing is there yet")
    assert finding(verdict, "nothing_new") == (True, "warning", "not the same as what is current")


@pytest.mark.parametrize("reaction", [None, "warn", "halt", "ignore"])
def test_a_snapshot_that_differs_in_nothing_warns_or_what_the_source_says(
    make_stations: MakeStations, reaction: str | None
) -> None:
    bench = make_stations(options={"on_nothing_new": reaction} if reaction else {})
    bench.stage([(1, 1), (2, None), (3, 3)])
    bench.stage([(2, None), (1, 1)], fallen=[(4, "reading", "type", {"station": 3})])

    _, verdict = bench.check()

    if reaction == "ignore":
        assert "nothing_new" not in names(verdict)
    else:
        severity = "critical" if reaction == "halt" else "warning"
        observed = (
            "no key of the rows that were read is new, changed or removed, beside 3 that are current: 2 of 3 rows were"
            " read, 1 fell out, and what they would change is not known"
        )
        assert finding(verdict, "nothing_new") == (False, severity, observed)
    assert verdict.passed is (reaction != "halt")


def test_a_snapshot_all_of_which_was_read_is_the_same_as_what_is_current(make_stations: MakeStations) -> None:
    bench = make_stations()
    bench.stage([(1, 1), (2, None)])
    bench.stage([(2, None), (1, 1)])

    _, verdict = bench.check()

    observed = "no key is new, changed or removed: the same 2 as are current"
    assert finding(verdict, "nothing_new") == (False, "warning", observed)


def test_keys_that_would_go_may_be_those_that_cannot_be_read(make_stations: MakeStations) -> None:
    bench = make_stations(max_removed_pct=Decimal(10))
    bench.stage([(1, 1), (2, 2)])
    bench.stage([(1, 1)], fallen=[(3, "station", "null_key")])

    _, verdict = bench.check()

    observed = (
        "1 of 2 current keys would be removed (among them may be those of 1 row whose key cannot be read), 50.0 %,"
        " more than 10 %"
    )
    assert finding(verdict, "removed") == (False, "critical", observed)


def test_an_empty_delivery_of_which_all_fell_out_says_so(make_stations: MakeStations) -> None:
    bench = make_stations()
    bench.stage([], fallen=[(2, "reading", "type", {"station": 1}), (3, "reading", "type", {"station": 2})])

    (verdict,) = bench.check()

    assert finding(verdict, "empty") == (
        False,
        "critical",
        "no row can go on: 0 of 2 rows were read, 2 fell out",
    )


def test_an_untracked_attribute_is_no_news(make_stations: MakeStations) -> None:
    bench = make_stations(columns="station integer*, reading integer, seen text")
    attributes = bench.source.attributes
    bench.source = replace(
        bench.source, attributes=(*attributes[:2], replace(attributes[2], is_tracked=False))
    )
    bench.stage([(1, 1, "a")])
    bench.stage([(1, 1, "b")])

    assert [[r.check_name for r in v.warnings] for v in bench.check()] == [[], ["nothing_new"]]


def test_a_source_without_tracked_attributes_has_news_too(make_stations: MakeStations) -> None:
    bench = make_stations(columns="station integer*", max_removed_pct=Decimal(60))
    for stations in ([1, 2], [2, 1], [1], [1, 2, 3]):
        bench.stage([(station,) for station in stations])

    assert [[r.check_name for r in v.warnings] for v in bench.check()] == [[], ["nothing_new"], [], []]


def test_a_delta_that_repeats_what_is_there_is_no_doubt(make_stations: MakeStations) -> None:
    bench = make_stations(delivery_type="delta")
    bench.stage([(1, 1)])
    bench.stage([(1, 1)])

    assert ["nothing_new" in names(v) for v in bench.check()] == [False, False]
