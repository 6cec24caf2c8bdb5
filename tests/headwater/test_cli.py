"""The command: what it prints for people and for machines, and its exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner, Result

from headwater.cli import app
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
    said = " ".join(ran(0, command, "--help").stdout.split())
    assert re.search(rf"Example: .*headwater {command}\b", said)
    does = typer.main.get_command(app).commands[command].help  # type: ignore[attr-defined]
    assert does
    assert does[:40] in said


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
    said = json.loads(halted.stdout)
    assert said["exit_code"] == 3
    (source,) = said["sources"]
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
    assert [first[fate] for fate in ("new", "changed", "removed", "unchanged")] == [2, 0, 0, 0]
    assert [second[fate] for fate in ("new", "changed", "removed", "unchanged")] == [None] * 4
    assert {layer: (said["status"], said.get("record_count")) for layer, said in first["layers"].items()} == {
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

    for arguments, said in (
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
        assert refused.stderr.startswith(said)

    assert (
        "would be halted today: duplicate_keys: " in ran(0, "replay", sqn, "--why", "x", "--dry-run").stdout
    )
    would = json.loads(ran(0, "accept", sqn, "--why", "x", "--dry-run", "--json").stdout)
    assert would == {"added": 1, "dropped": 0, "ended": 0, "reopened": 0, "verdict": None, "why": None}
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
def test_as_of_takes_moments_of_any_time_zone_and_gives_machines_every_row(publisher):
    rows = "".join(f"{number},A,1,x\n" for number in range(30))
    (publisher / "cities" / "cities-20260102.csv").write_text(f"City Code,name,people,seen\n{rows}")
    ran(0, "run", "cities")
    assert len(json.loads(ran(0, "as-of", "cities", "--on", "2026-01-02", "--json").stdout)) == 30
    assert (
        len(json.loads(ran(0, "as-of", "cities", "--on", "2026-01-02", "--json", "--limit", "3").stdout)) == 3
    )
    assert "30 rows. 20 are shown." in ran(0, "as-of", "cities", "--on", "2026-01-02").stdout
    assert "0 rows." in ran(0, "as-of", "cities", "--on", "2026-01-02T01:00:00+02:00").stdout
    assert "30 rows." in ran(0, "as-of", "cities", "--on", "2026-01-01T23:00:00-02:00").stdout


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
    assert options == '-c application_name=it\'s\\ "mine" -c TimeZone=UTC -c DateStyle=ISO,YMD'
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
