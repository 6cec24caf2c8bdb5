"""dbt by hand, beside the runs: its tests pass and find what is planted; a full refresh loses nothing."""

from __future__ import annotations

from decimal import Decimal

from tests.pipeline.by_hand import dbt
from tests.pipeline.line import Line, cities, prices, ratings


def test_dbt_test_passes_on_what_a_run_made_and_finds_a_planted_overlap(line: Line) -> None:
    line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", 1)}))
    line.deliver("cities", cities(2, {"a": ("A", 2)}))
    line.deliver("prices", prices(1, {("x", 1): (Decimal(1),)}))
    line.deliver("ratings", ratings(1, {"eve": (1,)}))
    line.ran_well()
    results = dbt(line.project, "test")
    assert set(results.values()) == {"pass"}, {name: s for name, s in results.items() if s != "pass"}
    overlaps = {name for name in results if name.startswith("headwater_versions_do_not_overlap_hist_")}
    assert len(overlaps) == 3

    line.execute("drop index historical.cities_current_key; drop index historical.cities_valid_from_key")
    columns = "city, name, people, seen, change_type, delivery_sqn, job_inst_id, process_date"
    line.execute(
        f"insert into historical.cities ({columns}, valid_from) select {columns}, '2026-01-01 12:00+00'"
        " from historical.cities where city = 'a' and valid_to is not null"
    )
    after = dbt(line.project, "test", "--select", "hist_cities", "hist_prices")
    assert {name for name, status in after.items() if status != "pass"} == {
        name for name in overlaps if name.startswith("headwater_versions_do_not_overlap_hist_cities")
    }


def test_a_full_refresh_by_hand_loses_nothing(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", 1)}), "c,C,many,x")
    second = line.deliver("cities", cities(2, {"a": ("A", 2)}))
    line.ran_well("cities")
    before = line.essence()

    assert dbt(line.project, "run", "--full-refresh", "--select", "hist_cities") == {"hist_cities": "success"}
    assert line.essence() == before

    dbt(line.project, "run", "--full-refresh", "--select", "stg_cities", "hist_cities")
    line.assert_history("cities", first, second)
    line.ran_well("cities")
    line.assert_history("cities", first, second)
    assert len(line.quarantine(first.name)) == 1
