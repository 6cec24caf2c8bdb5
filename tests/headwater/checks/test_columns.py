"""Findings about the columns of a delivery beside the one before, and about values that are not of their type."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headwater.checks import CheckResult, Verdict, columns
from headwater.checks.verdict import SAMPLE_SIZE
from headwater.extract.schema.columns import match_header
from headwater.extract.schema.contract import unknown_name
from headwater.metadata.process.headers import record_header
from tests.headwater.checks.conftest import MakeBench
from tests.support.sources import make_source
from tests.support.work import Counted, work_of

USUAL = ["region", "station", "reading", "note"]


def stage(bench: Any, *header: str, station: int = 1) -> int:
    """Stage a delivery that came with these columns."""
    sqn: int = bench.stage([("north", station, None, None)])
    with bench.engine.begin() as connection:
        record_header(connection, sqn, header)
    return sqn


def found(verdict: Verdict, name: str = "columns") -> CheckResult:
    (result,) = [r for r in verdict.results if r.check_name == name]
    return result


def findings(bench: Any) -> list[tuple[bool, str | None]]:
    verdicts = bench.check()
    assert all(verdict.passed for verdict in verdicts)  # it never halts here: raw has
    return [(found(verdict).passed, found(verdict).observed) for verdict in verdicts]


def optional(bench: Any, *names: str) -> None:
    attributes = (replace(a, is_optional=a.target_name in names) for a in bench.source.attributes)
    bench.source = replace(bench.source, attributes=tuple(attributes))


def test_without_a_header_on_record_nothing_is_said(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.stage([("north", 1, None, None)])
    assert "columns" not in [r.check_name for r in bench.check()[0].results]


def test_a_kept_column_is_named_when_it_is_new_and_only_then(make_bench: MakeBench) -> None:
    bench = make_bench()
    stage(bench, *USUAL, "x")
    stage(bench, "y", *USUAL, "x")
    stage(bench, "x", *USUAL, "y")
    stage(bench, *USUAL)
    assert findings(bench) == [
        (True, "as before; without an attribute, kept in _rest: 'x' (column 5)"),
        (False, "'y' (column 1) is new: kept in _rest"),
        (True, "as before; without an attribute, kept in _rest: 'x' (column 1), 'y' (column 6)"),
        (True, "every column has an attribute"),
    ]


def test_an_ignored_column_is_named_from_the_first_delivery_on(make_bench: MakeBench) -> None:
    bench = make_bench(on_unknown_column="ignore")
    stage(bench, *USUAL, "x")
    stage(bench, *USUAL, "x")
    stage(bench, *USUAL, "x", "y")
    assert findings(bench) == [
        (False, "'x' (column 5) is unknown: not kept"),
        (True, "as before; without an attribute, not kept: 'x' (column 5)"),
        (False, "'y' (column 6) is new: not kept"),
    ]


def test_an_optional_column_is_missed_only_in_the_delivery_in_which_it_goes(make_bench: MakeBench) -> None:
    bench = make_bench()
    optional(bench, "note")
    stage(bench, "region", "station", "reading")
    stage(bench, *USUAL)
    stage(bench, "region", "station", "reading")
    stage(bench, "region", "station", "reading")
    assert findings(bench) == [
        (True, "every column has an attribute"),
        (True, "every column has an attribute"),
        (False, "'note' is gone, and null from here on"),
        (True, "every column has an attribute"),
    ]


def test_an_optional_column_that_was_renamed_is_asked_about(make_bench: MakeBench) -> None:
    bench = make_bench()
    optional(bench, "note")
    stage(bench, *USUAL)
    sqn = stage(bench, "region", "station", "reading", "Notes")
    _, verdict = bench.check()
    observed = (
        "'note' is gone, and null from here on; 'note' may be 'Notes' (column 4) now: then add"
        " readings,renamed_columns,note=Notes, to seeds/source_attribute.csv; 'Notes' (column 4) is new: kept in _rest"
    )
    assert found(verdict).observed == observed
    assert found(verdict).unexpected_sample == (
        {"column": "note", "found": "gone"},
        {"column": "note", "found": "perhaps renamed", "perhaps": "Notes"},
        {"column": "Notes", "found": "new", "place": 4},
    )
    assert bench.rows(
        f"select severity, passed, observed, unexpected_count from metadata.data_quality_checks"
        f" where delivery_sqn = {sqn} and check_name = 'columns'"
    ) == [("warning", False, observed, 3)]


def test_a_column_that_must_be_there_is_missing_in_what_was_accepted(make_bench: MakeBench) -> None:
    bench = make_bench()
    stage(bench, "region", "station", "note")
    assert findings(bench) == [(False, "'reading' is missing, and null")]


def test_names_that_come_twice_or_are_blank_are_told_apart_by_their_places(make_bench: MakeBench) -> None:
    bench = make_bench()
    stage(bench, *USUAL, "note", "", "x" * 70)
    stage(bench, *USUAL, "note", "", "", "x" * 70)
    assert findings(bench) == [
        (False, "'note' (column 5, again after column 4) is unknown: kept in _rest"),
        (False, "'' (column 7) is new: kept in _rest"),
    ]


def test_what_halted_or_was_withdrawn_is_not_what_came_before(make_bench: MakeBench) -> None:
    bench = make_bench()
    stage(bench, *USUAL)
    twice = bench.stage([("north", 1, None, None)] * 2)
    with bench.engine.begin() as connection:
        record_header(connection, twice, [*USUAL, "x"])
    stage(bench, *USUAL, "x")
    verdicts = bench.check()
    assert [verdict.passed for verdict in verdicts] == [True, False, True]
    assert found(verdicts[2]).observed == "'x' (column 5) is new: kept in _rest"


# ---------- types


def fall(bench: Any, count: int, *, stays: int = 0) -> None:
    """Stage a delivery of which `count` readings are not of their type and `stays` are."""
    sqn = bench.stage(
        [("south", number, 1, None) for number in range(stays)],
        fallen=[(line, "reading", "type") for line in range(2, count + 2)],
    )
    bench.rows(
        f"update metadata.quarantined_row set row = jsonb_build_object('reading', line_number || ' m')"
        f" where delivery_sqn = {sqn}"
    )


@pytest.mark.parametrize(
    ("count", "stays", "is_changed"),
    [(9, 0, False), (10, 0, True), (10, 1, True), (10, 2, False), (90, 10, True)],
)
def test_a_type_has_changed_when_nearly_all_of_enough_values_fall_out(
    make_bench: MakeBench, count: int, stays: int, is_changed: bool
) -> None:
    bench = make_bench()
    fall(bench, count, stays=stays)
    (verdict,) = bench.check()
    result = found(verdict, "type_changed")
    assert (result.severity, result.passed, verdict.passed) == ("critical", not is_changed, not is_changed)
    if not is_changed:
        assert result.observed == f"no column, though {count} rows fell out for a type"
        return
    assert result.observed == (
        f"reading ('reading'): {count} of {count + stays} values are no numeric, such as '2 m', '3 m', '4 m':"
        " its type or format has changed"
    )
    assert result.unexpected_sample == tuple(
        {"column": "reading", "value": f"{line} m", "line": line}
        for line in range(2, min(count, SAMPLE_SIZE) + 2)
    )


def test_a_null_is_no_value_that_fits(make_bench: MakeBench) -> None:
    bench = make_bench()
    fall(bench, 10)
    bench.rows(
        "insert into staging.stg_readings select 1, 100 + n, 1, 'west', n from generate_series(1, 50) as n"
    )
    bench.record_staged(1, staged=50, fallen=10)
    (verdict,) = bench.check()
    assert not found(verdict, "type_changed").passed


@pytest.mark.parametrize(("reaction", "expected"), [("warn", ["type_changed"]), ("ignore", [])])
def test_a_source_may_say_what_follows_from_a_changed_type(
    make_bench: MakeBench, reaction: str, expected: list[str]
) -> None:
    bench = make_bench(options={"on_type_changed": reaction})
    fall(bench, 10)
    (verdict,) = bench.check()
    assert verdict.passed
    assert [r.check_name for r in verdict.warnings] == expected


def test_where_nothing_fell_out_for_its_type_nothing_is_said(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.stage([("north", 1, None, None)], fallen=[(3, "station", "null_key")] * 12)
    (verdict,) = bench.check()
    assert "type_changed" not in [r.check_name for r in verdict.results]


def test_new_columns_are_told_by_a_count_and_not_by_a_search_for_each() -> None:
    source = make_source(["id"])

    def look(count: int) -> None:
        earlier = [Counted(f"c{n}") for n in range(count)]
        header = [*earlier, *(Counted(f"c{n}") for n in range(count))]
        match = match_header(source, header)
        assert [match.header[place] for place in columns._new(source, match, earlier)] == earlier
        assert all("again after column" in unknown_name(match, place) for place in match.unknown[count:])

    assert work_of(look, 1000) < 3 * work_of(look, 500)
