"""Expectations of a source, checked by the real Great Expectations: by delivery, late and in silence."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from great_expectations.core import ExpectationValidationResult
from great_expectations.expectations.expectation import Expectation

from headwater.checks import run
from headwater.metadata.errors import CheckInvalid
from tests.headwater.checks.conftest import MakeBench
from tests.support.verdicts import recorded, result

BETWEEN = {
    "expect": "expect_column_values_to_be_between",
    "column": "reading",
    "min_value": 0,
    "max_value": 10,
}
ROWS = {"expect": "expect_table_row_count_to_be_between", "min_value": 2}
NORTH, SOUTH = ("north", 1, Decimal("1.5"), "a"), ("south", 1, Decimal("2.5"), None)


def test_no_staged_row_comes_to_python_for_extra_expectations(make_bench: MakeBench) -> None:
    bench = make_bench("station integer*, reading numeric", BETWEEN)
    bench.stage([(1, 5), (2, 10)])
    fetched = []

    def count_rows(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith('select * from "staging"'):
            fetched.append(cursor.rowcount)

    sa.event.listen(sa.Engine, "after_cursor_execute", count_rows)
    try:
        bench.check()
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", count_rows)

    assert fetched
    assert set(fetched) == {0}


def test_extra_expectations_are_split_into_a_result_per_delivery(make_bench: MakeBench) -> None:
    bench = make_bench("station integer*, reading numeric", BETWEEN, ROWS)
    good = bench.stage([(1, 5), (2, 10)])
    too_high = bench.stage([(1, 5), (2, 11), (3, 99)])
    too_short = bench.stage([(1, 5)])

    verdicts = {v.delivery_sqn: v for v in bench.check()}

    between, rows = "expect_column_values_to_be_between(reading)", "expect_table_row_count_to_be_between"
    assert {sqn: [r.check_name for r in v.halting] for sqn, v in verdicts.items()} == {
        good: [],
        too_high: [between],
        too_short: [rows],
    }
    found = result(verdicts[too_high], between)
    assert (found.observed, found.unexpected_count) == ("2 unexpected of 3", 2)
    assert found.unexpected_sample == (
        {"key": {"station": 2}, "reading": 11, "line": 3},
        {"key": {"station": 3}, "reading": 99, "line": 4},
    )
    assert result(verdicts[too_short], rows).observed == "1"
    assert len(recorded(bench)) == 3 * 7


def test_a_row_wise_expectation_that_holds_is_asked_once_for_all(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headwater.checks import validation

    asked: list[tuple[int, int]] = []  # deliveries, expectations
    original = validation._Staging.ask

    def ask(
        self: validation._Staging,
        deliveries: Sequence[int],
        expectations: Mapping[str, Expectation],
        result_format: str = "SUMMARY",
        *,
        whole: bool = True,
    ) -> dict[str, ExpectationValidationResult]:
        if expectations:
            asked.append((len(deliveries), len(expectations)))
        return original(self, deliveries, expectations, result_format, whole=whole)

    monkeypatch.setattr(validation._Staging, "ask", ask)
    bench = make_bench("station integer*, reading numeric", BETWEEN)
    for _ in range(3):
        bench.stage([(1, 5)])

    verdicts = bench.check()

    assert [v.passed for v in verdicts] == [True] * 3
    assert [one for one in asked if one[1]] == [(3, 3), (3, 1), (3, 1)], "no question about one delivery"


def test_mostly_and_uniqueness_are_checked_by_each_delivery_alone(make_bench: MakeBench) -> None:
    mostly = BETWEEN | {"mostly": 0.6}
    unique = {"expect": "expect_column_values_to_be_unique", "column": "station"}
    bench = make_bench("station integer*, reading numeric", mostly, unique)
    # together 4 of 6 are in range: only alone does the second one fail
    good = bench.stage([(1, 5), (2, 5), (3, 5)])
    bad = bench.stage([(1, 5), (2, 50), (3, 50)])

    verdicts = {v.delivery_sqn: v for v in bench.check()}

    assert verdicts[good].passed
    assert [r.check_name for r in verdicts[bad].halting] == ["expect_column_values_to_be_between(reading)"]


def test_a_failing_expectation_of_severity_warning_lets_the_delivery_pass(make_bench: MakeBench) -> None:
    bench = make_bench("station integer*, reading numeric", BETWEEN | {"severity": "warning"})
    bench.stage([(1, 50)])

    (verdict,) = bench.check()

    assert verdict.passed
    assert [(r.severity, r.unexpected_count) for r in verdict.warnings] == [("warning", 1)]
    assert bench.rows("select event, checks from metadata.delivery_event") == [("passed", [])]


def test_one_expectation_twice_is_two_checks(make_bench: MakeBench) -> None:
    bench = make_bench(
        "station integer*, reading numeric", BETWEEN, BETWEEN | {"max_value": 6, "severity": "warning"}
    )
    bench.stage([(1, 8)])

    (verdict,) = bench.check()

    assert [(r.check_name, r.severity, r.passed) for r in verdict.results[-2:]] == [
        ("expect_column_values_to_be_between(reading)", "critical", True),
        ("expect_column_values_to_be_between(reading) #2", "warning", False),
    ]


def test_an_expectation_that_does_not_fit_its_column_names_check_and_reason(make_bench: MakeBench) -> None:
    bench = make_bench("station integer*, note text", BETWEEN | {"column": "note"})
    bench.stage([(1, "x")])

    with pytest.raises(CheckInvalid) as error:
        bench.check()

    assert str(error.value) == (
        "source readings: quality check expect_column_values_to_be_between(note): cannot be run on"
        " staging.stg_readings: operator does not exist: text >= numeric; expected parameters that fit the"
        " datatypes of its columns"
    )
    assert recorded(bench) == [], "nothing is checked by half"


def test_columns_named_like_our_own_or_like_sql_are_no_trouble(make_bench: MakeBench) -> None:
    bench = make_bench("order text*, place integer*, row_count text, lines text, found text")
    bench.stage([("a", 1, "x", "y", "z"), ("a", 1, "x", "y", "z")])

    (verdict,) = bench.check()

    expected = ({"key": {"order": "a", "place": 1}, "lines": [2, 3]},)
    assert result(verdict, "duplicate_keys").unexpected_sample == expected
    assert result(verdict, "duplicate_rows").unexpected_sample == expected


def test_great_expectations_starts_late_and_without_a_word() -> None:
    code = """
import sys
from headwater.checks import run
assert "great_expectations" not in sys.modules
run._start_great_expectations()
assert "great_expectations" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_nothing_pending_starts_nothing_and_says_nothing(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench()
    monkeypatch.setattr(run, "_start_great_expectations", lambda: pytest.fail("there is nothing to check"))

    assert bench.check() == []
    assert bench.messages == []
    assert not bench.home.exists()


def test_the_terminal_hears_nothing_of_great_expectations(
    make_bench: MakeBench, capfd: pytest.CaptureFixture[str]
) -> None:
    bench = make_bench("station integer*, note text", BETWEEN | {"column": "note"})
    bench.stage([(1, "x")])
    with contextlib.suppress(CheckInvalid):
        bench.check()

    assert capfd.readouterr() == ("", "")
