"""Rows that cannot go on fall out, counted and kept; the rest of their delivery goes on."""

from __future__ import annotations

from tests.pipeline.line import Line, cities, of_source, ratings


def layers(line: Line, name: str) -> dict[str, list[int]]:
    """Layer → (record_count, fallen_out_count) of a delivery."""
    rows = line.query(
        "select layer, record_count, fallen_out_count from metadata.delivery_status where delivery_sqn = :sqn",
        sqn=line.sqn(name),
    )
    return {layer: counts for layer, *counts in rows}


def test_a_value_that_does_not_fit_falls_out_and_its_key_is_neither_changed_nor_removed(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", 2), "c": ("C", 3)}))
    second = line.deliver(
        "cities", cities(2, {"b": ("B", 20)}, unreadable=["c"]), "c,Changed,1_000,x", "d,D,3000000000,x"
    )
    line.ran_well("cities")

    assert line.quarantine(second.name) == [
        (
            3, "type", "people", {"city": "c"},
            {"City Code": "c", "name": "Changed", "people": "1_000", "seen": "x", "_rest": None},
        ),
        (
            4, "type", "people", {"city": "d"},
            {"City Code": "d", "name": "D", "people": "3000000000", "seen": "x", "_rest": None},
        ),
    ]  # fmt: skip
    counted = layers(line, second.name)
    assert (counted["raw"][0], counted["staging"], counted["historical"][0]) == (3, [1, 2], 1)
    line.assert_history("cities", first, second)
    assert [(v.row, v.valid_to) for v in line.versions("cities", "c")] == [(("C", 3), None)]
    assert [v.ended for v in line.versions("cities", "a")] == ["removed"]
    assert line.versions("cities", "d") == []

    third = line.deliver("cities", cities(3, {"b": ("B", 20), "c": ("Changed", 3)}))
    line.ran_well("cities")
    line.assert_history("cities", first, second, third)


def test_a_row_without_its_key_falls_out_and_is_said(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}), ",Nameless,2,x")
    result = line.ran_well("cities")
    assert of_source(result, "cities").warnings == [f"{first.name}: null_keys: 1 row without a whole key"]
    assert [row[:4] for row in line.quarantine(first.name)] == [(3, "null_key", "city", None)]
    assert layers(line, first.name)["staging"] == [1, 1]
    line.assert_history("cities", first)


def test_a_row_without_its_key_halts_where_the_source_says_so(line: Line) -> None:
    good = line.deliver("ratings", ratings(1, {"eve": (5,)}))
    bad = line.deliver("ratings", ratings(2, {"eve": (4,)}), ",3")
    result = line.run("ratings")
    assert result.exit_code == 3
    assert [(halt.publisher_name, halt.checks) for halt in result.halts] == [(bad.name, ("null_keys",))]
    line.assert_history("ratings", good)


def test_where_the_last_wins_the_highest_line_is_kept_and_the_others_are_quarantined(line: Line) -> None:
    message = ratings(1, {"bob": (2,), "eve": (3,)})
    (line.publisher / "ratings" / message.name).write_text(
        "reader,stars\neve,1\neve,many\nbob,2\neve,3\neve,none\n"
    )
    line.ran_well("ratings")
    assert [
        (number, rule, key, row["stars"]) for number, rule, _, key, row in line.quarantine(message.name)
    ] == [
        (2, "duplicate_key", {"reader": "eve"}, "1"),
        (3, "type", {"reader": "eve"}, "many"),
        (6, "type", {"reader": "eve"}, "none"),
    ]
    assert line.query("select reader, stars, line_number from staging.stg_ratings order by 3") == [
        ("bob", 2, 4),
        ("eve", 3, 5),
    ]
    assert layers(line, message.name)["staging"] == [2, 3]
    line.assert_history("ratings", message)
