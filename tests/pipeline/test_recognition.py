"""Of a snapshot only what no current version says is staged: the rest is recognised, by its hash, in raw."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from headwater.pipeline import decide
from headwater.pipeline.rebuild import rebuild
from tests.macros.history_bench import snapshot
from tests.pipeline.engineer import STAGING, Engineer
from tests.pipeline.line import Line, ratings
from tests.support.history_oracle import Delivery

FOUR = {"ann": (1,), "ben": (2,), "cyd": (3,), "dan": (4,)}


@pytest.fixture(autouse=True)
def forced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recognise rows of small snapshots, too."""
    monkeypatch.setenv("HEADWATER_RECOGNISE", "always")


def staged(line: Line, name: str) -> tuple[Any, ...]:
    """Return status, staged and recognised rows of the newest landing of a name."""
    return line.query(
        "select status, record_count, recognised_count from metadata.delivery_status"
        " where layer = 'staging' and delivery_sqn = :sqn",
        sqn=line.sqn(name),
    )[0]


def run(line: Line, *deliveries: Delivery) -> None:
    """Deliver one after the other, with a run after each."""
    for delivery in deliveries:
        line.deliver("ratings", delivery)
        line.ran_well("ratings")


def town(line: Line, day: int, *lines: str) -> str:
    """Publish a file of cities whose untracked column says always the same; its name."""
    name = f"cities-202601{day:02}.csv"
    text = "\n".join(["City Code,name,people,seen", *(f"{one},x" for one in lines), ""])
    (line.publisher / "cities" / name).write_text(text, encoding="utf-8")
    return name


def test_rows_that_say_what_is_current_are_not_staged(line: Line) -> None:
    first, second = ratings(1, FOUR), ratings(2, {"ann": (1,), "ben": (5,), "dan": (4,), "eve": (2,)})
    third = ratings(3, {"ann": (1,), "ben": (5,), "cyd": (3,), "eve": (2,)})
    run(line, first, second, third)
    assert staged(line, first.name) == ("loaded", 4, None)
    assert staged(line, second.name) == ("partial", 2, 2)
    assert staged(line, third.name) == ("partial", 1, 3)
    line.assert_history("ratings", first, second, third)


def test_a_snapshot_that_says_nothing_new_stages_no_row(line: Line) -> None:
    first, same = ratings(1, FOUR), ratings(2, FOUR)
    run(line, first, same)
    assert staged(line, same.name) == ("partial", 0, 4)
    line.assert_history("ratings", first, same)


def test_a_row_that_fell_out_is_neither_changed_nor_removed(line: Line) -> None:
    first, second = ratings(1, FOUR), snapshot("ratings-20260102.csv", 2, {}, [("ben",)])
    run(line, first)
    second = snapshot(second.name, 2, {("ann",): (1,), ("cyd",): (2,)}, [("ben",)])
    line.deliver("ratings", second, "ben,many")
    line.ran_well("ratings")
    assert staged(line, second.name) == ("partial", 1, 1)
    line.assert_history("ratings", first, second)
    third = ratings(3, {"ann": (1,), "ben": (2,), "cyd": (2,)})
    run(line, third)
    assert staged(line, third.name) == ("partial", 0, 3)
    line.assert_history("ratings", first, second, third)


def test_a_duplicate_of_a_recognised_row_halts_as_in_a_whole_delivery(line: Line) -> None:
    town(line, 1, "a,A,1", "b,B,2", "c,C,3")
    line.ran_well("cities")
    name = town(line, 2, "a,A,1", "b,B,2", "c,C,3", "b,B,7")
    [halt] = line.run("cities").halts
    assert halt.checks == ("duplicate_keys",)
    assert "city=b, lines 3, 5" in halt.why
    assert staged(line, name) == ("loaded", 4, None)
    name = town(line, 3, "a,A,1", "b,B,2", "c,C,3", "c,C,3")
    [halt] = line.run("cities").halts
    assert "city=c, lines 4, 5" in halt.why
    assert staged(line, name) == ("loaded", 4, None)


def test_of_duplicates_the_last_wins_whether_or_not_it_was_recognised(line: Line) -> None:
    first, second = ratings(1, FOUR), ratings(2, {**FOUR, "ben": (7,)})
    run(line, first)
    (line.publisher / "ratings" / second.name).write_text(
        "reader,stars\nann,1\nben,2\ncyd,3\ndan,4\nben,7\n", encoding="utf-8"
    )
    line.ran_well("ratings")
    assert staged(line, second.name) == ("loaded", 4, None)
    line.assert_history("ratings", first, second)


def test_late_withdrawn_and_restored_deliveries_bring_back_what_was_not_staged(line: Line) -> None:
    first, third = ratings(1, FOUR), ratings(3, {"ann": (1,), "ben": (2,), "cyd": (4,)})
    fourth = ratings(4, {"ann": (1,), "ben": (3,), "cyd": (4,)})
    run(line, first, third, fourth)
    assert [staged(line, one.name)[0] for one in (third, fourth)] == ["partial", "partial"]
    late = ratings(2, {"ann": (5,), "ben": (2,), "eve": (4,)})
    run(line, late)
    line.assert_history("ratings", first, late, third, fourth)
    assert staged(line, third.name) == ("loaded", 3, None), "it met another state than before"
    assert staged(line, fourth.name)[0] == "partial", "of what it met nothing changed"
    for decision, counting in (
        ("withdraw", (first, late, fourth)),
        ("restore", (first, late, third, fourth)),
    ):
        decide.decide(line.project, decision, line.sqn(third.name), "a test", line.messages.append)
        line.assert_history("ratings", *counting)
    line.ran_well("ratings")
    line.assert_history("ratings", first, late, third, fourth)


def test_purged_rows_come_back_from_s3(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.pipeline.retention.policy", lambda _: {"raw": 0, "staging": 0})
    first, third = ratings(1, FOUR), ratings(3, {"ann": (1,), "ben": (2,), "cyd": (4,)})
    run(line, first, third)
    assert staged(line, third.name) == ("purged", 1, 2)
    assert line.query("select count(*) from metadata.absent_key") == [(0,)]
    late = ratings(2, {"ann": (5,)})
    run(line, late)
    line.assert_history("ratings", first, late, third)


def test_what_was_known_is_asked_of_partial_deliveries_too(line: Line) -> None:
    first, second = ratings(1, FOUR), ratings(2, {"ann": (1,), "ben": (5,), "dan": (4,)})
    run(line, first, second)
    [(moment,)] = line.query("select clock_timestamp()")
    third = ratings(3, {"ann": (2,), "ben": (5,), "dan": (4,)})
    run(line, third)
    asked = "select reader, stars from metadata.unstaged_deliveries_at('ratings', :moment)"
    assert line.query("select metadata.unstaged_deliveries_at('ratings', :moment)", moment=moment) == [([],)]
    del asked
    decide.decide(line.project, "withdraw", line.sqn(second.name), "a test", line.messages.append)
    line.assert_history("ratings", first, third)
    assert moment < datetime.now(UTC)


def test_a_rebuild_makes_the_same_history_and_the_next_snapshot_is_recognised(line: Line) -> None:
    first, second = ratings(1, FOUR), ratings(2, {"ann": (1,), "ben": (5,), "dan": (4,)})
    run(line, first, second)
    assert rebuild(line.project, ["ratings"], line.messages.append).exit_code == 0
    line.assert_history("ratings", first, second)
    third = ratings(3, {"ann": (2,), "ben": (5,), "dan": (4,)})
    run(line, third)
    assert staged(line, third.name) == ("partial", 1, 2)
    line.assert_history("ratings", first, second, third)


def test_under_another_definition_nothing_is_recognised_until_a_whole_snapshot_renews_the_hashes(
    line: Line, engineer: Engineer
) -> None:
    rows = ("a,A,1", "b,B,2", "c,C,3")
    town(line, 1, *rows)
    line.ran_well("cities")
    assert staged(line, town_again(line, 2, *rows)) == ("partial", 0, 3)
    engineer.edit(f"{STAGING}.sql", "select * from typed", "select * from typed where people < 100")
    engineer.rebuilt_well()
    assert staged(line, town_again(line, 3, *rows)) == ("partial", 0, 3)
    line.execute("update metadata.row_hashing set held_with = 'of another definition'")
    line.execute("update historical.cities set _row_hash = _row_hash + 1")
    assert staged(line, town_again(line, 4, *rows, "d,D,4")) == ("loaded", 4, None)
    assert staged(line, town_again(line, 5, *rows, "d,D,4")) == ("partial", 0, 4)


def town_again(line: Line, day: int, *lines: str) -> str:
    """Publish a file of cities and run; its name."""
    name = town(line, day, *lines)
    line.ran_well("cities")
    return name


@pytest.mark.parametrize(
    ("select", "is_recognised"),
    [
        pytest.param("*, people * 2 as own from typed", True, id="of a row"),
        pytest.param("*, max(people) over () as own from typed", False, id="across rows"),
        pytest.param("*, line_number as own from typed", False, id="of its place"),
        pytest.param("*, 1 as own from typed limit 10", False, id="limited"),
    ],
)
def test_rows_of_an_edited_model_are_recognised_where_it_makes_each_row_of_one(
    line: Line, engineer: Engineer, select: str, is_recognised: bool
) -> None:
    engineer.edit(f"{STAGING}.sql", "* from typed\n", f"{select}\n")
    engineer.list_in_history("own")
    town_again(line, 1, "a,A,1", "b,B,2")
    name = town_again(line, 2, "a,A,1", "b,B,3")
    assert staged(line, name) == (("partial", 1, 1) if is_recognised else ("loaded", 2, None))
    assert line.query("select count(*) from historical.cities where valid_to is null") == [(2,)]


def test_where_another_model_reads_staging_every_row_is_staged(line: Line, engineer: Engineer) -> None:
    engineer.write(
        "models/marts/newest.sql", "select max(delivery_sqn) as newest from {{ ref('stg_cities') }}\n"
    )
    town_again(line, 1, "a,A,1", "b,B,2")
    assert staged(line, town_again(line, 2, "a,A,1", "b,B,3")) == ("loaded", 2, None)
