"""The command: from a file to history at once, never asking where nobody can answer."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from headwater.cli import app
from tests.headwater.new_source.conftest import AS_SNAPSHOT, content_of

VERSIONS = """
select
    code, name_of_it, opened::text, visits, share_pct::text, lent, since::text, zip,
    valid_from::date::text, valid_to::date::text, end_type
from historical.libraries
order by code, valid_from
"""


def new_source(exit_code: int, *arguments: str) -> Result:
    result = CliRunner().invoke(app, ["new-source", *arguments], input="")
    assert result.exit_code == exit_code, (result.stdout, result.stderr, result.exception)
    return result


@pytest.mark.usefixtures("project", "store")
def test_one_command_brings_a_file_to_history(libraries, database):
    """Every value is read by staging as it was proposed: nothing falls out."""
    later = libraries.with_name("libraries-2026-02-02.csv")
    later.write_text(
        libraries.read_text().replace("60.000", "60.001").replace("L03;Harbour", "L04;Southbank")
    )
    said = json.loads(new_source(0, "libraries", "--from", str(libraries), *AS_SNAPSHOT, "--json").stdout)
    assert [said["proposal"]["key"], said["sources"][0]["loaded"], said["failures"]] == [["code"], 2, []]
    first, second = (row["layers"] for row in said["deliveries"])
    assert [first[layer]["record_count"] for layer in ("raw", "staging", "historical")] == [5, 5, 5]
    assert [second[layer]["record_count"] for layer in ("raw", "staging", "historical")] == [5, 5, 5]
    with database.begin() as connection:
        versions = connection.execute(sa.text(VERSIONS)).all()
        assert connection.scalar(sa.text("select count(*) from metadata.quarantined_row")) == 0
    january, february, since = "2026-01-05", "2026-02-02", "2026-01-06 07:00:00+00"
    north = ("L02", "Northgate", "1988-09-12")
    north_more = ("7.25", False, "2026-01-05 07:00:00+00", "23456")
    harbour = ("Harbour", "2001-03-03", None, None, True, since, "34567")
    assert [tuple(row) for row in versions] == [
        ("L01", "Central Library", "1954-05-01", 1234567, "12.50", True, "2026-01-05 07:00:00+00", "01234", january,
         None, None),
        (*north, 60000, *north_more, january, february, "changed"),
        (*north, 60001, *north_more, february, None, None),
        ("L03", *harbour, january, february, "removed"),
        ("L04", "Southbank", *harbour[1:], february, None, None),
        ("L05", "Hill", "2004-04-04", 5000, "1.50", True, since, "00001", january, None, None),
        ("L06", "Mill", "2005-05-05", 6, "100.00", True, since, "00002", january, None, None),
    ]  # fmt: skip


def test_a_dry_run_shows_the_proposal_and_writes_nothing(project, libraries):
    before = content_of(project)
    shown = new_source(0, "libraries", "--from", str(libraries), *AS_SNAPSHOT, "--dry-run").stdout
    for said in (
        "libraries-2026-01-05.csv",
        "delimiter",
        "DD.MM.YYYY",
        "<empty>|n/a",
        "town_hall",
        "monthly",
    ):
        assert said in shown
    said = json.loads(new_source(0, "libraries", "--from", str(libraries), "--dry-run", "--json").stdout)
    assert said["key"] == ["code"]
    assert content_of(project) == before


@pytest.mark.parametrize(
    ("exit_code", "arguments", "says"),
    [
        (2, ("--option", "header_lines=2"), "header_lines is not an option"),
        (2, ("--type", "everything"), "--type everything is not known"),
        (1, ("--key", "no_such"), "no_such is no column"),
    ],
)
def test_misuse_is_told_and_nothing_is_written(project, libraries, exit_code, arguments, says):
    before = content_of(project)
    result = new_source(exit_code, "libraries", "--from", str(libraries), *arguments)
    assert says in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert content_of(project) == before


def test_in_a_terminal_a_person_is_asked_until_the_answer_will_do(project, libraries, monkeypatch):
    libraries.write_text("id;day\n1;01/02/2026\n2;03/04/2026\n")
    monkeypatch.setattr("headwater.cli._is_terminal", lambda: True)
    before = content_of(project)
    answers = ["day, id", "MM/DD/YYYY", "all", "delta", "town_hall", "me", "often", "daily", "n"]
    result = CliRunner().invoke(
        app, ["new-source", "libraries", "--from", str(libraries)], input="\n".join(answers) + "\n"
    )
    assert result.exit_code == 0, (result.stdout, result.stderr, result.exception)
    for said in ("MM/DD/YYYY", "delta", "town_hall", "daily", "id, day"):
        assert said in result.stdout
    assert result.stderr.count("Expected one of") == 2
    assert "Nothing was written" in result.stderr
    assert content_of(project) == before


def test_nobody_is_asked_where_nobody_can_answer(project, tmp_path):
    """No key, and an input that is no terminal: it ends, and says what to do."""
    (tmp_path / "same.csv").write_text("a,b\n1,1\n1,1\n")
    result = new_source(1, "same", "--from", str(tmp_path / "same.csv"))
    assert "--key" in result.stderr
    assert not (project.models / "staging").exists()
