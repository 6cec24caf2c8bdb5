"""Verdicts on deliveries, on a real Postgres."""

from __future__ import annotations

import gc
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from headwater.checks import data_docs, run
from headwater.metadata.process.events import record_event
from tests.headwater.checks.conftest import MakeBench
from tests.support.verdicts import recorded, result

NORTH, SOUTH = ("north", 1, Decimal("1.5"), "a"), ("south", 1, Decimal("2.5"), None)
BETWEEN = {
    "expect": "expect_column_values_to_be_between",
    "column": "reading",
    "min_value": 0,
    "max_value": 10,
}
ROWS = {"expect": "expect_table_row_count_to_be_between", "min_value": 2}


def test_a_sound_delivery_passes_and_every_check_is_on_record(make_bench: MakeBench) -> None:
    bench = make_bench()
    sqn = bench.stage([NORTH, SOUTH])

    (verdict,) = bench.check()

    assert verdict.passed
    assert verdict.why == "all 5 checks passed"
    assert recorded(bench) == [
        (sqn, "delivery_date_in_future", "critical", True, "dated 2026-01-02", 0, []),
        (sqn, "duplicate_keys", "critical", True, "no key comes twice", 0, []),
        (sqn, "duplicate_rows", "warning", True, "no row comes twice", 0, []),
        (sqn, "ledger", "critical", True, "raw = staging + fallen out", 0, []),
        (sqn, "null_keys", "warning", True, "every key is whole", 0, []),
    ]
    assert bench.rows(
        "select layer, status, job_inst_id from metadata.delivery_status where layer = 'checks'"
    ) == [("checks", "passed", bench.job_inst_id)]
    assert bench.rows("select event, checks from metadata.delivery_event") == [("passed", [])]
    assert [event["event"] for event in bench.archive.objects.values()] == ["passed"]
    assert bench.messages == ["readings: 1 checked, 0 halted"]


def test_checks_leave_nothing_in_the_pool_of_connections_which_other_threads_take_from(
    make_bench: MakeBench,
) -> None:
    bench = make_bench()
    pool = bench.engine.pool
    listeners = list(pool.dispatch.connect)
    with bench.engine.connect() as taken:
        for _ in range(3):
            bench.stage([NORTH, SOUTH])
            bench.check()
        gc.collect()  # Great Expectations disposes of its engine when that is collected
        assert list(pool.dispatch.connect) == listeners
        assert bench.engine.pool is pool
        assert isinstance(pool, QueuePool)
        assert pool.checkedout() == 1
        assert taken.execute(sa.text("select 1")).scalar() == 1


def test_duplicate_keys_halt_although_the_other_columns_differ_or_are_null(make_bench: MakeBench) -> None:
    bench = make_bench()
    sqn = bench.stage(
        [NORTH, ("north", 1, None, None), SOUTH, ("north", 2, None, None), ("south", 1, None, "b")]
    )

    (verdict,) = bench.check()

    assert not verdict.passed
    found = result(verdict, "duplicate_keys")
    assert (found.passed, found.severity, found.unexpected_count) == (False, "critical", 2)
    assert found.observed == "2 keys on 4 rows"
    assert found.unexpected_sample == (
        {"key": {"region": "north", "station": 1}, "lines": [2, 3]},
        {"key": {"region": "south", "station": 1}, "lines": [4, 6]},
    )
    why = (
        "duplicate_keys: 2 keys on 4 rows"
        " (region=north, station=1, lines 2, 3; region=south, station=1, lines 4, 6)"
    )
    assert bench.rows("select delivery_sqn, event, checks, why from metadata.delivery_event") == [
        (sqn, "halted", ["duplicate_keys"], why)
    ]
    assert bench.rows("select status from metadata.delivery_status where layer = 'checks'") == [("halted",)]
    assert bench.rows("select metadata.pending_deliveries('readings', 'historical')") == [([],)]


def test_rows_that_are_equal_to_the_last_null_are_told_apart_from_keys_that_repeat(
    make_bench: MakeBench,
) -> None:
    bench = make_bench()
    bench.stage([SOUTH, SOUTH, SOUTH, NORTH, ("north", 1, Decimal("1.5"), None)])

    (verdict,) = bench.check()

    keys, rows = result(verdict, "duplicate_keys"), result(verdict, "duplicate_rows")
    assert (keys.severity, keys.passed, keys.unexpected_count) == ("critical", False, 2)
    assert (rows.severity, rows.passed, rows.unexpected_count) == ("warning", False, 2)
    assert rows.unexpected_sample == ({"key": {"region": "south", "station": 1}, "lines": [2, 3, 4]},)


def test_where_the_last_of_a_key_wins_the_losers_are_a_warning_and_the_ledger_balances(
    make_bench: MakeBench,
) -> None:
    bench = make_bench(on_duplicate_key="last_wins", max_fallen_out_pct=Decimal(1))
    key = {"region": "north", "station": 1}
    bench.stage(
        [NORTH, SOUTH], fallen=[(9, "region", "duplicate_key", key), (8, "region", "duplicate_key", key)]
    )

    (verdict,) = bench.check()

    assert verdict.passed
    found = result(verdict, "duplicate_keys")
    assert (found.severity, found.passed, found.unexpected_count) == ("warning", False, 1)
    assert found.unexpected_sample == ({"key": key, "lines": [8, 9]},)
    assert verdict.why == (
        "no critical check failed; warnings: duplicate_keys: 1 key, 2 rows overruled"
        " (region=north, station=1, lines 8, 9)"
    )


def test_of_two_pending_deliveries_only_the_one_that_fails_halts(make_bench: MakeBench) -> None:
    bench = make_bench()
    good = bench.stage([NORTH, SOUTH])
    bad = bench.stage([NORTH, NORTH])
    same_keys_as_the_first = bench.stage([NORTH, SOUTH])

    verdicts = bench.check()

    assert [(v.delivery_sqn, v.passed) for v in verdicts] == [
        (good, True),
        (bad, False),
        (same_keys_as_the_first, True),
    ]
    assert bench.rows("select metadata.pending_deliveries('readings', 'historical')") == [
        ([good, same_keys_as_the_first],)
    ]


def test_the_sample_keeps_twenty_keys_and_the_verdict_names_five(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.stage([("north", station // 2, None, None) for station in range(50)])

    (verdict,) = bench.check()

    found = result(verdict, "duplicate_keys")
    assert found.unexpected_count == 25
    assert [item["key"]["station"] for item in found.unexpected_sample] == list(range(20))
    assert "station=4, lines 10, 11 and 20 more)" in verdict.why
    assert "station=5" not in verdict.why


def test_a_delete_mark_is_a_row_of_its_key_and_extra_expectations_do_not_see_it(
    make_bench: MakeBench,
) -> None:
    not_null = {"expect": "expect_column_values_to_not_be_null", "column": "reading"}
    bench = make_bench("station integer*, reading numeric", not_null, options={"delete_column": "gone"})
    clean = bench.stage([(False, 1, 5), (True, 2, None)])
    both = bench.stage([(False, 1, 5), (True, 1, None)])

    verdicts = {v.delivery_sqn: v for v in bench.check()}

    assert verdicts[clean].passed
    assert [r.check_name for r in verdicts[both].halting] == ["duplicate_keys"]


def test_the_same_row_as_a_delete_mark_and_not_is_no_exact_copy(make_bench: MakeBench) -> None:
    bench = make_bench("station integer*", options={"delete_column": "gone"})
    bench.stage([(False, 1), (True, 1)])

    (verdict,) = bench.check()

    assert result(verdict, "duplicate_rows").passed


@pytest.mark.parametrize(
    ("policy", "severity", "passed"), [("fall_out", "warning", True), ("halt", "critical", False)]
)
def test_null_keys_are_counted_from_the_quarantine(
    make_bench: MakeBench, policy: str, severity: str, passed: bool
) -> None:
    bench = make_bench(on_null_key=policy)
    bench.stage([NORTH], fallen=[(3, "station", "null_key"), (4, "reading", "type")])

    (verdict,) = bench.check()

    found = result(verdict, "null_keys")
    assert (found.severity, found.passed, found.unexpected_count) == (severity, False, 1)
    assert found.unexpected_sample == ({"line": 3, "column": "station"},)
    assert verdict.passed is passed


@pytest.mark.parametrize(("limit", "passed"), [("49.9", False), ("50", True), (None, True)])
def test_a_share_of_fallen_rows_above_the_limit_halts(
    make_bench: MakeBench, limit: str | None, passed: bool
) -> None:
    bench = make_bench(max_fallen_out_pct=Decimal(limit) if limit else None)
    bench.stage([NORTH, SOUTH], fallen=[(4, "reading", "type"), (5, "station", "null_key")])

    (verdict,) = bench.check()

    assert verdict.passed is passed
    assert ("fallen_out" in [r.check_name for r in verdict.results]) is (limit is not None)
    lists = "`headwater quarantine readings --delivery 1` lists them"
    causes = f"1 for reading (type), 1 for station (null_key); {lists}"
    if not passed:
        assert verdict.why == (
            f"fallen_out: 2 of 4 rows, 50.000 %, more than 49.9 %: {causes}"
            " (line 4, column=reading, rule=type; line 5, column=station, rule=null_key)"
        )
    elif limit:
        found = result(verdict, "fallen_out")
        assert found.observed == f"2 of 4 rows, 50.000 %, at most 50 %: {causes}"
        assert found.unexpected_count == 2


@pytest.mark.parametrize(
    ("tampering", "observed"),
    [
        (
            "delete from staging.stg_readings where line_number = 3",
            "raw 3, staged 1 (recorded 2), in quarantine 1 (recorded 1)",
        ),
        (
            "delete from metadata.quarantined_row",
            "raw 3, staged 2 (recorded 2), in quarantine 0 (recorded 1)",
        ),
        (
            "update metadata.delivery_status set record_count = 4 where layer = 'raw'",
            "raw 4, staged 2 (recorded 2), in quarantine 1 (recorded 1)",
        ),
        (
            "update metadata.delivery_status set fallen_out_count = null where layer = 'staging'",
            "raw 3, staged 2 (recorded 2), in quarantine 1 (recorded nothing)",
        ),
        (  # a row lost and a row made up: the sum still balances
            "delete from metadata.quarantined_row;"
            " insert into staging.stg_readings values (1, 9, 1, 'west', 1)",
            "raw 3, staged 3 (recorded 2), in quarantine 0 (recorded 1)",
        ),
    ],
)  # fmt: skip
def test_a_ledger_that_was_tampered_with_halts(make_bench: MakeBench, tampering: str, observed: str) -> None:
    bench = make_bench()
    bench.stage([NORTH, SOUTH], fallen=[(4, "reading", "type")])
    bench.rows(tampering)

    (verdict,) = bench.check()

    assert [r.check_name for r in verdict.halting] == ["ledger"]
    assert result(verdict, "ledger").observed == observed
    assert result(verdict, "ledger").unexpected_count


def test_a_delivery_of_which_every_row_fell_out_balances(make_bench: MakeBench) -> None:
    bench = make_bench(max_fallen_out_pct=Decimal(99))
    bench.stage([], fallen=[(2, "reading", "type")])

    (verdict,) = bench.check()

    assert result(verdict, "ledger").passed
    assert not result(verdict, "fallen_out").passed


def test_a_checked_delivery_is_not_checked_again(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.stage([NORTH])
    bench.check()

    assert bench.check() == []
    assert bench.rows("select count(*) from metadata.delivery_event") == [(1,)]


@pytest.mark.parametrize("dies_in", ["write_page", "_record", "record_event"])
def test_running_again_after_a_crash_gives_the_same(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch, dies_in: str
) -> None:
    bench = make_bench()
    bench.stage([NORTH])
    bench.stage([NORTH, NORTH])

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(data_docs if dies_in == "write_page" else run, dies_in, die)
        with pytest.raises(KeyboardInterrupt):
            bench.check()
    bench.check()

    crashed = (
        recorded(bench),
        bench.rows("select delivery_sqn, event, checks, why from metadata.delivery_event"),
    )
    bench.rows("truncate metadata.data_quality_checks, metadata.delivery_event")
    bench.rows("delete from metadata.delivery_status where layer = 'checks'")
    bench.check()
    assert crashed == (
        recorded(bench),
        bench.rows("select delivery_sqn, event, checks, why from metadata.delivery_event"),
    )
    assert len(crashed[1]) == 2


def test_deliveries_whose_event_is_missing_after_a_crash_keep_no_second_record(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench()
    first, second = bench.stage([NORTH]), bench.stage([NORTH, SOUTH])

    def die_later(engine: Any, store: Any, delivery_sqn: int, *others: Any, **more: Any) -> None:
        if delivery_sqn == second:
            raise KeyboardInterrupt
        record_event(engine, store, delivery_sqn, *others, **more)

    with monkeypatch.context() as patch:
        patch.setattr(run, "record_event", die_later)
        with pytest.raises(KeyboardInterrupt):
            bench.check()

    assert [verdict.delivery_sqn for verdict in bench.check()] == [second]
    assert [row[0] for row in recorded(bench)] == [first] * 5 + [second] * 5
    assert bench.rows("select delivery_sqn from metadata.delivery_event order by 1") == [(first,), (second,)]


def test_results_of_pending_deliveries_go_on_record_together(make_bench: MakeBench) -> None:
    bench = make_bench()
    for _ in range(3):
        bench.stage([NORTH, SOUTH])
    written = []

    @sa.event.listens_for(bench.engine, "before_cursor_execute")
    def keep(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "metadata.data_quality_checks" in statement and "INSERT" in statement:
            written.append(statement)

    bench.check()

    assert len(written) == 1
    assert len(recorded(bench)) == 3 * 5


def test_a_replayed_delivery_is_checked_anew_and_its_results_replaced(make_bench: MakeBench) -> None:
    bench = make_bench()
    sqn = bench.stage([NORTH, NORTH])
    bench.check()
    record_event(bench.engine, bench.archive, sqn, "readings", "replayed", why="the publisher mended it")
    bench.rows("update staging.stg_readings set station = 2 where line_number = 3")
    bench.record_staged(sqn, staged=2, fallen=0)

    (verdict,) = bench.check()

    assert verdict.passed
    assert [row[3] for row in recorded(bench)] == [True] * 5
    assert bench.rows("select status from metadata.delivery_status where layer = 'checks'") == [("passed",)]
    assert bench.rows("select event from metadata.delivery_event order by event_at") == [
        ("halted",),
        ("replayed",),
        ("passed",),
    ]
