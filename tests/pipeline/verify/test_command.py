"""The command: its exit code, its lines for people and its JSON for machines."""

from __future__ import annotations

import json

import pytest

from tests.pipeline.verify.verified import Verified
from tests.support.command import headwater, ran
from tests.support.pages import commands_of


@pytest.fixture
def _in_project(verified: Verified, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_PROJECT", str(verified.line.project.root))


@pytest.mark.usefixtures("_in_project")
def test_clean_is_exit_code_0_with_a_line_for_each_check() -> None:
    result = ran(0, "verify", "--objects")
    lines = result.stdout.splitlines()
    assert "clean prices: intervals: 6 versions" in lines
    assert "clean ratings: ledger: 1 delivery" in lines
    assert "clean cities: history: 4 of 4 deliveries applied again" in lines
    assert lines[-1].startswith("No damage in ")
    assert "3 sources" in lines[-1]
    assert "verify: cities: ledger" in result.stderr.splitlines()
    commands = commands_of("how-to/verify-history")
    assert [command[0] for command in commands] == ["verify"] * 3
    assert json.loads(ran(0, *commands[2]).stdout)["is_clean"] is True


@pytest.mark.usefixtures("_in_project")
def test_damage_is_exit_code_1_and_says_what_where_and_what_to_do(verified: Verified) -> None:
    verified.damage("update historical.cities set people = 99 where city = 'd'")
    result = ran(1, "verify", "cities")
    at = result.stdout.splitlines().index("damaged cities: history: 4 of 4 deliveries applied again")
    about, expected, found, action = result.stdout.splitlines()[at + 1 : at + 5]
    sqn = verified.line.sqn("cities-20260102.csv")
    assert about == (
        f"  version_differs: key d, from 2026-01-02T00:00:00+00:00, delivery {sqn}, cities-20260102.csv"
    )
    assert expected == "    expected: people '1'"
    assert found == "    found:    people '99'"
    assert action.startswith("    to do:    headwater rebuild cities")
    assert result.stdout.splitlines()[-1].startswith("Damage: 1 in ")

    payload = json.loads(ran(1, "verify", "cities", "--json").stdout)
    assert payload["is_clean"] is False
    [check] = [check for check in payload["checks"] if check["status"] == "damaged"]
    assert (check["source"], check["check"], check["total"]) == ("cities", "history", 1)
    assert check["findings"][0]["key"] == {"city": "d"}
    ran(0, "verify", "prices")


@pytest.mark.usefixtures("_in_project")
def test_an_unknown_source_is_misuse() -> None:
    assert "Did you mean cities?" in ran(2, "verify", "citees").stderr


def test_help_has_an_example() -> None:
    result = headwater("verify", "--help")
    assert "Example: headwater verify airports --objects" in result.stdout
    assert "Exit code 1" in result.stdout
