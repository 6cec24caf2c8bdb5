"""Checks of a snapshot of which rows were recognised, and not staged, see all of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.engineer import Engineer
from tests.pipeline.line import Line, ratings
from tests.pipeline.project import SEEDS
from tests.pipeline.test_recognition import FOUR, run, staged, town, town_again
from tests.pipeline.verify.verified import Verified

SMALL = {
    "expect": "expect_column_values_to_be_between",
    "column": "people",
    "max_value": 5,
    "severity": "warning",
}
UNIQUE = {"expect": "expect_column_values_to_be_unique", "column": "name", "severity": "critical"}
MANY = {"expect": "expect_table_row_count_to_be_between", "min_value": 3, "severity": "critical"}
MEAN = {
    "expect": "expect_column_mean_to_be_between",
    "column": "people",
    "max_value": 10,
    "severity": "warning",
}


@pytest.fixture(autouse=True)
def forced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recognise rows of small snapshots, too."""
    monkeypatch.setenv("HEADWATER_RECOGNISE", "always")


def with_checks(
    *checks: dict[str, Any], max_removed_pct: str = "", max_fallen_out_pct: str = ""
) -> dict[str, str]:
    """Return the seeds in which cities have these checks."""
    listed = json.dumps(list(checks)).replace('"', '""')
    before = "cities,cities,town_hall,town,daily,city,snapshot,,,,,,,,,,,,"
    assert before in SEEDS["source"]
    row = f'cities,cities,town_hall,town,daily,city,snapshot,,,"{listed}",,,,,,,{max_removed_pct},{max_fallen_out_pct},'
    return {**SEEDS, "source": SEEDS["source"].replace(before, row)}


def found(line: Line, check: str) -> list[tuple[Any, ...]]:
    """Return passed, unexpected_count and observed of a check, by delivery."""
    return line.query(
        "select passed, unexpected_count, observed from metadata.data_quality_checks where check_name = :check"
        " order by delivery_sqn",
        check=check,
    )


def test_a_bad_row_that_does_not_change_is_counted_in_each_snapshot(line: Line, tmp_path: Path) -> None:
    engineer = Engineer(tmp_path / "of-own", line, with_checks(SMALL, UNIQUE))
    del engineer
    rows = ("a,A,1", "b,B,9", "c,C,3")
    names = [town_again(line, day, *rows) for day in (1, 2, 3)]
    assert [staged(line, name)[0] for name in names] == ["loaded", "partial", "partial"]
    assert found(line, "expect_column_values_to_be_between(people)") == [(False, 1, "1 unexpected of 3")] * 3
    sample = line.query(
        "select unexpected_sample -> 0 -> 'key' from metadata.data_quality_checks"
        " where check_name = 'expect_column_values_to_be_between(people)'"
    )
    assert sample == [({"city": "b"},)] * 3


def test_rows_that_held_are_not_judged_again_and_a_new_bad_one_is_counted(line: Line, tmp_path: Path) -> None:
    Engineer(tmp_path / "of-own", line, with_checks(SMALL))
    town_again(line, 1, "a,A,1", "b,B,2", "c,C,3")
    town_again(line, 2, "a,A,1", "b,B,8", "c,C,3")
    town_again(line, 3, "a,A,1", "b,B,8", "c,C,4")
    assert found(line, "expect_column_values_to_be_between(people)") == [
        (True, 0, "0 unexpected"),
        (False, 1, "1 unexpected of 3"),
        (False, 1, "1 unexpected of 3"),
    ]


def test_another_rule_judges_the_rows_that_were_recognised(line: Line, tmp_path: Path) -> None:
    rows = ("a,A,1", "b,B,4", "c,C,3")
    Engineer(tmp_path / "before", line, with_checks(SMALL))
    town_again(line, 1, *rows)
    Engineer(tmp_path / "after", line, with_checks({**SMALL, "max_value": 3}))
    name = town_again(line, 2, *rows)
    assert staged(line, name) == ("partial", 0, 3)
    assert found(line, "expect_column_values_to_be_between(people)")[1] == (False, 1, "1 unexpected of 3")


def test_rules_on_the_whole_see_recognised_rows(line: Line, tmp_path: Path) -> None:
    Engineer(tmp_path / "of-own", line, with_checks(UNIQUE, MANY, MEAN))
    town_again(line, 1, "a,A,1", "b,B,2", "c,C,30")
    name = town_again(line, 2, "a,A,1", "b,B,2", "c,C,33")
    assert staged(line, name) == ("partial", 1, 2)
    assert found(line, "expect_table_row_count_to_be_between") == [(True, None, "3")] * 2
    assert [row[2] for row in found(line, "expect_column_mean_to_be_between(people)")] == ["11", "12"]
    name = town(line, 3, "a,A,1", "b,A,2", "c,C,33")
    [halt] = line.run("cities").halts
    assert halt.checks == ("expect_column_values_to_be_unique(name)",)
    assert staged(line, name) == ("partial", 1, 2)


def test_a_truncated_snapshot_halts_by_the_share_of_all_that_is_current(line: Line, tmp_path: Path) -> None:
    Engineer(tmp_path / "of-own", line, with_checks(max_removed_pct="20"))
    rows = [f"{key},{key.upper()},1" for key in "abcdefghij"]
    town_again(line, 1, *rows)
    town_again(line, 2, *rows[:8])
    name = town(line, 3, *rows[:6])
    [halt] = line.run("cities").halts
    assert halt.checks == ("removed",)
    assert "2 of 8 current keys would be removed, 25.0 %, more than 20 %" in halt.why
    assert "city=g" in halt.why
    assert staged(line, name) == ("partial", 0, 6)


def test_a_type_that_few_rows_break_has_not_changed(line: Line, tmp_path: Path) -> None:
    Engineer(tmp_path / "of-own", line, with_checks(max_fallen_out_pct="90"))
    rows = [f"k{number},K,{number}" for number in range(100)]
    town_again(line, 1, *rows)
    name = town_again(line, 2, *rows[12:], *(f"{row.rsplit(',', 1)[0]},many" for row in rows[:12]))
    assert staged(line, name) == ("partial", 0, 88)
    [(passed, _, observed)] = found(line, "type_changed")
    assert (passed, observed) == (True, "no column, though 12 rows fell out for a type")


def test_what_is_staged_in_part_is_verified(line: Line) -> None:
    first, second = ratings(1, FOUR), ratings(2, {"ann": (1,), "ben": (5,), "dan": (4,)})
    third = ratings(3, {"ann": (1,), "ben": (5,), "dan": (3,), "eve": (2,)})
    run(line, first, second, third)
    verified = Verified(line, {})
    report = verified.report("ratings")
    assert report.is_clean, [finding for outcome in report.outcomes for finding in outcome.findings]
    assert report.unproven == []
    line.execute("delete from metadata.absent_key")
    assert {finding.rule for finding in verified.findings("ratings")} == {"version_differs", "count_differs"}


def test_a_count_of_recognised_rows_that_is_wrong_is_found(line: Line) -> None:
    run(line, ratings(1, FOUR), ratings(2, FOUR))
    line.execute(
        "update metadata.delivery_status set recognised_count = 3 where layer = 'staging' and status = 'partial'"
    )
    found = {finding.rule for finding in Verified(line, {}).findings("ratings")}
    assert found == {"staged", "historized", "count_differs", "lines_of_staging"}
