"""A delivery that is not sound halts alone: nothing of it is in history, all others are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from headwater.pipeline.runners import sources as runner
from tests.pipeline.line import Line, cities, of_source, prices

DAYS = {1: ("A", 1), 2: ("A", 2), 3: ("A", 3)}


def last_event(line: Line, name: str) -> tuple[str, list[str], str]:
    return line.query(
        "select event, checks, why from metadata.delivery_event where delivery_sqn = :sqn"
        " order by event_at desc limit 1",
        sqn=line.sqn(name),
    )[0]


def test_a_delivery_with_a_key_twice_halts_alone_and_names_it(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": DAYS[1], "b": ("B", 1)}))
    second = line.deliver("cities", cities(2, {"a": DAYS[2], "b": ("B", 2)}), "b,Bee,3,x")
    third = line.deliver("cities", cities(3, {"a": DAYS[3]}))
    other = line.deliver("prices", prices(1, {("x", 1): (Decimal(1),)}))

    result = line.run("cities", "prices")
    assert result.exit_code == 3
    (halt,) = result.halts
    assert (halt.source, halt.publisher_name, halt.checks) == ("cities", second.name, ("duplicate_keys",))
    assert "city=b, lines 3, 4" in halt.why
    assert last_event(line, second.name) == ("halted", ["duplicate_keys"], halt.why)
    assert line.status(second.name) == "halted"
    line.assert_history("cities", first, third)
    line.assert_history("prices", other)
    assert of_source(result, "prices").status == "succeeded"

    before = line.contents()
    assert line.ran_well("cities", "prices").halts == []  # it was said; it stands in `headwater status`
    assert line.contents() == before


def test_a_file_that_breaks_its_format_is_refused_with_file_and_line_and_leaves_nothing_in_raw(
    line: Line,
) -> None:
    first = line.deliver("cities", cities(1, {"a": DAYS[1]}))
    broken = line.deliver("cities", cities(2, {"a": DAYS[2], "b": ("B", 1)}), "c,ragged")
    third = line.deliver("cities", cities(3, {"a": DAYS[3]}))

    result = line.run("cities")
    assert result.exit_code == 3
    (halt,) = result.halts
    assert (halt.publisher_name, halt.checks) == (broken.name, ("format",))
    assert halt.why.startswith(f"{broken.name}:4: ")
    assert line.query("select count(*) from raw.cities where delivery_sqn = :s", s=line.sqn(broken.name)) == [
        (0,)
    ]
    assert line.query(
        "select layer from metadata.delivery_status where delivery_sqn = :s", s=line.sqn(broken.name)
    ) == [("landed",)]
    line.assert_history("cities", first, third)


@pytest.mark.parametrize(
    ("step", "layer", "message"),
    [
        ("stage", "raw", "staging: raw recorded 3 rows, but 2 were staged and 0 fell out"),
        (
            "historize",
            "staging",
            "historical: staging recorded 3 rows, but 2 are in the change set of history",
        ),
    ],
)
def test_a_count_that_was_tampered_with_rolls_the_load_back_and_halts_the_delivery(
    line: Line, monkeypatch: pytest.MonkeyPatch, step: str, layer: str, message: str
) -> None:
    first = line.deliver("cities", cities(1, {"a": DAYS[1], "b": ("B", 1)}))
    second = line.deliver("cities", cities(2, {"a": DAYS[2], "b": ("B", 1)}))
    third = line.deliver("cities", cities(3, {"a": DAYS[3], "b": ("B", 1)}))
    other = line.deliver("prices", prices(1, {("x", 1): (Decimal(1),)}))
    proper = getattr(runner, step)

    def tampered(*arguments: Any) -> None:
        line.execute(
            "update metadata.delivery_status set record_count = record_count + 1"
            " where layer = :l and delivery_sqn = :s",
            l=layer, s=line.sqn(second.name),
        )  # fmt: skip
        proper(*arguments)

    monkeypatch.setattr(runner, step, tampered)
    result = line.run("cities", "prices")
    assert result.exit_code == 3
    (halt,) = result.halts
    assert (halt.publisher_name, halt.checks, halt.why) == (second.name, ("ledger",), message)
    assert last_event(line, second.name)[:2] == ("halted", ["ledger"])
    table = "staging.stg_cities" if step == "stage" else "historical.cities"
    assert line.query(f"select count(*) from {table} where delivery_sqn = :s", s=line.sqn(second.name)) == [
        (0,)
    ]
    line.assert_history("cities", first, third)
    line.assert_history("prices", other)
