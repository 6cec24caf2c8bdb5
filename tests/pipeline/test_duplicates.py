"""Rows of one key that came in one delivery are seen side by side, wherever the layers still have them."""

from __future__ import annotations

from headwater.extract.landing.store import ObjectStore
from headwater.pipeline import decide
from headwater.queries.duplicates import LINES_SHOWN, Duplicates, duplicates
from headwater.queries.next_phase import next_phase
from headwater.queries.runs import last_runs_of_jobs
from tests.pipeline.line import Line, cities, ratings


def of(line: Line, source: str, name: str) -> Duplicates | None:
    with line.database.connect() as connection:
        return duplicates(connection, source, line.sqn(name))


def test_rows_of_a_halted_delivery_are_compared_as_they_came_until_one_has_won(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    twice = line.deliver("cities", cities(2, {"b": ("B", 9)}), "b,'<B>',09,cities-20260102.csv")
    assert line.run("cities").exit_code == 3
    assert of(line, "cities", first.name) is None

    found = of(line, "cities", twice.name)
    assert found is not None
    ((one,), count) = found.keys, found.key_count
    assert (count, one.key, one.lines, one.line_count, one.staged_line) == (1, {"city": "b"}, (2, 3), 2, None)
    assert {column.name: column.values for column in one.differing} == {
        "name": ("B", "'<B>'"), "people": ("9", "09"),
    }  # fmt: skip
    assert [column.name for column in one.agreeing] == ["seen"]

    assert phase_of(line, twice.name) == "L"
    decide.decide(line.project, "accept", line.sqn(twice.name), "the second will do", line.messages.append)
    accepted = of(line, "cities", twice.name)
    assert accepted is not None
    assert accepted.keys[0].staged_line == 3
    line.execute(
        "delete from raw.cities"
    )  # as retention does: what is left lies in staging and the quarantine
    left = of(line, "cities", twice.name)
    assert left is not None
    assert (left.keys[0].lines, left.keys[0].staged_line) == ((2, 3), 3)
    assert [column.name for column in left.keys[0].differing] == ["name"]  # 09 is 9 where it is typed


def test_of_many_rows_the_first_are_shown_and_the_one_that_won(line: Line) -> None:
    lines = [f"eve,{number % 5}" for number in range(12)]
    delivery = line.deliver("ratings", ratings(1, {"bob": (5,)}), *lines)
    line.ran_well("ratings")
    found = of(line, "ratings", delivery.name)
    assert found is not None
    (one,) = found.keys
    assert (one.line_count, one.staged_line, len(one.lines), one.lines[-1]) == (12, 14, LINES_SHOWN, 14)
    assert [column.name for column in one.differing] == ["stars"]


def phase_of(line: Line, name: str) -> str:
    with line.database.connect() as connection:
        return next_phase(connection, line.sqn(name))


def test_a_replayed_delivery_needs_its_file_again_and_a_withdrawn_one_history_alone(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    second = line.deliver("cities", cities(2, {"a": ("A", 2)}))
    line.ran_well("cities")
    for decision, name in (("replay", first.name), ("withdraw", second.name)):
        decide.put_on_record(line.database, line_store(), decision, line.sqn(name), "a test")
    assert (phase_of(line, first.name), phase_of(line, second.name)) == ("E", "L")


def line_store() -> ObjectStore:
    return ObjectStore.from_environment()


def test_a_dry_run_is_not_the_last_run_of_a_job(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    line.ran_well("cities")
    with line.database.connect() as connection:
        (before,) = last_runs_of_jobs(connection, ["cities", "market"]).values()
    decide.dry_run(line.project, "withdraw", line.sqn(first.name), line.messages.append)
    assert line.query("select count(*) from metadata.job_inst") == [(2,)]
    with line.database.connect() as connection:
        assert last_runs_of_jobs(connection, ["cities", "market"]) == {"cities": before}
