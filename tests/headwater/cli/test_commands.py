"""The command: what it prints for people and for machines, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer.main
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from headwater.cli.commands import app
from headwater.extract.landing.store import ObjectStore
from tests.conftest import PROJECT
from tests.pipeline.project import FOLDER, make_project

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
LAYERS = {"landed", "raw", "staging", "checks", "historical"}


@pytest.fixture(scope="module")
def project_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("project") / "town")


@pytest.fixture
def publisher(tmp_path: Path, project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the publisher of a small project, which HEADWATER_PROJECT names."""
    monkeypatch.setenv("HEADWATER_PROJECT", str(project_folder))
    monkeypatch.setenv(FOLDER, str(tmp_path / "publisher"))
    for source in ("cities", "prices", "ratings"):
        (tmp_path / "publisher" / source).mkdir(parents=True)
    before = dict(os.environ)
    yield tmp_path / "publisher"
    for name in set(os.environ) - set(before):  # the command sets variables for its process
        del os.environ[name]


def headwater(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def ran(exit_code: int, *arguments: str) -> Result:
    result = headwater(*arguments)
    assert result.exit_code == exit_code, (result.stdout, result.stderr, result.exception)
    return result


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_a_command_does_and_gives_an_example(command):
    message = " ".join(ran(0, command, "--help").stdout.split())
    assert re.search(rf"Example: .*headwater {command}\b", message)
    does = typer.main.get_command(app).commands[command].help  # type: ignore[attr-defined]
    assert does
    assert does[:40] in message


def test_the_commands_that_a_person_needs_are_there():
    assert {"run", "status", "deliveries", "check", "docs", "up", "down", "env", "generate", "demo"} <= set(
        COMMANDS
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("no_such_command",),
        ("run", "--no-such-option"),
        ("deliveries", "cities", "prices"),
        ("run", "cities", "no_such_source"),
        ("deliveries", "no_such_source"),
    ],
)
@pytest.mark.usefixtures("publisher", "database", "store")
def test_misuse_ends_with_2(arguments):
    result = ran(2, *arguments)
    assert result.stdout == ""
    if "no_such_source" in arguments:
        assert (
            result.stderr.strip()
            == "Error: no source no_such_source. Expected one of: cities, prices, ratings."
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("run", "cities", "market"),
            "Error: no source market: that is a job. It works on prices, ratings: `headwater run prices ratings` brings"
            " them to history. All of its steps, scripts and callables included, are run by `headwater run --job"
            " market`, and in Airflow by the DAG market.",
        ),
        (("as-of", "market", "--on", "2026-01-01"), "Error: no source market: that is a job."),
        (("run", "--job", "prices"), "Error: no job prices: that is a source, of the job market."),
        (("run", "--job", "markt"), "Error: no job markt. Did you mean the job market? Expected one of:"),
        (("run", "cities", "--job", "market"), "Error: --job goes without names of sources and --parallel:"),
        (("run", "--job", "market", "--parallel", "2"), "Error: --job goes without names of sources and --parallel:"),
        (("run", "cities", "--full-load"), "Error: --full-load, --del-temp-data and --no-follow are of a job,"),
        (("run", "citys"), "Error: no source citys. Did you mean cities? Expected one of: cities, prices, ratings."),
        (("rebuild", "markt"), "Error: no source markt. Did you mean the job market? Expected one of: cities,"),
        (("runs", "markt"), "Error: no job markt. Did you mean the job market? Expected one of: cities, market."),
        (("runs", "prices"), "Error: no job prices: that is a source, of the job market."),
        (("as-of", "cities", "--on", "28.11.2026"), "'28.11.2026' is neither a day nor a moment. Expected one such as"),
        (("deliveries", "--since", "soon"), "'soon' is neither a day nor a moment. Expected one such as"),
        (("log", "1", "--level", "warning"), "Error: --level warning is not known. Expected one of: detail,"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("publisher", "database", "store")
def test_what_a_name_or_a_day_is_instead_is_said_with_what_to_do(arguments, message):
    result = ran(2, *arguments)
    assert result.stdout == ""
    assert message in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.usefixtures("database", "store")
def test_runs_end_with_0_or_3_or_1_and_tell_what_happened_to_people_and_machines(publisher):
    (publisher / "cities" / "cities-20260101.csv").write_text(
        "City Code,name,people,seen\na,A,1,x\nb,B,2,x\n"
    )
    (publisher / "prices" / "prices-20260101.csv").write_text("shop,item,price,gone\nx,1,1.50,\n")
    well = ran(0, "run", "cities", "prices")
    assert re.search(r"^cities +1 +1 +0 +succeeded", well.stdout, re.MULTILINE)

    (publisher / "cities" / "cities-20260102.csv").write_text(
        "City Code,name,people,seen\na,A,3,x\na,A,4,x\n"
    )
    halted = ran(3, "run", "cities", "--json")
    facts = json.loads(halted.stdout)
    assert facts["exit_code"] == 3
    (source,) = facts["sources"]
    assert (source["source"], source["status"], source["landed"], source["loaded"]) == (
        "cities",
        "halted",
        1,
        0,
    )
    (halt,) = source["halts"]
    assert (halt["publisher_name"], halt["checks"]) == ("cities-20260102.csv", ["duplicate_keys"])

    failed = ran(1, "run", "ratings")
    assert "failed ratings: no file in" in failed.stdout

    everything = json.loads(ran(0, "deliveries", "--json").stdout)
    assert [(d["source"], d["publisher_name"], d["status"]) for d in everything] == [
        ("cities", "cities-20260101.csv", "loaded"),
        ("cities", "cities-20260102.csv", "halted"),
        ("prices", "prices-20260101.csv", "loaded"),
    ]
    first, second = json.loads(ran(0, "deliveries", "cities", "--json").stdout)
    assert [first, second] == everything[:2]
    assert first["delivery_filename"].startswith("s3://")
    assert first["delivery_filename"].endswith(
        f"landed/cities/{first['delivery_sqn']:010d}/cities-20260101.csv"
    )
    assert (first["delivery_type"], first["delivery_date"]) == ("snapshot", "2026-01-01T00:00:00+00:00")
    assert [first[change] for change in ("new", "changed", "removed", "unchanged")] == [2, 0, 0, 0]
    assert [second[change] for change in ("new", "changed", "removed", "unchanged")] == [None] * 4
    assert {
        layer: (facts["status"], facts.get("record_count")) for layer, facts in first["layers"].items()
    } == {
        "landed": ("loaded", None),
        "raw": ("loaded", 2),
        "staging": ("loaded", 2),
        "checks": ("passed", None),
        "historical": ("loaded", 2),
    }
    assert second["layers"]["checks"]["status"] == "halted"
    assert set(second["layers"]) == LAYERS - {"historical"}

    table = ran(0, "deliveries", "cities").stdout
    assert "cities-20260102.csv" in table
    assert "halted" in table

    standing = json.loads(ran(0, "status", "--json").stdout)
    by_source = {row["source"]: row for row in standing["sources"]}
    cities = by_source["cities"]
    assert [cities[name] for name in ("deliveries", "loaded", "pending", "halted", "versions", "current")] == [
        2, 1, 0, 1, 2, 2,
    ]  # fmt: skip
    assert (cities["last_run"], by_source["ratings"]["last_run"]) == ("halted", "failed")
    assert [halt["publisher_name"] for halt in standing["halts"]] == ["cities-20260102.csv"]
    for_people = ran(0, "status").stdout
    assert re.search(
        r"halted cities: delivery \d+, cities-20260102\.csv: duplicate_keys: .*city=a", for_people
    )

    ran(0, "run", "cities")  # nothing new: what was halted before is no halt of this run


@pytest.mark.usefixtures("database", "store")
def test_decisions_are_told_to_people_and_machines_and_what_does_not_fit_is_misuse(publisher):
    (publisher / "cities" / "cities-20260101.csv").write_text(
        "City Code,name,people,seen\na,A,1,x\na,Aa,2,x\n"
    )
    halted = json.loads(ran(3, "run", "cities", "--json").stdout)["sources"][0]["halts"][0]
    sqn = str(halted["delivery_sqn"])

    for arguments, message in (
        (("accept", sqn, "--why", " "), "Error: a decision goes on record with its reason"),
        (
            ("accept", sqn, "--why", "x", "--check", "empty"),
            f"Error: delivery {sqn} of cities did not fail empty.",
        ),
        (("restore", sqn, "--why", "x"), f"Error: delivery {sqn} of cities is halted, not withdrawn"),
        (("withdraw", "999", "--why", "x"), "Error: there is no delivery 999."),
        (("as-of", "prices", "--on", "2026-01-01"), "Error: prices has no history yet"),
    ):
        refused = ran(1 if "as-of" in arguments else 2, *arguments)
        assert refused.stdout == ""
        assert refused.stderr.startswith(message)

    assert (
        "would be halted today: duplicate_keys: " in ran(0, "replay", sqn, "--why", "x", "--dry-run").stdout
    )
    would = json.loads(ran(0, "accept", sqn, "--why", "x", "--dry-run", "--json").stdout)
    sample = {"added": [{"key": {"city": "a"}, "valid_from": "2026-01-01T00:00:00+00:00"}]}
    assert would == {
        "added": 1, "dropped": 0, "ended": 0, "reopened": 0, "verdict": None, "why": None, "sample": sample,
    }  # fmt: skip
    accepted = ran(0, "accept", sqn, "--why", "the last [one]", "--check", "duplicate_keys").stdout
    assert accepted.splitlines()[-1] == f"delivery {sqn} of cities, cities-20260101.csv, is now loaded"

    record = (
        rf"accepted cities: delivery {sqn}, cities-20260101\.csv, in spite of duplicate_keys: \S+, "
        r"\d{4}-\d\d-\d\d \d\d:\d\d: the last \[one\]$"
    )
    deliveries = ran(0, "deliveries", "cities").stdout
    assert re.search(record, deliveries, re.MULTILINE)
    assert re.search(r"cities-20260101\.csv +loaded +2 +1 +accepted ", deliveries)
    assert re.search(record, ran(0, "status").stdout, re.MULTILINE)

    withdrawn = json.loads(ran(0, "withdraw", sqn, "--why", "gone", "--json").stdout)
    assert withdrawn["delivery"]["status"] == "withdrawn"
    assert [found["why"] for found in withdrawn["delivery"]["decisions"]] == ["the last [one]", "gone"]
    (decided,) = json.loads(ran(0, "status", "--json").stdout)["decided"]
    assert decided == withdrawn["delivery"]


@pytest.mark.usefixtures("database", "store")
def test_as_of_takes_days_and_moments_of_any_time_zone_and_gives_machines_every_row(publisher):
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


def test_a_day_means_its_end_and_a_moment_that_moment(in_the_afternoon):
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
def test_wide_rows_are_blocks_for_people_and_rows_for_machines():
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


@pytest.mark.usefixtures("database", "store")
def test_runs_and_their_logs_are_told_and_a_dry_run_is_no_last_run(publisher):
    (publisher / "cities" / "cities-20260101.csv").write_text(
        "City Code,name,people,seen\na,A,1,x\na,A,2,x\n"
    )
    halt = json.loads(ran(3, "run", "cities", "--json").stdout)["sources"][0]["halts"][0]
    ran(1, "run", "ratings")
    ran(0, "accept", str(halt["delivery_sqn"]), "--why", "x", "--dry-run")
    standing = {row["source"]: row for row in json.loads(ran(0, "status", "--json").stdout)["sources"]}
    assert [standing[name]["last_run"] for name in ("cities", "prices", "ratings")] == [
        "halted",
        None,
        "failed",
    ]

    dry, failed, halted = json.loads(ran(0, "runs", "--json").stdout)
    assert [(run["job"], run["kind"], run["status"], run["etl_steps"]) for run in (dry, failed, halted)] == [
        ("cities", "dry_run", "succeeded", None), ("market", "run", "failed", "ETL"),
        ("cities", "run", "halted", "ETL"),
    ]  # fmt: skip
    shown = ran(0, "runs").stdout
    number = failed["job_inst_id"]
    assert re.search(rf"^ *{number} +market +run +terminal +\S+ \S+ +\S+ s +failed *$", shown, re.MULTILINE)
    assert re.search(rf"^ *{dry['job_inst_id']} +cities +dry run ", shown, re.MULTILINE)
    assert f"run {number} {failed['last_error']}" in shown
    assert len(json.loads(ran(0, "runs", "cities", "--limit", "1", "--json").stdout)) == 1

    (message,) = json.loads(ran(0, "log", halted["run_id"][:13], "--json", "--level", "detail").stdout)
    assert message["job_inst_id"] == halted["job_inst_id"]
    checks = next(task for task in message["tasks"] if task["task"] == "checks")
    assert (checks["etl_step"], checks["status"], checks["delivery_sqns"]) == (
        "T",
        "halted",
        [halt["delivery_sqn"]],
    )
    assert [row["layers"] for row in message["deliveries"]] == [["landed", "raw", "staging", "checks"]]
    assert {"detail", "error"} <= {line["level"] for line in message["log"]}
    text = ran(0, "log", str(halted["job_inst_id"])).stdout
    assert text.startswith(f"run {halted['job_inst_id']} of cities: halted (run, ETL, by terminal)\n")
    assert re.search(r"^checks +T +cities +1 +\S+ s +halted *$", text, re.MULTILINE)
    assert f"checks cities: delivery {halt['delivery_sqn']} is halted: duplicate_keys" in text
    errors = ran(0, "log", str(number), "--level", "error").stdout
    assert errors.splitlines()[-1].endswith(f"extract {failed['last_error']}")
    assert "Error: no run '4711'. Expected" in ran(1, "log", "4711").stderr
    commands = commands_of("When a run fails")
    assert [command[0] for command in commands] == ["runs", "runs", "log", "log"]
    for command in commands:
        assert "duplicate_keys" in ran(0, *command).stdout


@pytest.fixture
def lossy(publisher: Path, database: Engine, store: ObjectStore) -> None:  # noqa: ARG001
    """Two deliveries of cities in history; a row of the second fell out, and its key is current."""
    header = "City Code,name,people,seen\n"
    (publisher / "cities" / "cities-20260101.csv").write_text(f"{header}a,A,1,x\nb,B,2,x\n")
    ran(0, "run", "cities")
    (publisher / "cities" / "cities-20260102.csv").write_text(f"{header}a,A,=1+1\x1b[31m,x\nb,B,2,x\n")


@pytest.mark.usefixtures("lossy")
def test_rows_that_fell_out_are_said_by_every_command_that_tells_of_a_delivery():
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
def test_the_quarantine_is_listed_for_people_machines_and_spreadsheets():
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
def test_the_history_of_a_key_is_told_to_people_and_machines_and_what_is_no_key_is_misuse():
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


def commands_of(section: str) -> list[list[str]]:
    """The `headwater` commands of a section of CONTRIBUTING.md, of cities in place of libraries."""
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    body = text.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = "".join(re.findall(r"```sh\n(.*?)```", body, re.DOTALL)).splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [
        [word.replace("libraries", "cities").replace("seats", "people") for word in line[1:]]
        for line in words
        if line[0] == ".venv/bin/headwater"
    ]


@pytest.mark.usefixtures("lossy")
def test_the_commands_about_rows_that_fell_out_do_what_the_documentation_says():
    ran(0, "run", "cities")
    commands = commands_of("When rows fall out")
    example = typer.main.get_command(app).commands["quarantine"].epilog  # type: ignore[attr-defined]
    commands.append(example.removeprefix("Example: headwater ").replace("airports", "cities").split())
    assert len(commands) == 6
    for command in commands:
        shown = ran(0, *(command[: command.index(">")] if ">" in command else command)).stdout
        assert r"=1+1\x1b[31m" in shown or "=1+1\x1b[31m" in shown


@pytest.mark.usefixtures("publisher", "store")
def test_a_database_that_cannot_be_reached_fails_with_what_to_do(monkeypatch):
    for name, value in (("PGHOST", "127.0.0.1"), ("PGPORT", "1"), ("PGUSER", "x"), ("PGDATABASE", "x")):
        monkeypatch.setenv(name, value)
    result = ran(1, "run")
    assert result.stderr.startswith("Error: Postgres at 127.0.0.1:1 cannot be reached")
    assert "Traceback" not in result.stderr


@pytest.fixture
def own_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that the test may change."""
    root = make_project(tmp_path / "own")
    monkeypatch.setenv("HEADWATER_PROJECT", str(root))
    return root


def test_check_says_that_all_is_well_or_every_error_with_its_place(own_project):
    assert ran(0, "check").stdout.strip() == "seeds: all well"
    seed = own_project / "seeds" / "attribute.csv"
    seed.write_text(
        seed.read_text().replace("smallint", "smalint").replace("ratings,reader", "rating,reader")
    )
    result = ran(1, "check")
    lines = result.stderr.strip().splitlines()
    assert lines[-1] == f"{len(lines) - 1} errors"
    assert all(line.startswith("seeds/") for line in lines[:-1])
    assert any(line.startswith("seeds/attribute.csv:10: target_datatype: ") for line in lines)
    assert any(line.startswith("seeds/attribute.csv:9: source: ") for line in lines)


@pytest.mark.usefixtures("database", "store")
def test_a_job_is_run_and_told_to_people_and_machines(publisher):
    (publisher / "cities" / "cities-20260101.csv").write_text("City Code,name,people,seen\na,A,1,x\n")
    well = ran(0, "run", "--job", "cities", "--no-follow")
    assert re.search(r"^ *\d+ +cities +7 +1 +\S+ s +succeeded", well.stdout, re.MULTILINE)
    assert re.search(r"^ *\d+ +marts +2 +0 +\S+ s +succeeded", well.stdout, re.MULTILINE)

    (publisher / "cities" / "cities-20260102.csv").write_text(
        "City Code,name,people,seen\na,A,3,x\na,A,4,x\n"
    )
    payload = json.loads(ran(3, "run", "--job", "cities", "--del-temp-data", "--json").stdout)
    (job,), (run,) = payload["jobs"][:1], payload["runs"][:1]
    assert (job["job"], job["status"], run["run_id"]) == ("cities", "halted", job["run_id"])
    assert (run["kind"], run["runner"], run["del_temp_data"]) == ("run", "terminal", True)
    assert [task["task"] for task in run["tasks"] if task["status"] == "halted"] == [
        "cities_stage.checks",
        "checks",
    ]
    shown = ran(1, "run", "--job", "market")
    assert re.search(r"^failed market: (prices|ratings): ", shown.stdout, re.MULTILINE)


@pytest.mark.usefixtures("database", "store")
def test_seeds_that_break_a_rule_or_models_that_are_stale_fail_a_run_before_anything_is_done(own_project):
    seed = own_project / "seeds" / "attribute.csv"
    good = seed.read_text()
    seed.write_text(good.replace("Its name", "Its official name"))
    stale = ran(1, "run").stderr
    assert "models/staging/town_hall/stg_cities.yml" in stale
    assert "headwater generate" in stale
    seed.write_text(good.replace("smallint", "smalint"))
    broken = ran(1, "run").stderr
    assert broken.startswith("1 error in the metadata\nseeds/attribute.csv:10: target_datatype: ")


def test_generate_check_fails_while_a_file_is_stale_and_generate_writes_it(own_project):
    assert ran(0, "generate", "--check").stdout.strip() == "models: as the seeds say"
    seed = own_project / "seeds" / "attribute.csv"
    seed.write_text(seed.read_text().replace("Its name", "Its official name"))
    names = ["models/staging/town_hall/stg_cities.yml", "models/historical/town_hall/hist_cities.yml"]
    assert ran(1, "generate", "--check").stdout.splitlines() == [f"stale {name}" for name in names]
    assert ran(1, "generate", "--check").stdout.splitlines() == [f"stale {name}" for name in names]
    assert ran(0, "generate").stdout.splitlines() == [f"wrote {name}" for name in names]
    assert ran(0, "generate", "--check").stdout.strip() == "models: as the seeds say"


@pytest.mark.usefixtures("publisher", "database", "store")
def test_what_env_prints_can_be_evaluated_by_a_shell(project_folder, monkeypatch):
    monkeypatch.setenv("PGOPTIONS", '-c application_name=it\'s\\ "mine"')
    printed = ran(0, "env").stdout
    shell = subprocess.run(
        ["sh", "-c", 'eval "$1"; printf "%s\\0" "$PGOPTIONS" "$DBT_PROFILES_DIR"', "sh", printed],
        env={"PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    options, profiles = shell.stdout.split("\0")[:2]
    assert (
        options
        == '-c application_name=it\'s\\ "mine" -c TimeZone=UTC -c DateStyle=ISO,YMD -c standard_conforming_strings=on'
    )
    assert profiles == str(project_folder / "profiles")


def test_a_folder_that_is_no_project_is_said_so(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADWATER_PROJECT", str(tmp_path))
    assert "holds no dbt_project.yml" in ran(1, "check").stderr


def test_the_command_lives_beside_the_interpreter():
    script = PROJECT / ".venv" / "bin" / "headwater"
    if not script.exists():
        pytest.skip("the tests run in another environment")
    assert (
        "Turns sources"
        in subprocess.run([script, "--help"], capture_output=True, text=True, check=True).stdout
    )


@pytest.mark.usefixtures("publisher", "database", "store")
def test_what_nobody_foresaw_is_a_sentence_and_its_trace_is_in_a_file_for_the_user_alone(monkeypatch):
    from headwater.queries import status as standing

    def fail(*_: object) -> None:
        raise AssertionError("no such thing st\udce9")

    monkeypatch.setattr(standing, "sources", fail)
    failed = ran(1, "status")
    assert re.match(
        r"Error: an error that nobody foresaw, AssertionError: no such thing st\\udce9\. Its stack trace is in",
        failed.stderr,
    )
    assert "Traceback" not in failed.stdout + failed.stderr
    kept = Path(os.environ["HEADWATER_HOME"]) / "logs" / "errors.log"
    assert "in fail" in kept.read_text()
    assert kept.stat().st_mode & 0o77 == 0


def test_manifest_writes_what_is_missing_and_leaves_out_what_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_project(tmp_path / "project")
    monkeypatch.setenv("HEADWATER_PROJECT", str(root))
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    model = root / "models/staging/town_hall/stg_cities.sql"
    model.unlink()
    done = CliRunner().invoke(app, ["manifest"])
    assert (done.exit_code, model.is_file()) == (0, True), done.output
    assert "wrote models/staging/town_hall/stg_cities.sql" in done.output
    pieces = root / "target" / "airflow"
    assert {path.stem for path in pieces.glob("*.json")} == {"cities", "prices", "ratings", "_marts"}

    model.unlink()
    attributes = root / "seeds" / "attribute.csv"
    attributes.write_text(attributes.read_text().replace("item,item,integer", "item,item,integre"))
    done = CliRunner().invoke(app, ["manifest"])
    assert (done.exit_code, model.is_file()) == (1, True), done.output
    assert '"integre" is not a datatype' in done.output


@pytest.mark.usefixtures("database", "store")
def test_the_commands_about_the_past_do_what_the_documentation_says(publisher):
    (publisher / "cities" / "cities-20200131.csv").write_text("City Code,name,people,seen\na,Aa,1,x\n")
    text = (PROJECT / "docs" / "backfill.md").read_text(encoding="utf-8")
    lines = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).splitlines()
    commands = [shlex.split(line, comments=True)[1:] for line in lines]
    assert [command[0] for command in commands] == ["run", "deliveries", "rebuild"]
    shown = [ran(0, *command).stdout for command in commands]
    assert "cities-20200131.csv" in shown[1]
