"""Checks that Great Expectations lacks, on a real Postgres: `freshness` and `referential`."""

from __future__ import annotations

import pytest

from headwater.metadata.errors import CheckInvalid
from tests.headwater.checks.conftest import MakeBench

COLUMNS = "station integer*, town text, measured_on date"


def test_a_delivery_whose_newest_value_is_too_old_halts_and_a_fresh_one_passes(make_bench: MakeBench) -> None:
    bench = make_bench(COLUMNS, {"expect": "freshness", "column": "measured_on", "max_age_days": 2})
    bench.stage([(1, "Ford", "2025-12-01"), (2, "Ford", "2025-12-31")])  # of the second of January
    bench.stage([(1, "Ford", "2025-12-31"), (2, "Ford", None)])  # of the third
    bench.stage([(1, "Ford", None)])

    verdicts = bench.check()

    assert [verdict.passed for verdict in verdicts] == [True, False, False]
    observed = "select observed from metadata.data_quality_checks where check_name = 'freshness(measured_on)'"
    assert bench.rows(f"{observed} order by delivery_sqn") == [
        ("newest measured_on: 2025-12-31",), ("newest measured_on: 2025-12-31",), ("newest measured_on: none",),
    ]  # fmt: skip


def test_a_value_that_the_current_history_of_another_source_lacks_halts(make_bench: MakeBench) -> None:
    check = {"expect": "referential", "column": "town", "source": "towns", "field": "name"}
    bench = make_bench(COLUMNS, check)
    bench.stage([(1, "Ford", None), (2, None, None)])
    with pytest.raises(
        CheckInvalid, match=r"source towns has no history yet.*expected a run of towns before"
    ):
        bench.check()
    bench.rows("create table historical.towns (name text, valid_to timestamptz)")
    bench.rows("insert into historical.towns values ('Ford', null), ('Gone', now()), (null, null)")
    bench.stage([(1, "Ford", None), (2, "Gone", None), (3, "Nowhere", None)])

    verdicts = bench.check()

    assert [verdict.passed for verdict in verdicts] == [True, False]
    ((observed, sample),) = bench.rows(
        "select observed, unexpected_sample from metadata.data_quality_checks where not passed"
    )
    assert observed == "2 unexpected of 3"
    assert [found["town"] for found in sample] == ["Gone", "Nowhere"]
