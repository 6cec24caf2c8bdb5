"""Deliveries through the whole line: whatever their order and batches, the tables are the oracle's."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.home import make_home
from headwater.project import Project
from tests.pipeline.line import Line, cities, of_source, prices, ratings
from tests.pipeline.project import SHAPES

CHEAP, DEAR = Decimal("1.50"), Decimal("200000.05")


def test_first_run_on_an_empty_database_equals_the_oracle_and_the_second_changes_nothing(
    project_folder: Path, empty_database: Engine, store: ObjectStore, publisher: Path
) -> None:
    line = Line(Project(project_folder, make_home(project_folder)), publisher, empty_database, store)
    cities_1 = line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", None), "ü": ('say "hi"', 3)} | {}))
    prices_1 = line.deliver("prices", prices(1, {("x", 1): (CHEAP,), ("x", 2): (None,), ("y", 1): (DEAR,)}))
    ratings_1 = line.deliver("ratings", ratings(1, {"eve": (5,), "bob": (None,)}))

    result = line.ran_well()
    assert [(s.source, s.landed, s.loaded) for s in result.sources] == [(name, 1, 1) for name in SHAPES]
    line.assert_history("cities", cities_1)
    line.assert_history("prices", prices_1)
    line.assert_history("ratings", ratings_1)
    assert line.query("select cities, people from marts.town") == [(3, 4)]
    assert line.query("select source, description from metadata.source where source = 'prices'") == [
        ("prices", "One row per shop and item")
    ]

    before = line.contents()
    assert {
        "raw.cities",
        "staging.stg_prices",
        "historical.ratings",
        "marts.town",
        "metadata.attribute",
    } <= set(before)
    again = line.ran_well()
    assert [(s.landed, s.loaded) for s in again.sources] == [(0, 0)] * 3
    assert line.contents() == before


A_B_A = [
    cities(1, {"a": ("A", 1), "n": ("N", None), "gone": ("G", 7), "same": ("S", 1)}),
    cities(2, {"a": ("B", 1), "n": ("N", 2), "same": ("S", 1)}),
    cities(3, {"a": ("A", 1), "n": ("N", None), "gone": ("G", 7), "same": ("S", 1)}),
]


@pytest.mark.parametrize(
    "batches",
    [
        pytest.param([[0], [1], [2]], id="one by one"),
        pytest.param([[0, 1, 2]], id="all at once"),
        pytest.param([[0, 2], [1]], id="the middle one late"),
        pytest.param([[2], [1], [0]], id="backwards"),
    ],
)
def test_every_batching_and_order_ends_in_the_chronological_history(
    line: Line, batches: list[list[int]]
) -> None:
    arrived = []
    for batch in batches:
        arrived += [line.deliver("cities", A_B_A[number]) for number in batch]
        line.ran_well("cities")
        line.assert_history("cities", *arrived)
    assert [v.row[0] for v in line.versions("cities", "a")] == ["A", "B", "A"]
    assert [v.row[1] for v in line.versions("cities", "n")] == [None, 2, None]
    assert [(v.change, v.ended) for v in line.versions("cities", "gone")] == [
        ("new", "removed"),
        ("new", None),
    ]
    assert len(line.versions("cities", "same")) == 1


def test_a_delta_changes_adds_and_ends_what_it_names_and_nothing_else(line: Line) -> None:
    first = line.deliver("prices", prices(1, {("x", 1): (CHEAP,), ("x", 2): (CHEAP,), ("y", 1): (CHEAP,)}))
    second = line.deliver(
        "prices", prices(2, {("x", 1): (DEAR,), ("z", 9): (None,)}, removed=[("y", 1), ("no", 1)])
    )
    line.ran_well("prices")
    line.assert_history("prices", first, second)
    assert [(v.change, v.ended, v.ended_by) for v in line.versions("prices", "y", 1)] == [
        ("new", "removed", second.name)
    ]
    assert [v.valid_to for v in line.versions("prices", "x", 2)] == [None]

    third = line.deliver("prices", prices(3, {("y", 1): (CHEAP,)}))
    line.ran_well("prices")
    line.assert_history("prices", first, second, third)
    assert len(line.versions("prices", "y", 1)) == 2


def test_the_same_content_again_changes_nothing(line: Line) -> None:
    rows = {"a": ("A", 1), "b": ("B", None)}
    first = line.deliver("cities", cities(1, rows))
    line.ran_well("cities")
    before = line.contents()

    os.utime(line.publisher / "cities" / first.name)  # fetched again, since the publisher says it changed
    assert of_source(line.ran_well("cities"), "cities").landed == 0
    assert line.contents() == before

    second = line.deliver("cities", cities(2, rows))  # as a delivery of another date
    line.ran_well("cities")
    line.assert_history("cities", first, second)
    assert len(line.versions("cities", "a")) == len(line.versions("cities", "b")) == 1


def test_one_identity_with_new_content_supersedes_the_old_one_unless_it_halts(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", 1)}))
    second = line.deliver("cities", cities(2, {"a": ("A", 2), "b": ("B", 1)}))
    line.ran_well("cities")
    replaced = line.sqn(first.name)

    corrected = line.deliver("cities", cities(1, {"a": ("A", 2), "c": ("C", 1)}))
    line.ran_well("cities")
    line.assert_history("cities", corrected, second)
    assert line.query("select status from metadata.delivery_state where delivery_sqn = :s", s=replaced) == [
        ("superseded",)
    ]
    assert line.query(
        "select count(*) from metadata.delivery_status where delivery_sqn = :s and layer = 'historical'",
        s=replaced,
    ) == [(0,)]

    line.deliver("cities", cities(1, {"a": ("A", 3)}), "a,A,4,twice")
    result = line.run("cities")
    assert result.exit_code == 3
    assert line.status(first.name) == "halted"
    line.assert_history("cities", corrected, second)


def test_two_deliveries_of_one_date_are_one_step(line: Line) -> None:
    early = line.deliver("prices", prices(1, {("x", 1): (CHEAP,), ("x", 2): (CHEAP,)}, part="_a"))
    late = line.deliver("prices", prices(1, {("x", 1): (DEAR,)}, removed=[("x", 2)], part="_b"))
    line.ran_well("prices")
    line.assert_history("prices", early, late)
    assert [v.row for v in line.versions("prices", "x", 1)] == [(DEAR,)]
    assert line.versions("prices", "x", 2) == []
