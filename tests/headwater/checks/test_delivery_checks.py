"""Doubts about a delivery: what is said of it, how grave it is by default, and what the source makes of it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from rich.console import Console

from headwater.checks import CheckResult, Verdict, validation
from headwater.cli import render
from headwater.metadata.errors import HeadwaterError
from headwater.metadata.process.deliveries import record_layer
from headwater.metadata.static.model import Catalog
from headwater.queries import status

STATIONS = "station integer*, reading integer"
MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def rows(stations: range, reading: int = 0) -> list[tuple[int, int]]:
    return [(station, reading) for station in stations]


def result(verdict: Verdict, name: str) -> CheckResult:
    (found,) = [r for r in verdict.results if r.check_name == name]
    return found


def finding(verdict: Verdict, name: str) -> tuple[bool, str, str | None]:
    found = result(verdict, name)
    return found.passed, found.severity, found.observed


def names(verdict: Verdict) -> list[str]:
    return [r.check_name for r in verdict.results]


@pytest.fixture
def make_stations(make_bench: Any) -> Any:
    """Makes the bench of a source of snapshots: station → reading."""

    def make(*, columns: str = STATIONS, options: dict[str, str] | None = None, **changes: Any) -> Any:
        return make_bench(columns, options=options or {}, **{"delivery_type": "snapshot", **changes})

    return make


# ---------- the removal guard


def test_a_snapshot_that_removes_too_much_halts_with_number_percent_limit_and_keys(make_stations):
    bench = make_stations(max_removed_pct=Decimal("2.5"))
    bench.stage(rows(range(100)))
    bench.stage(rows(range(3, 100), 1))

    first, second = bench.check()

    assert finding(first, "removed") == (True, "critical", "nothing is there yet")
    assert first.passed
    observed = "3 of 100 current keys would be removed, 3.0 %, more than 2.5 %"
    assert finding(second, "removed") == (False, "critical", observed)
    assert result(second, "removed").unexpected_count == 3
    assert result(second, "removed").unexpected_sample == tuple({"key": {"station": n}} for n in range(3))
    assert second.why == f"removed: {observed} (station=0; station=1; station=2)"


def test_the_share_may_reach_the_limit_and_is_shown_to_exceed_it_by_little(make_stations):
    bench = make_stations(max_removed_pct=Decimal(1))
    bench.stage(rows(range(299)))
    bench.stage(rows(range(3, 299), 1))  # 1.003 %
    bench.stage(rows(range(1, 299), 1))  # 1 of 299
    bench.stage(rows(range(1, 299), 2))

    verdicts = bench.check()

    assert [v.passed for v in verdicts] == [True, False, True, True]
    assert result(verdicts[1], "removed").observed == (
        "3 of 299 current keys would be removed, 1.003 %, more than 1 %"
    )
    assert result(verdicts[2], "removed").observed == (
        "1 of 299 current keys would be removed, 0.3 %, and 1 % may be"
    )
    assert result(verdicts[3], "removed").observed == (
        "0 of 298 current keys would be removed, 0.0 %, and 1 % may be"
    )
    assert bench.rows("select metadata.pending_deliveries('readings', 'historical')") == [([1, 3, 4],)]


def test_exactly_the_limit_passes(make_stations):
    bench = make_stations(max_removed_pct=Decimal(1))
    bench.stage(rows(range(100)))
    bench.stage(rows(range(1, 100)))

    assert [v.passed for v in bench.check()] == [True, True]


def test_a_sample_is_twenty_keys_in_their_order(make_stations):
    bench = make_stations(max_removed_pct=Decimal(0))
    bench.stage(rows(range(60)))
    bench.stage(rows(range(30)))

    _, verdict = bench.check()

    sample = [found["key"]["station"] for found in result(verdict, "removed").unexpected_sample]
    assert sample == list(range(30, 50))
    assert verdict.why.endswith("(station=30; station=31; station=32; station=33; station=34 and 25 more)")


def test_a_key_that_fell_out_but_could_be_read_is_not_removed(make_stations):
    bench = make_stations(max_removed_pct=Decimal(0))
    bench.stage(rows(range(3)))
    bench.stage(rows(range(2), 1), fallen=[(9, "reading", "type", {"station": 2})])
    bench.stage(rows(range(2), 2))  # and it is still there to be removed

    verdicts = bench.check()

    assert [v.passed for v in verdicts] == [True, True, False]
    assert result(verdicts[2], "removed").unexpected_sample == ({"key": {"station": 2}},)


def test_a_delivery_halted_for_another_reason_is_no_baseline_either(make_stations):
    bench = make_stations(max_removed_pct=Decimal(10))
    bench.stage(rows(range(10)))
    bench.stage([*rows(range(20)), *rows(range(20))])  # every key twice
    bench.stage(rows(range(10), 1))

    assert [[r.check_name for r in v.halting] for v in bench.check()] == [[], ["duplicate_keys"], []]


def test_where_nothing_is_removed_or_no_limit_is_set_nothing_is_guarded(make_stations):
    bench = make_stations()
    bench.stage(rows(range(10)))
    bench.stage(rows(range(1)))
    assert [(v.passed, "removed" in names(v)) for v in bench.check()] == [(True, False)] * 2

    bench.source = replace(bench.source, max_removed_pct=Decimal(0), load_removed=False)
    bench.stage(rows(range(2, 3)))
    assert [(v.passed, "removed" in names(v)) for v in bench.check()] == [(True, False)]


def test_a_guard_may_only_warn_and_the_next_is_then_compared_with_what_it_left(make_stations):
    bench = make_stations(max_removed_pct=Decimal(1), options={"on_removed": "warn"})
    bench.stage(rows(range(10)))
    bench.stage(rows(range(5), 1))
    bench.stage(rows(range(5), 2))

    verdicts = bench.check()

    assert [[r.check_name for r in v.warnings] for v in verdicts] == [[], ["removed"], []]
    assert result(verdicts[2], "removed").observed.startswith("0 of 5 current keys")


def test_the_page_of_a_halted_delivery_shows_the_keys_that_would_go(make_stations):
    bench = make_stations(max_removed_pct=Decimal(1))
    bench.stage(rows(range(3)))
    bench.stage(rows(range(2)))
    bench.check()

    (page,) = [path.read_text() for path in bench.home.rglob("*_2.html")]

    assert "removed: 1 of 3 current keys would be removed, 33.3 %, more than 1 %" in page
    assert "<th>station</th>" in page
    assert "<td>2</td>" in page
    assert "A snapshot removes at most 1 % of the current keys." in page


def test_tables_of_another_definition_are_an_error_that_names_the_rebuild(make_stations):
    bench = make_stations(max_removed_pct=Decimal(1))
    bench.stage(rows(range(3)))
    bench.check()
    bench.rows("create table historical.readings (station integer)")
    bench.rows("update metadata.delivery_status set layer = 'historical' where layer = 'staging'")
    bench.stage(rows(range(3)))

    with pytest.raises(HeadwaterError, match=re.escape("`headwater rebuild readings`")):
        bench.check()


def test_doubts_are_looked_at_when_no_other_connection_is_needed(make_stations, monkeypatch):
    """Waiting for a lock while holding others on a second connection is a deadlock that nobody sees."""
    bench = make_stations(max_removed_pct=Decimal(1))
    bench.stage(rows(range(3)))
    bench.stage(rows(range(3), 1))
    in_use: list[int] = []
    pool: Any = bench.engine.pool

    class Watched(validation.Doubts):
        def about(self, delivery: Any) -> Any:
            in_use.append(pool.checkedout())
            return super().about(delivery)

    monkeypatch.setattr(validation, "Doubts", Watched)
    bench.check()

    # the lock of the whole step, which waits for nothing any more, and the doubts' own
    assert in_use == [2, 2]


# ---------- rows


@pytest.mark.parametrize(("count", "passed"), [(2, False), (3, True)])
def test_fewer_rows_than_the_least_halt(make_stations, count, passed):
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
    make_stations, delivery_type, options, severity
):
    bench = make_stations(delivery_type=delivery_type, options=options)
    bench.stage([])

    (verdict,) = bench.check()

    if severity is None:
        assert "empty" not in names(verdict)
    else:
        assert finding(verdict, "empty") == (False, severity, "no row can go on")
    assert verdict.passed is (severity != "critical")


def test_a_snapshot_of_which_every_row_fell_out_is_empty(make_stations):
    bench = make_stations()
    bench.stage([], fallen=[(2, "reading", "type", {"station": 1})])

    assert [[r.check_name for r in v.halting] for v in bench.check()] == [["empty"]]


def test_delete_marks_are_rows(make_stations):
    bench = make_stations(
        delivery_type="delta", options={"delete_column": "gone", "min_rows": "2", "on_empty": "halt"}
    )
    bench.stage([(True, 1, None), (True, 2, None)])

    assert [v.passed for v in bench.check()] == [True]


# ---------- nothing new


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
def test_any_difference_is_news(make_stations, second):
    bench = make_stations()
    bench.stage([(1, 1), (2, None)])
    bench.stage(second)

    first, verdict = bench.check()

    assert finding(first, "nothing_new") == (True, "warning", "nothing is there yet")
    assert finding(verdict, "nothing_new") == (True, "warning", "not the same as what is current")


@pytest.mark.parametrize("reaction", [None, "warn", "halt", "ignore"])
def test_a_snapshot_that_differs_in_nothing_warns_or_what_the_source_says(make_stations, reaction):
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


def test_a_snapshot_all_of_which_was_read_is_the_same_as_what_is_current(make_stations):
    bench = make_stations()
    bench.stage([(1, 1), (2, None)])
    bench.stage([(2, None), (1, 1)])

    _, verdict = bench.check()

    observed = "no key is new, changed or removed: the same 2 as are current"
    assert finding(verdict, "nothing_new") == (False, "warning", observed)


def test_keys_that_would_go_may_be_those_that_cannot_be_read(make_stations):
    bench = make_stations(max_removed_pct=Decimal(10))
    bench.stage([(1, 1), (2, 2)])
    bench.stage([(1, 1)], fallen=[(3, "station", "null_key")])

    _, verdict = bench.check()

    observed = (
        "1 of 2 current keys would be removed (among them may be those of 1 row whose key cannot be read), 50.0 %,"
        " more than 10 %"
    )
    assert finding(verdict, "removed") == (False, "critical", observed)


def test_an_empty_delivery_of_which_all_fell_out_says_so(make_stations):
    bench = make_stations()
    bench.stage([], fallen=[(2, "reading", "type", {"station": 1}), (3, "reading", "type", {"station": 2})])

    (verdict,) = bench.check()

    assert finding(verdict, "empty") == (
        False,
        "critical",
        "no row can go on: 0 of 2 rows were read, 2 fell out",
    )


def test_an_untracked_attribute_is_no_news(make_stations):
    bench = make_stations(columns="station integer*, reading integer, seen text")
    attributes = bench.source.attributes
    bench.source = replace(
        bench.source, attributes=(*attributes[:2], replace(attributes[2], is_tracked=False))
    )
    bench.stage([(1, 1, "a")])
    bench.stage([(1, 1, "b")])

    assert [[r.check_name for r in v.warnings] for v in bench.check()] == [[], ["nothing_new"]]


def test_a_source_without_tracked_attributes_has_news_too(make_stations):
    bench = make_stations(columns="station integer*", max_removed_pct=Decimal(60))
    for stations in ([1, 2], [2, 1], [1], [1, 2, 3]):
        bench.stage([(station,) for station in stations])

    assert [[r.check_name for r in v.warnings] for v in bench.check()] == [[], ["nothing_new"], [], []]


def test_a_delta_that_repeats_what_is_there_is_no_doubt(make_stations):
    bench = make_stations(delivery_type="delta")
    bench.stage([(1, 1)])
    bench.stage([(1, 1)])

    assert ["nothing_new" in names(v) for v in bench.check()] == [False, False]


# ---------- dates


@pytest.mark.parametrize(
    ("ahead", "passed"),
    [(timedelta(0), True), (timedelta(days=1), True), (timedelta(days=1, seconds=60), False)],
)
def test_a_date_more_than_a_day_ahead_halts(make_stations, ahead, passed):
    bench = make_stations()
    bench.stage(rows(range(1)), delivery_date=MARCH + ahead, process_date=MARCH)

    (verdict,) = bench.check()

    assert result(verdict, "delivery_date_in_future").passed is passed
    assert verdict.passed is passed
    if passed:  # what the record says of a sound delivery does not depend on when it was got
        assert result(verdict, "delivery_date_in_future").observed == f"dated {MARCH + ahead:%Y-%m-%d}"
    else:
        assert verdict.why == "delivery_date_in_future: dated 2026-03-02 00:01 UTC, got 2026-03-01"


def test_a_date_ahead_may_be_of_no_concern(make_stations):
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
def test_a_date_before_the_source_began_halts(make_stations, date, observed):
    bench = make_stations(options={"first_delivery_date": "2026-03-01"})
    bench.stage(rows(range(1)), delivery_date=date)

    (verdict,) = bench.check()

    assert verdict.passed is (observed is None)
    expected = observed or "dated 2026-03-01, from 2026-03-01 on"
    assert finding(verdict, "delivery_date_before_start") == (observed is None, "critical", expected)


# ---------- gaps


def series(bench: Any, *dates: datetime) -> list[CheckResult]:
    for number, date in enumerate(dates):
        bench.stage([(1, number)], delivery_date=date, process_date=dates[-1])
    return [result(verdict, "gap") for verdict in bench.check()]


def test_a_month_missing_between_two_is_a_warning_that_names_it(make_stations):
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


def test_many_periods_missing_are_counted_and_some_named(make_stations):
    bench = make_stations(options={"expected_every": "day", "on_gap": "halt"})

    _, gap = series(bench, MARCH, MARCH + timedelta(days=31))

    assert (gap.severity, gap.observed) == ("critical", "30 days missing since the delivery of 2026-03-01")
    assert gap.unexpected_count == 30
    assert gap.unexpected_sample[0] == "2026-03-02"
    assert len(gap.unexpected_sample) == 20


def test_two_in_one_period_and_one_that_comes_late_are_no_gap(make_stations):
    bench = make_stations(options={"expected_every": "week"})
    assert [r.passed for r in series(bench, MARCH, MARCH, MARCH + timedelta(days=1))] == [True] * 3
    bench.stage([(1, 9)], delivery_date=MARCH - timedelta(days=5))
    (verdict,) = bench.check()
    assert result(verdict, "gap").observed == "the first delivery"


def test_a_delivery_that_came_and_halted_leaves_no_gap_and_one_that_was_withdrawn_does(make_stations):
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


# ---------- the story of the consumer prices


def prices(bench: Any, version: str, day: int, keys: Iterable[int]) -> int:
    """A version of the index: series, year and month → index."""
    return bench.stage(
        [(f"CUSR{key % 40:04}", 2000 + key // 480, key // 40 % 12 + 1, key) for key in keys],
        name=f"cpi-{version}.csv",
        delivery_date=MARCH + timedelta(days=30 * day),
        process_date=MARCH + timedelta(days=365),
    )


def test_a_partial_publication_halts_and_so_does_the_next_until_the_first_is_accepted(make_stations):
    """As cpi 2.0.7 to 2.0.10 went: 2.0.9 lacked 3.8 % of the keys, and 2.0.10 did not bring them back."""
    bench = make_stations(
        columns="series text*, year integer*, month integer*, index numeric", max_removed_pct=Decimal(1)
    )
    keys = list(range(4800))
    prices(bench, "2.0.7", 0, keys[:4750])
    prices(bench, "2.0.8", 1, keys)
    partial = [key for key in keys if not 100 <= key < 283]  # 183 of 4,800: 3.8 %
    ninth = prices(bench, "2.0.9", 2, [*partial, *range(4800, 4817)])
    tenth = prices(bench, "2.0.10", 3, [*partial[:-12], *range(4800, 4830)])

    verdicts = bench.check()

    assert [v.passed for v in verdicts] == [True, True, False, False]
    assert [result(v, "removed").observed for v in verdicts] == [
        "nothing is there yet",
        "0 of 4,750 current keys would be removed, 0.0 %, and 1 % may be",
        "183 of 4,800 current keys would be removed, 3.8 %, more than 1 %",
        "195 of 4,800 current keys would be removed, 4.1 %, more than 1 %",
    ]
    assert bench.rows("select delivery_sqn, checks from metadata.delivery_event where event = 'halted'") == [
        (ninth, ["removed"]),
        (tenth, ["removed"]),
    ]
    assert verdicts[2].why.endswith(
        "(series=CUSR0000, year=2000, month=4; series=CUSR0000, year=2000, month=5;"
        " series=CUSR0000, year=2000, month=6; series=CUSR0000, year=2000, month=7;"
        " series=CUSR0000, year=2000, month=8 and 178 more)"
    )

    bench.say(ninth, "accepted", "removed")
    bench.say(tenth, "replayed")
    bench.record_staged(tenth, staged=len(partial) - 12 + 30, fallen=0)
    (again,) = bench.check()

    assert again.passed
    assert result(again, "removed").observed == (
        "12 of 4,634 current keys would be removed, 0.3 %, and 1 % may be"
    )


def test_once_the_partial_publication_is_withdrawn_the_next_is_judged_without_it(make_stations):
    bench = make_stations(
        columns="series text*, year integer*, month integer*, index numeric", max_removed_pct=Decimal(1)
    )
    keys = list(range(480))
    prices(bench, "2.0.8", 1, keys)
    bench.check()
    ninth = prices(bench, "2.0.9", 2, keys[:400])
    bench.check()
    bench.say(ninth, "accepted", "removed")
    bench.say(ninth, "withdrawn")
    prices(bench, "2.0.10", 3, keys[:440])

    (verdict,) = bench.check()

    assert (
        result(verdict, "removed").observed == "40 of 480 current keys would be removed, 8.3 %, more than 1 %"
    )


def test_judging_reads_what_is_current_and_not_every_version_there_ever_was(make_stations):
    bench = make_stations(max_removed_pct=Decimal(1))
    first = bench.stage(rows(range(200), 200))
    bench.say(first, "passed")
    bench.rows(
        "create table historical.readings as select station, version as reading,"
        " '2025-01-01'::timestamptz + version * interval '1 day' as valid_from,"
        " case when version < 200 then '2025-01-02'::timestamptz + version * interval '1 day' end as valid_to"
        " from generate_series(0, 200) as version, generate_series(0, 199) as station"
    )
    bench.rows("create unique index on historical.readings (station) where valid_to is null")
    bench.rows("analyze historical.readings")
    with bench.engine.begin() as connection:
        record_layer(connection, first, "historical", status="loaded", job_inst_id=bench.job_inst_id)
    bench.stage(rows(range(200), 200))
    asked: list[str] = []
    sa.event.listen(bench.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))

    (verdict,) = bench.check()

    assert result(verdict, "nothing_new").observed.endswith("the same 200 as are current")
    plans = [
        "\n".join(line for (line,) in bench.rows(f"explain {statement}"))
        for statement in list(asked)
        if '"historical"."readings" where' in statement
    ]
    assert len(plans) == 3  # how many, which are gone, which changed
    assert not [plan for plan in plans if "Seq Scan on readings" in plan]


# ---------- where it is seen


def test_status_shows_the_warnings_about_the_newest_delivery_that_counts_and_no_older_ones(make_stations):
    bench = make_stations(options={"expected_every": "day"})
    bench.stage(rows(range(2)), delivery_date=MARCH)
    bench.stage(rows(range(2)), delivery_date=MARCH + timedelta(days=1))  # nothing new
    ahead = {"delivery_date": MARCH + timedelta(days=3), "process_date": MARCH}
    late = bench.stage(rows(range(3)), **ahead, name="[late].csv")  # a gap, and it halts for its date
    bench.stage([], delivery_date=MARCH + timedelta(days=9))  # a gap, but it halts
    bench.check()
    bench.say(late, "accepted", "delivery_date_in_future")
    catalog = Catalog({}, {}, {}, {}, {}, {}, {}, {"readings": bench.source})

    (source,) = status.sources(bench.engine, catalog)

    observed = "1 day missing since the delivery of 2026-03-02"
    warning = {"delivery_sqn": 3, "publisher_name": "[late].csv", "check_name": "gap", "observed": observed}
    assert source["warnings"] == [warning]
    out = Console(width=200, file=io.StringIO())
    render.sources(out, [source])
    shown = out.file.getvalue()
    assert shown.endswith(f"warning readings: delivery 3, [late].csv: gap: {observed}\n")
