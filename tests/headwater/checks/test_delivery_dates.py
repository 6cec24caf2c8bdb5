"""Doubts about dates: ahead of the clock, before the source began, and gaps in a series."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headwater.checks import CheckResult
from tests.headwater.checks.conftest import MakeStations
from tests.support.verdicts import finding, names, result, rows

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ahead", "passed"),
    [(timedelta(0), True), (timedelta(days=1), True), (timedelta(days=1, seconds=60), False)],
)
def test_a_date_more_than_a_day_ahead_halts(
    make_stations: MakeStations, ahead: timedelta, passed: bool
) -> None:
    bench = make_stations()
    bench.stage(rows(range(1)), delivery_date=MARCH + ahead, process_date=MARCH)

    (verdict,) = bench.check()

    assert result(verdict, "delivery_date_in_future").passed is passed
    assert verdict.passed is passed
    if passed:  # what the record says of a sound delivery does not depend on when it was got
        assert result(verdict, "delivery_date_in_future").observed == f"dated {MARCH + ahead:%Y-%m-%d}"
    else:
        assert verdict.why == "delivery_date_in_future: dated 2026-03-02 00:01 UTC, got 2026-03-01"


def test_a_date_ahead_may_be_of_no_concern(make_stations: MakeStations) -> None:
    bench = make_stations(options={"on_delivery_date_in_future": "ignore"})
    bench.stage(rows(range(1)), delivery_date=MARCH + timedelta(days=99), process_date=MARCH)

    (verdict,) = bench.check()

    assert verdict.passed
    assert "delivery_date_in_future" not in names(verdict)


@pytest.mark.parametrize(
    ("date", "observed"),
    [
        (MARCH, None),
        (MARCH - timedelta(seconds=60), "dated 2026-02-28 23:59 UTC, before 2026-03-01"),
    ],
)
def test_a_date_before_the_source_began_halts(
    make_stations: MakeStations, date: datetime, observed: str | None
) -> None:
    bench = make_stations(options={"first_delivery_date": "2026-03-01"})
    bench.stage(rows(range(1)), delivery_date=date)

    (verdict,) = bench.check()

    assert verdict.passed is (observed is None)
    expected = observed or "dated 2026-03-01, from 2026-03-01 on"
    assert finding(verdict, "delivery_date_before_start") == (observed is None, "critical", expected)


def series(bench: Any, *dates: datetime) -> list[CheckResult]:
    for number, date in enumerate(dates):
        bench.stage([(1, number)], delivery_date=date, process_date=dates[-1])
    return [result(verdict, "gap") for verdict in bench.check()]


def test_a_month_missing_between_two_is_a_warning_that_names_it(make_stations: MakeStations) -> None:
    bench = make_stations(options={"expected_every": "month"})
    day = datetime(2025, 11, 30, tzinfo=UTC)

    found = series(bench, day, day.replace(month=12, day=1), day.replace(year=2026, month=2, day=27))

    assert [(r.passed, r.severity, r.observed) for r in found] == [
        (True, "warning", "the first delivery"),
        (True, "warning", "no month missing since the delivery of 2025-11-30"),
        (False, "warning", "1 month missing since the delivery of 2025-12-01"),
    ]
    assert (found[2].unexpected_count, found[2].unexpected_sample) == (1, ("2026-01",))
    ((why,),) = bench.rows("select why from metadata.delivery_event where delivery_sqn = 3")
    assert why == (
        "no critical check failed; warnings: gap: 1 month missing since the delivery of 2025-12-01 (2026-01)"
    )


def test_many_periods_missing_are_counted_and_some_named(make_stations: MakeStations) -> None:
    bench = make_stations(options={"expected_every": "day", "on_gap": "halt"})

    _, gap = series(bench, MARCH, MARCH + timedelta(days=31))

    assert (gap.severity, gap.observed) == ("critical", "30 days missing since the delivery of 2026-03-01")
    assert gap.unexpected_count == 30
    assert gap.unexpected_sample[0] == "2026-03-02"
    assert len(gap.unexpected_sample) == 20


def test_two_in_one_period_and_one_that_comes_late_are_no_gap(make_stations: MakeStations) -> None:
    bench = make_stations(options={"expected_every": "week"})
    assert [r.passed for r in series(bench, MARCH, MARCH, MARCH + timedelta(days=1))] == [True] * 3
    bench.stage([(1, 9)], delivery_date=MARCH - timedelta(days=5))
    (verdict,) = bench.check()
    assert result(verdict, "gap").observed == "the first delivery"


def test_a_delivery_that_came_and_halted_leaves_no_gap_and_one_that_was_withdrawn_does(
    make_stations: MakeStations,
) -> None:
    bench = make_stations(options={"expected_every": "day"})
    first, second, third = (
        bench.stage([(1, n)] * copies, delivery_date=MARCH + timedelta(days=n))
        for n, copies in ((0, 1), (1, 2), (2, 1))
    )
    assert [(v.passed, result(v, "gap").passed) for v in bench.check()] == [
        (True, True),
        (False, True),
        (True, True),
    ]
    assert (first, second, third) == (1, 2, 3)

    bench.say(second, "withdrawn")
    bench.say(third, "replayed")
    bench.record_staged(third, staged=1, fallen=0)
    (verdict,) = bench.check()
    assert result(verdict, "gap").unexpected_sample == ("2026-03-02",)
