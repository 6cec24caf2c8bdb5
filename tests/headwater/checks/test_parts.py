"""Doubts about deliveries that are complete for parts of their source: each compares with its parts only."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.support.verdicts import finding, names

COLUMNS = "station integer*, region text, reading integer"


@pytest.fixture
def regions(make_bench: Any) -> Any:
    """The bench of a source that comes region by region."""
    return make_bench(
        COLUMNS, delivery_type="partition_snapshot", partition_by=("region",), max_removed_pct=Decimal(50)
    )


def test_the_removal_guard_asks_for_the_share_of_the_parts_of_a_delivery(regions: Any) -> None:
    regions.stage(
        [(1, "north", 1), (2, "north", 1), (3, "north", 1), *((n, "south", 1) for n in range(10, 90))]
    )
    regions.stage([(1, "north", 1)])

    _, verdict = regions.check()

    observed = "2 of 3 current keys would be removed, 66.7 %, more than 50 %"
    assert finding(verdict, "removed") == (False, "critical", observed)


def test_a_row_that_comes_from_another_part_is_news_and_removes_nothing(regions: Any) -> None:
    regions.stage([(1, "north", 1), (2, "north", 1), (3, "south", 1)])
    regions.stage([(3, "south", 1), (2, "south", 1)])

    _, verdict = regions.check()

    assert str(finding(verdict, "removed")[2]).startswith("0 of 1 current keys")
    assert finding(verdict, "nothing_new")[0]


def test_a_part_that_differs_in_nothing_warns(regions: Any) -> None:
    regions.stage([(1, "north", 1), (2, None, 1), (3, "south", 1)])
    regions.stage([(2, None, 1)])

    _, verdict = regions.check()

    observed = "no key is new, changed or removed: the same 1 as are current"
    assert finding(verdict, "nothing_new") == (False, "warning", observed)


def test_an_empty_delivery_of_a_part_in_its_name_would_remove_that_part(regions: Any) -> None:
    regions.stage([(1, "north", 1), (2, "south", 1)])
    regions.stage([], part={"region": "south"})

    _, verdict = regions.check()

    assert str(finding(verdict, "removed")[2]).startswith("1 of 1 current keys would be removed, 100.0 %")
    assert not finding(verdict, "empty")[0]


def test_rows_of_another_part_than_the_name_says_halt(regions: Any) -> None:
    regions.stage([(1, "north", 1), (2, "south", 1), (3, None, 1)], part={"region": "south"})
    regions.stage([(2, "south", 2)], part={"region": "south"})
    regions.stage([(1, "north", 1)])

    first, second, third = regions.check()

    assert finding(first, "other_part") == (
        False,
        "critical",
        "2 rows of another part, beside a name that says region south",
    )
    assert not first.passed
    assert finding(second, "other_part") == (True, "critical", "all rows are of region south")
    assert "other_part" not in names(third)
