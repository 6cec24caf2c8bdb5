"""Sources whose deliveries are complete for a part, from the publisher's files to history.

cities   the part is `name`, a land, which an attribute and the name of the file say
prices   the part is `shop`, a key attribute; a file may hold several shops
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.macros.history_bench import Shape, assert_equals_oracle, partition_snapshot
from tests.pipeline.engineer import Engineer
from tests.pipeline.line import Line, of_source
from tests.pipeline.project import SEEDS, SHAPES
from tests.pipeline.verify.verified import Verified, the
from tests.support.history_oracle import Delivery, Key, Policy, Row

OF_PARTS = {
    **SEEDS,
    "source": """\
source,job,data_source,owner,schedule,geographic_granularity,delivery_type,partition_by,max_removed_pct,description
cities,cities,town_hall,town,daily,city,partition_snapshot,name,50,One row per city
prices,market,market,market,daily,shop,partition_snapshot,shop,50,One row per shop and item
""",
    "source_attribute": r"""source,name,value,valid_from
cities,conn_str,town_hall_cities,
cities,file_pattern,cities-(?P<name>[a-z]+)-(?P<date>\d{8})\.csv$,
prices,conn_str,market_prices,
prices,file_pattern,prices-(?P<date>\d{8})\w*\.csv$,
""",
    "attribute": "".join(
        line for line in SEEDS["attribute"].splitlines(keepends=True) if not line.startswith("ratings")
    ),
}
PARTS = {
    "cities": Shape(
        SHAPES["cities"].keys, SHAPES["cities"].tracked, {"seen": "text"}, Policy(partition_by=(1,))
    ),
    "prices": Shape(SHAPES["prices"].keys, SHAPES["prices"].tracked, {}, Policy(partition_by=(0,))),
}


@pytest.fixture
def parts(line: Line, tmp_path: Path) -> Line:
    """A line of the two sources, in a project of their own."""
    return Engineer(tmp_path / "own", line, OF_PARTS).line


def of_land(land: str, day: int, people: dict[str, int]) -> Delivery:
    """A file of the cities of one land: code → people."""
    rows: dict[Key, Row] = {(city,): (land, number) for city, number in people.items()}
    return partition_snapshot(f"cities-{land}-202601{day:02}.csv", day, rows, part=(land,))


def of_shops(day: int, rows: dict[Key, Row]) -> Delivery:
    """A file of prices: (shop, item) → (price,)."""
    return partition_snapshot(f"prices-202601{day:02}.csv", day, rows)


def test_deliveries_of_parts_make_the_history_of_the_oracle(parts: Line) -> None:
    north = parts.deliver("cities", of_land("north", 1, {"a": 1, "b": 2, "c": 3, "d": 4}))
    south = parts.deliver("cities", of_land("south", 1, {"x": 7}))
    shops = parts.deliver(
        "prices", of_shops(1, {("s", 1): (1,), ("s", 2): (2,), ("t", 1): (3,), ("u", 1): (4,)})
    )
    parts.ran_well()
    first = [north, south]

    missing = parts.deliver("cities", of_land("north", 2, {"a": 1, "b": 5, "c": 3}))  # d is missing
    two_shops = parts.deliver("prices", of_shops(2, {("s", 1): (1,), ("t", 1): (5,)}))  # so is item 2 of s
    parts.ran_well()
    for source, deliveries in (("cities", [*first, missing]), ("prices", [shops, two_shops])):
        assert_equals_oracle(parts.database, source, PARTS[source], deliveries)
    assert parts.query("select city, end_type from historical.cities where valid_to is not null order by 1") == [
        ("b", "changed"), ("d", "removed"),
    ]  # fmt: skip

    corrected = parts.deliver("cities", of_land("north", 2, {"a": 1, "b": 2, "d": 4}))  # the same file again
    late = parts.deliver(
        "prices", of_shops(1, {("s", 1): (1,), ("s", 2): (9,), ("t", 1): (3,), ("v", 1): (6,)})
    )
    # of the north two of three keys would be removed, which are less than half of all
    more = parts.deliver("cities", of_land("south", 3, {"x": 8, "y": 9, "z": 9, "w": 9}))
    truncated = parts.deliver("cities", of_land("north", 4, {"a": 6}))
    result = parts.run()
    [halt] = result.halts
    assert (halt.source, "removed" in halt.why) == ("cities", True), halt
    assert not of_source(result, "prices").failures
    assert parts.status(truncated.name) == "halted"
    assert parts.query(
        "select count(*) from metadata.delivery_state where publisher_name = :name and status = 'superseded'",
        name=corrected.name,
    ) == [(1,)]
    assert_equals_oracle(parts.database, "cities", PARTS["cities"], [*first, corrected, more])
    assert_equals_oracle(parts.database, "prices", PARTS["prices"], [late, two_shops])
    _find_planted_damage(parts)


def _find_planted_damage(parts: Line) -> None:
    verified = Verified(parts, {})
    report = verified.report(reads_objects=True)
    assert report.is_clean, [finding for outcome in report.outcomes for finding in outcome.findings]
    assert report.unproven == []
    # the file of another part has removed a key, and a key is of another part
    verified.damage(
        "update historical.cities set valid_to = '2026-01-03', end_type = 'removed', ended_by_delivery_sqn ="
        f" {parts.sqn('cities-south-20260103.csv')} where city = 'a'"
    )
    verified.damage("update historical.prices set shop = 'w' where shop = 'v'")
    findings = verified.findings()
    assert the(findings, "history.version_differs").key == {"city": "a"}
    assert the(findings, "history.version_missing").key == {"shop": "v", "item": 1}
    assert the(findings, "history.version_unexpected").key == {"shop": "w", "item": 1}
