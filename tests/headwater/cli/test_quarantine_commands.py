"""The commands about rows that fell out: what they print for people, machines and spreadsheets."""

from __future__ import annotations

import csv
import io
import json

import pytest
import typer.main

from headwater.cli.commands import app
from tests.support.command import ran
from tests.support.pages import commands_of


@pytest.mark.usefixtures("lossy")
def test_rows_that_fell_out_are_said_by_every_command_that_tells_of_a_delivery() -> None:
    facts = json.loads(ran(0, "run", "cities", "--json").stdout)
    (source,) = facts["sources"]
    fell = source["fallen_out"]
    assert (facts["exit_code"], fell["row_count"], fell["of_rows"]) == (0, 1, 2)
    assert fell["stale_current_keys"] == 1
    assert fell["causes"] == [
        {"column_name": "people", "rule": "type", "row_count": 1, "values": ["=1+1\x1b[31m"]}
    ]
    assert any(
        "nothing_new: no key of the rows that were read is new" in warning for warning in source["warnings"]
    )
    (cities,) = [
        s for s in json.loads(ran(0, "status", "--json").stdout)["sources"] if s["source"] == "cities"
    ]
    assert (cities["fallen_out"], cities["stale_current_keys"]) == (fell, 1)
    _, second = json.loads(ran(0, "deliveries", "cities", "--json").stdout)
    assert second["fallen_out"] == fell

    sqn = second["delivery_sqn"]
    for command in (("status",), ("deliveries", "cities")):
        shown = " ".join(ran(0, *command).stdout.split())
        assert f'1 of 2 rows of delivery {sqn} fell out: 1 for people (type): "=1+1\\x1b[31m"' in shown
        assert "1 of their keys is current: history keeps the earlier version" in shown
        assert "\x1b[31m" not in shown

    (a, b) = json.loads(ran(0, "as-of", "cities", "--on", "2026-01-02", "--json").stdout)
    assert (a["city"], a["people"], a["_fell_out"]["value"]) == ("a", 1, "=1+1\x1b[31m")
    assert (b["city"], b["_fell_out"]) == ("b", None)
    assert f"delivery {sqn}, line 2: people (type)" in ran(0, "as-of", "cities", "--on", "2026-01-02").stdout


@pytest.mark.usefixtures("lossy")
def test_the_quarantine_is_listed_for_people_machines_and_spreadsheets() -> None:
    assert "0 rows fell out." in ran(0, "quarantine", "cities").stdout
    ran(0, "run", "cities")
    shown = ran(0, "quarantine", "cities").stdout
    assert "1 row fell out." in shown
    assert r"=1+1\x1b[31m" in shown
    assert "\x1b[31m" not in shown
    (row,) = json.loads(ran(0, "quarantine", "cities", "--json", "--current").stdout)
    assert (row["line_number"], row["key"], row["column_name"], row["rule"]) == (
        2,
        {"city": "a"},
        "people",
        "type",
    )
    assert row["row"]["people"] == row["value"] == "=1+1\x1b[31m"
    sqn = str(row["delivery_sqn"])
    (exact,) = csv.DictReader(io.StringIO(ran(0, "quarantine", "cities", "--delivery", sqn, "--csv").stdout))
    assert (exact["value"], exact["is_current_key"]) == ("=1+1\x1b[31m", "true")
    (safe,) = csv.DictReader(io.StringIO(ran(0, "quarantine", "cities", "--spreadsheet").stdout))
    assert safe["value"] == "'=1+1\x1b[31m"
    assert "0 rows fell out." in ran(0, "quarantine", "cities", "--rule", "null_key").stdout
    for wrong, expected in (
        (("--rule", "typo"), "--rule typo is not known. Expected one of: null_key, type, duplicate_key."),
        (
            ("--column", "City Code"),
            "--column City Code is not known. Expected one of: city, name, people, seen.",
        ),
        (("--delivery", "4711"), "cities has no delivery 4711."),
    ):
        assert f"Error: {expected}" in ran(2, "quarantine", "cities", *wrong).stderr


@pytest.mark.usefixtures("lossy")
def test_the_commands_about_rows_that_fell_out_do_what_the_documentation_says() -> None:
    ran(0, "run", "cities")
    commands = commands_of("how-to/rows-that-fall-out")
    example = typer.main.get_command(app).commands["quarantine"].epilog  # type: ignore[attr-defined]
    commands.append(example.removeprefix("Example: headwater ").replace("airports", "cities").split())
    assert len(commands) == 6
    for command in commands:
        shown = ran(0, *(command[: command.index(">")] if ">" in command else command)).stdout
        assert r"=1+1\x1b[31m" in shown or "=1+1\x1b[31m" in shown
