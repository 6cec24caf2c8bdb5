"""The history of one key is all that is on record of it: versions, who opened and closed them, rows that fell out."""

from __future__ import annotations

import csv
import io

import pytest

from headwater.metadata.errors import HeadwaterError
from headwater.queries.key_history import (
    KeyHistory,
    KeyNotReadable,
    key_history,
    parse_key,
    shape_of,
    write_csv,
)
from tests.pipeline.line import Line, cities, prices


def of_key(line: Line, source: str, *words: str) -> KeyHistory:
    with line.database.connect() as connection:
        shape = shape_of(connection, source)
        return key_history(connection, shape, parse_key(shape, words))


def test_a_key_has_its_versions_the_deliveries_at_both_ends_its_removal_and_its_rows_that_fell_out(
    line: Line,
) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", 1)}))
    second = line.deliver("cities", cities(2, {"a": ("A", 2), "b": ("B", 1)}))
    third = line.deliver("cities", cities(3, {"b": ("B", 1)}))
    fourth = line.deliver("cities", cities(4, {"a": ("A", 2), "b": ("B", 1)}))
    fifth = line.deliver("cities", cities(5, {"b": ("B", 1)}, unreadable=["a"]), "a,A,many,x")
    line.ran_well("cities")

    found = of_key(line, "cities", "a")
    assert [
        (v.change_type, v.publisher_name, v.end_type, v.ended_by_publisher_name, v.values["people"])
        for v in found.versions
    ] == [
        ("new", first.name, "changed", second.name, 1),
        ("changed", second.name, "removed", third.name, 2),
        ("new", fourth.name, None, None, 2),
    ]
    assert [v.changed for v in found.versions] == [(), ("people", "seen"), ("seen",)]
    assert [v.delivery_sqn for v in found.versions] == [line.sqn(one.name) for one in (first, second, fourth)]
    ((row,), state) = found.fallen_out, found.state
    assert (row.publisher_name, row.line_number, row.value) == (fifth.name, 3, "many")
    assert (row.status, row.is_stale, state) == ("loaded", True, "current")

    line.deliver("cities", cities(6, {"b": ("B", 1)}))  # speaks of a again: it is gone
    line.ran_well("cities")
    found = of_key(line, "cities", "a")
    assert ([row.is_stale for row in found.fallen_out], found.state) == ([False], "removed")
    assert of_key(line, "cities", "b").fallen_out == ()


def test_a_key_of_which_every_row_fell_out_is_known_and_one_that_never_came_is_not(line: Line) -> None:
    line.deliver("cities", cities(1, {"a": ("A", 1)}), "z,Z,many,x")
    line.ran_well("cities")
    only_fell = of_key(line, "cities", "z")
    assert (only_fell.is_known, only_fell.versions, only_fell.state) == (True, (), "never in history")
    assert [row.is_stale for row in only_fell.fallen_out] == [False]
    assert not of_key(line, "cities", "A").is_known


def test_a_composite_key_is_given_in_order_or_by_names_and_its_numbers_are_compared_as_numbers(
    line: Line,
) -> None:
    line.deliver("prices", prices(1, {("north", 7): (1,)}))
    line.deliver("prices", prices(2, {}, removed=[("north", 7)]), "north,7,cheap,")
    line.ran_well("prices")
    for words in (("north", "7"), ("item=7", "shop=north"), ("north", " 07")):
        found = of_key(line, "prices", *words)
        assert (found.key, len(found.versions)) == ({"shop": "north", "item": "7"}, 1)
        assert found.named == "shop=north, item=7"
        assert [row.value for row in found.fallen_out] == ["cheap"]
    with line.database.connect() as connection:
        file = io.StringIO()
        write_csv(file, shape_of(connection, "prices"), found)
    (version,) = csv.DictReader(io.StringIO(file.getvalue()))
    assert (version["shop"], version["item"], version["price"]) == ("north", "7", "1.00")
    assert version["valid_from"] == "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "0 values are given"),
        (("north",), "1 value is given"),
        (("north", "7", "8"), "3 values are given"),
        (("shop=north",), "item is not given"),
        (("shop=north", "shop=south"), "shop is given twice"),
        (("north", "seven"), 'item: "seven" is no integer'),
        (("north", "7); drop table historical.prices; --"), "is no integer"),
    ],
)
def test_what_is_no_key_is_refused_with_the_key_columns_and_their_types(
    line: Line, words: tuple[str, ...], message: str
) -> None:
    line.deliver("prices", prices(1, {("north", 7): (1,)}))
    line.ran_well("prices")
    with pytest.raises(KeyNotReadable) as refused:
        of_key(line, "prices", *words)
    assert message in str(refused.value)
    assert "Expected a value for the key columns of prices: shop (text), item (integer)" in str(refused.value)


def test_a_source_without_history_says_so(line: Line) -> None:
    with pytest.raises(HeadwaterError, match="cities has no history yet: `headwater run cities` makes it"):
        of_key(line, "cities", "a")
