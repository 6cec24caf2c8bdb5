"""The removal guard: how much a snapshot may remove, and what a halted one is compared with."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from headwater.checks import validation
from headwater.checks.delivery_checks import Doubts
from headwater.metadata.errors import HeadwaterError
from tests.headwater.checks.conftest import MakeStations
from tests.support.verdicts import finding, names, result, rows


def test_a_snapshot_that_removes_too_much_halts_with_number_percent_limit_and_keys(
    make_stations: MakeStations,
) -> None:
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


def test_the_share_may_reach_the_limit_and_is_shown_to_exceed_it_by_little(
    make_stations: MakeStations,
) -> None:
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


def test_exactly_the_limit_passes(make_stations: MakeStations) -> None:
    bench = make_stations(max_removed_pct=Decimal(1))
    bench.stage(rows(range(100)))
    bench.stage(rows(range(1, 100)))

    assert [v.passed for v in bench.check()] == [True, True]


def test_a_sample_is_twenty_keys_in_their_order(make_stations: MakeStations) -> None:
    bench = make_stations(max_removed_pct=Decimal(0))
    bench.stage(rows(range(60)))
    bench.stage(rows(range(30)))

    _, verdict = bench.check()

    sample = [found["key"]["station"] for found in result(verdict, "removed").unexpected_sample]
    assert sample == list(range(30, 50))
    assert verdict.why.endswith("(station=30; station=31; station=32; station=33; station=34 and 25 more)")


def test_a_key_that_fell_out_but_could_be_read_is_not_removed(make_stations: MakeStations) -> None:
    bench = make_stations(max_removed_pct=Decimal(0))
    bench.stage(rows(range(3)))
    bench.stage(rows(range(2), 1), fallen=[(9, "reading", "type", {"station": 2})])
    bench.stage(rows(range(2), 2))  # and it is still there to be removed

    verdicts = bench.check()

    assert [v.passed for v in verdicts] == [True, True, False]
    assert result(verdicts[2], "removed").unexpected_sample == ({"key": {"station": 2}},)


def test_a_delivery_halted_for_another_reason_is_no_baseline_either(make_stations: MakeStations) -> None:
    bench = make_stations(max_removed_pct=Decimal(10))
    bench.stage(rows(range(10)))
    bench.stage([*rows(range(20)), *rows(range(20))])  # every key twice
    bench.stage(rows(range(10), 1))

    assert [[r.check_name for r in v.halting] for v in bench.check()] == [[], ["duplicate_keys"], []]


def test_where_nothing_is_removed_or_no_limit_is_set_nothing_is_guarded(make_stations: MakeStations) -> None:
    bench = make_stations()
    bench.stage(rows(range(10)))
    bench.stage(rows(range(1)))
    assert [(v.passed, "removed" in names(v)) for v in bench.check()] == [(True, False)] * 2

    bench.source = replace(bench.source, max_removed_pct=Decimal(0), load_removed=False)
    bench.stage(rows(range(2, 3)))
    assert [(v.passed, "removed" in names(v)) for v in bench.check()] == [(True, False)]


def test_a_guard_may_only_warn_and_the_next_is_then_compared_with_what_it_left(
    make_stations: MakeStations,
) -> None:
    bench = make_stations(max_removed_pct=Decimal(1), options={"on_removed": "warn"})
    bench.stage(rows(range(10)))
    bench.stage(rows(range(5), 1))
    bench.stage(rows(range(5), 2))

    verdicts = bench.check()

    assert [[r.check_name for r in v.warnings] for v in verdicts] == [[], ["removed"], []]
    assert (result(verdicts[2], "removed").observed or "").startswith("0 of 5 current keys")


def test_the_page_of_a_halted_delivery_shows_the_keys_that_would_go(make_stations: MakeStations) -> None:
    bench = make_stations(max_removed_pct=Decimal(1))
    bench.stage(rows(range(3)))
    bench.stage(rows(range(2)))
    bench.check()

    (page,) = [path.read_text() for path in bench.home.rglob("*_2.html")]

    assert "removed: 1 of 3 current keys would be removed, 33.3 %, more than 1 %" in page
    assert "<th>station</th>" in page
    assert "<td>2</td>" in page
    assert "A snapshot removes at most 1 % of the current keys." in page


def test_tables_of_another_definition_are_an_error_that_names_the_rebuild(
    make_stations: MakeStations,
) -> None:
    bench = make_stations(max_removed_pct=Decimal(1))
    bench.stage(rows(range(3)))
    bench.check()
    bench.rows("create table historical.readings (station integer)")
    bench.rows("update metadata.delivery_status set layer = 'historical' where layer = 'staging'")
    bench.stage(rows(range(3)))

    with pytest.raises(HeadwaterError, match=re.escape("`headwater rebuild readings`")):
        bench.check()


def test_doubts_are_looked_at_when_no_other_connection_is_needed(
    make_stations: MakeStations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting for a lock while holding others on a second connection is a deadlock that nobody sees."""
    bench = make_stations(max_removed_pct=Decimal(1))
    bench.stage(rows(range(3)))
    bench.stage(rows(range(3), 1))
    in_use: list[int] = []
    pool: Any = bench.engine.pool

    class Watched(Doubts):
        def about(self, delivery: Any) -> Any:
            in_use.append(pool.checkedout())
            return super().about(delivery)

    monkeypatch.setattr(validation, "Doubts", Watched)
    bench.check()

    # the lock of the whole step, which waits for nothing any more, and the doubts' own
    assert in_use == [2, 2]
