"""The commands about the past: what they print for people and for machines."""

from __future__ import annotations

import csv
import io
import json
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from tests.support.command import ran
from tests.support.pages import shell_blocks


@pytest.mark.usefixtures("database", "store")
def test_as_of_takes_days_and_moments_of_any_time_zone_and_gives_machines_every_row(publisher: Path) -> None:
    rows = "".join(f"{number},A,1,x\n" for number in range(30))
    (publisher / "cities" / "cities-20260102.csv").write_text(f"City Code,name,people,seen\n{rows}")
    ran(0, "run", "cities")
    assert len(json.loads(ran(0, "as-of", "cities", "--on", "2026-01-02", "--json").stdout)) == 30
    assert (
        len(json.loads(ran(0, "as-of", "cities", "--on", "2026-01-02", "--json", "--limit", "3").stdout)) == 3
    )
    of_the_day = ran(0, "as-of", "cities", "--on", "2026-01-02").stdout
    assert of_the_day.startswith("cities at the end of 2026-01-02, UTC\n")
    assert "30 rows. 20 are shown." in of_the_day
    before = ran(0, "as-of", "cities", "--on", "2026-01-02T01:00:00+02:00").stdout
    assert before.splitlines() == [
        "cities at 2026-01-01 23:00:00 UTC", "0 rows.",
        "Nothing was true then. The nearest delivery after is of 2026-01-02 (UTC).",
    ]  # fmt: skip
    assert "30 rows." in ran(0, "as-of", "cities", "--on", "2026-01-01T23:00:00-02:00").stdout


@pytest.fixture
def in_the_afternoon(publisher: Path, database: Engine, store: ObjectStore) -> int:  # noqa: ARG001
    """A delivery of cities in history that is true from an afternoon on, of some awkward texts; its number."""
    (publisher / "cities" / "cities-20260102.csv").write_text(
        'City Code,name,people,seen\na,"=A [b]\n2",1,' + "long " * 60 + "\nb,,2,x\n"
    )
    ran(0, "run", "cities")
    with database.begin() as connection:  # as of a publisher that says the hour
        connection.exec_driver_sql("update historical.cities set valid_from = '2026-01-02 14:30+00'")
        connection.exec_driver_sql("update metadata.delivery set delivery_date = '2026-01-02 14:30+00'")
        return int(connection.exec_driver_sql("select delivery_sqn from metadata.delivery").scalar_one())


def test_a_day_means_its_end_and_a_moment_that_moment(in_the_afternoon: int) -> None:
    def total(*arguments: str) -> int:
        return len(json.loads(ran(0, "as-of", "cities", "--json", *arguments).stdout))

    assert total("--on", "2026-01-02") == 2
    assert total("--on", "2026-01-02T00:00") == 0
    assert total("--on", "2026-01-02T14:30") == 2
    today = datetime.now(UTC).date()
    assert total("--on", "2026-01-02", "--known-at", str(today)) == 2  # what came today is known at its end
    assert total("--on", "2026-01-02", "--known-at", str(today - timedelta(days=1))) == 0
    for arguments, expected in (
        (("--since", "2026-01-02", "--until", "2026-01-02"), [in_the_afternoon]),
        (("--until", "2026-01-02T14:29"), []),
        (("--since", "2026-01-03"), []),
    ):
        found = json.loads(ran(0, "deliveries", "cities", "--json", *arguments).stdout)
        assert [row["delivery_sqn"] for row in found] == expected


@pytest.mark.usefixtures("in_the_afternoon")
def test_wide_rows_are_blocks_for_people_and_rows_for_machines() -> None:
    shown = ran(0, "as-of", "cities", "--on", "2026-01-02").stdout.splitlines()
    assert shown[1:4] == ["row 1", "  city        a", r"  name        =A [b]\n2"]
    assert "row 2" in shown
    assert shown[-1] == "2 rows."
    narrow = ran(0, "as-of", "cities", "--on", "2026-01-02", "--column", "city", "--column", "people")
    assert [line.split() for line in narrow.stdout.splitlines()[1:4]] == [
        ["city", "people"],
        ["a", "1"],
        ["b", "2"],
    ]
    refused = ran(2, "as-of", "cities", "--on", "2026-01-02", "--column", "town").stderr
    assert "--column town is not known. Expected one of: city, name, people, seen, valid_from" in refused

    def table(*arguments: str) -> list[dict[str, str]]:
        return list(
            csv.DictReader(io.StringIO(ran(0, "as-of", "cities", "--on", "2026-01-02", *arguments).stdout))
        )

    first, second = table("--csv")
    assert (first["name"], first["people"], first["valid_to"], first["_fell_out"]) == (
        "=A [b]\n2",
        "1",
        "",
        "",
    )
    assert second["name"] == ""
    assert table("--spreadsheet")[0]["name"] == "'=A [b]\n2"
    empty = ran(0, "as-of", "cities", "--on", "2025-01-02", "--csv", "--column", "city").stdout
    assert empty == "city\n"


@pytest.mark.usefixtures("lossy")
def test_the_history_of_a_key_is_told_to_people_and_machines_and_what_is_no_key_is_misuse() -> None:
    ran(0, "run", "cities")
    shown = " ".join(ran(0, "history", "cities", "a").stdout.split())
    assert "cities a: current 2026-01-01 to now new by delivery" in shown
    assert 'people (type) "=1+1\\x1b[31m"; history keeps the earlier version' in shown
    payload = json.loads(ran(0, "history", "cities", "city=a", "--json").stdout)
    assert (payload["state"], payload["key"], len(payload["versions"])) == ("current", {"city": "a"}, 1)
    assert payload["fallen_out"][0]["is_stale"]
    (row,) = csv.DictReader(io.StringIO(ran(0, "history", "cities", "a", "--csv").stdout))
    assert (row["city"], row["people"], row["valid_to"]) == ("a", "1", "")
    expected = "Expected a value for the key column of cities: city (text)"
    assert expected in " ".join(ran(2, "history", "cities", "a", "b").stderr.split())
    unknown = " ".join(ran(1, "history", "cities", "nowhere").stderr.split())
    assert "has the key nowhere. Its key is city (text)" in unknown
    assert "prices has no history yet" in ran(1, "history", "prices", "x", "1").stderr


@pytest.mark.usefixtures("database", "store")
def test_the_commands_about_the_past_do_what_the_documentation_says(publisher: Path) -> None:
    (publisher / "cities" / "cities-20200131.csv").write_text("City Code,name,people,seen\na,Aa,1,x\n")
    lines = "".join(shell_blocks("how-to/backfill")).splitlines()
    commands = [shlex.split(line, comments=True)[1:] for line in lines]
    assert [command[0] for command in commands] == ["run", "deliveries", "rebuild"]
    shown = [ran(0, *command).stdout for command in commands]
    assert "cities-20200131.csv" in shown[1]
