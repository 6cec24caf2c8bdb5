"""Decisions, rejected rows and rows left out, where the models of a source are an author's."""

from __future__ import annotations

from decimal import Decimal

import pytest

from headwater.dbt_project.dbt import Dbt
from headwater.dbt_project.dry_run import DryRunResult
from headwater.metadata.errors import HeadwaterError
from headwater.pipeline import decide
from headwater.pipeline.rebuild import rebuild
from tests.pipeline.engineer import HISTORICAL, STAGING, Engineer
from tests.pipeline.line import Line, cities, prices, ratings

COUNTS = """
select delivery_sqn, record_count, fallen_out_count, left_out_count
from metadata.delivery_status inner join metadata.delivery using (delivery_sqn)
where source = :source and layer = 'staging' order by delivery_sqn
"""


def test_each_row_is_staged_or_fell_out_or_was_left_out(engineer: Engineer, line: Line) -> None:
    market = "models/{}/market/{}.sql"
    engineer.edit(
        market.format("staging", "stg_prices"),
        "* from typed",
        "*, price * 2 as two from typed where price > 1 or is_delete_mark",
    )
    engineer.edit(
        market.format("historical", "hist_prices"), "        price\n", "        price,\n        two\n"
    )
    engineer.edit(
        market.format("staging", "stg_ratings"),
        "* from typed",
        "*, stars > 2 as is_good from typed where stars <> 1",
    )
    engineer.edit(
        market.format("historical", "hist_ratings"), "        stars\n", "        stars,\n        is_good\n"
    )
    line.deliver("prices", prices(1, {("s", 1): ("1.50",), ("s", 2): ("0.50",), ("s", 3): ("3",)}))
    line.deliver("prices", prices(2, {("s", 1): ("2",)}, [("s", 3)]), "s,one,1,")
    line.deliver("ratings", ratings(1, {"r": (5,), "t": (1,)}), "r,2", "r,1", "u,many")
    line.ran_well("prices", "ratings")
    assert [row[1:] for row in line.query(COUNTS, source="prices")] == [(2, 0, 1), (2, 1, 0)]
    assert [row[1:] for row in line.query(COUNTS, source="ratings")] == [(1, 2, 2)]
    assert line.query("select item, two, end_type from historical.prices order by item, valid_from") == [
        (1, Decimal("3.00"), "changed"), (1, Decimal("4.00"), None), (3, Decimal("6.00"), "removed"),
    ]  # fmt: skip
    assert line.query("select reader, stars, is_good from historical.ratings") == [("r", 2, False)]


def test_decisions_and_failed_rebuilds_keep_to_the_models_of_an_author(
    engineer: Engineer, line: Line
) -> None:
    engineer.edit(f"{STAGING}.sql", "* from typed", "*, people * 10 as tens from typed where people > 1")
    engineer.list_in_history("tens")
    line.deliver("cities", cities(1, {"a": ("Ulm", 2), "b": ("Bonn", 2)}))
    second = line.deliver("cities", cities(2, {"a": ("Ulm", 3), "b": ("Bonn", 1)}))
    engineer.ran_well()
    line.deliver("cities", cities(3, {"a": ("Ulm", 3), "b": ("Bonn", 2)}))
    engineer.ran_well()
    sqn = line.sqn(second.name)
    assert decide.dry_run(line.project, "withdraw", sqn, line.messages.append) == DryRunResult(
        added=1, dropped=2, ended=1, reopened=1
    )
    assert decide.decide(line.project, "withdraw", sqn, "a test", line.messages.append).exit_code == 0
    withdrawn = [("a", 20, "changed"), ("a", 30, None), ("b", 20, None)]
    assert engineer.history("city", "tens", "end_type") == withdrawn

    known = "select tens from {{ headwater.known_at('cities', '2030-01-01') }} order by tens"
    dbt = Dbt(line.project.root, line.project.home, "a test")
    assert [row[0] for row in line.query(dbt.compiled(known))] == [20, 20, 30]

    text = (line.project.root / f"{HISTORICAL}.sql").read_text()
    engineer.edit(
        f"{HISTORICAL}.sql", "    from staged\n", "    from staged where people < 3 or 1 / 0 = people\n"
    )
    assert rebuild(line.project, ["cities"], line.messages.append).exit_code != 0
    assert engineer.history("city", "tens", "end_type") == withdrawn
    engineer.write(f"{HISTORICAL}.sql", text)
    engineer.ran_well()
    assert engineer.history("city", "tens", "end_type") == withdrawn

    engineer.edit(f"{HISTORICAL}.sql", "    from staged\n", "    from staged where people < 3\n")
    engineer.rebuilt_well()
    with pytest.raises(HeadwaterError, match=r"Expected filters, joins and derived columns"):
        Dbt(line.project.root, line.project.home, "a test").compiled(known)


def test_a_model_sees_one_delivery_at_a_time(engineer: Engineer, line: Line) -> None:
    engineer.derive("count(*) over ()")
    line.deliver("cities", cities(1, {"a": ("Ulm", 1), "b": ("Bonn", 2)}))
    line.deliver("cities", cities(2, {"a": ("Ulm", 1)}))
    engineer.ran_well()
    assert engineer.history("city", "own", "end_type") == [
        ("a", 2, "changed"), ("a", 1, None), ("b", 2, "removed"),
    ]  # fmt: skip


def test_a_historical_model_that_reads_across_deliveries_is_refused(engineer: Engineer, line: Line) -> None:
    engineer.edit(
        f"{HISTORICAL}.sql", "        seen\n", "        max(seen) over (partition by city) as seen\n"
    )
    line.deliver("cities", cities(1, {"a": ("Ulm", 1)}))
    assert engineer.failures() == [
        "cities: Model refused: source cities, model hist_cities makes a row of several, by a window function."
        " Expected that in stg_cities, which reads one delivery at a time: history reads what staging holds of"
        " all of them, today."
    ]


def test_a_variable_that_a_model_reads_is_a_part_of_the_definition(engineer: Engineer, line: Line) -> None:
    engineer.edit(
        "dbt_project.yml", "clean-targets: [target]\n", "clean-targets: [target]\nvars: {least: 2}\n"
    )
    engineer.edit(
        f"{STAGING}.sql", "select * from typed", "select * from typed where people >= {{ var('least') }}"
    )
    line.deliver("cities", cities(1, {"a": ("Ulm", 1), "b": ("Bonn", 2)}))
    engineer.ran_well()
    assert engineer.history("city") == [("b",)]
    engineer.edit("dbt_project.yml", "least: 2", "least: 1")
    assert "code of staging: variable least was" in engineer.failures()[0]
