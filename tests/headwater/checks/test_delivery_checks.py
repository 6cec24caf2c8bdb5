"""Doubts together: a partial publication from its halt to its end, and what the status shows of them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from rich.console import Console

from headwater.cli import render
from headwater.metadata.process.deliveries import record_layer
from headwater.metadata.static.model import Catalog
from headwater.queries import status
from tests.headwater.checks.conftest import Bench, MakeStations
from tests.support.verdicts import result, rows

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def prices(bench: Bench, version: str, day: int, keys: Iterable[int]) -> int:
    """A version of the index: series, year and month → index."""
    return bench.stage(
        [(f"CUSR{key % 40:04}", 2000 + key // 480, key // 40 % 12 + 1, key) for key in keys],
        name=f"cpi-{version}.csv",
        delivery_date=MARCH + timedelta(days=30 * day),
        process_date=MARCH + timedelta(days=365),
    )


def test_a_partial_publication_halts_and_so_does_the_next_until_the_first_is_accepted(
    make_stations: MakeStations,
) -> None:
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


def test_once_the_partial_publication_is_withdrawn_the_next_is_checked_without_it(
    make_stations: MakeStations,
) -> None:
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


def test_judging_reads_what_is_current_and_not_every_version_there_ever_was(
    make_stations: MakeStations,
) -> None:
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

    assert (result(verdict, "nothing_new").observed or "").endswith("the same 200 as are current")
    plans = [
        "\n".join(line for (line,) in bench.rows(f"explain {statement}"))
        for statement in list(asked)
        if '"historical"."readings" where' in statement
    ]
    assert len(plans) == 3  # how many, which are gone, which changed
    assert not [plan for plan in plans if "Seq Scan on readings" in plan]


def test_status_shows_the_warnings_about_the_newest_delivery_that_counts_and_no_older_ones(
    make_stations: MakeStations,
) -> None:
    bench = make_stations(options={"expected_every": "day"})
    bench.stage(rows(range(2)), delivery_date=MARCH)
    bench.stage(rows(range(2)), delivery_date=MARCH + timedelta(days=1))  # nothing new
    late = bench.stage(  # a gap, and it halts for its date
        rows(range(3)), name="[late].csv", delivery_date=MARCH + timedelta(days=3), process_date=MARCH
    )
    bench.stage([], delivery_date=MARCH + timedelta(days=9))  # a gap, but it halts
    bench.check()
    bench.say(late, "accepted", "delivery_date_in_future")
    catalog = Catalog({}, {}, {}, {}, {}, {}, {}, {"readings": bench.source})

    (source,) = status.sources(bench.engine, catalog)

    observed = "1 day missing since the delivery of 2026-03-02"
    warning = {"delivery_sqn": 3, "publisher_name": "[late].csv", "check_name": "gap", "observed": observed}
    assert source["warnings"] == [warning]
    out = io.StringIO()
    render.sources(Console(width=200, file=out), [source])
    shown = out.getvalue()
    assert shown.endswith(f"warning readings: delivery 3, [late].csv: gap: {observed}\n")
