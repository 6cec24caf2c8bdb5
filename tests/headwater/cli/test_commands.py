"""The command: its help, misuse, what it says of seeds and settings, and its exit codes."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from headwater.cli.commands import app
from tests.conftest import PROJECT
from tests.pipeline.project import make_project
from tests.support.command import ran

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]

HEAVY = {
    "airflow", "boto3", "confluent_kafka", "cosmos", "dbt", "great_expectations", "pandas", "psycopg2", "pyarrow",
    "requests", "sqlalchemy",
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_a_command_does_and_gives_an_example(command: str) -> None:
    message = " ".join(ran(0, command, "--help").stdout.split())
    assert re.search(rf"Example: .*headwater {command}\b", message)
    does = typer.main.get_command(app).commands[command].help  # type: ignore[attr-defined]
    assert does
    assert does[:40] in message


def test_the_commands_that_a_person_needs_are_there() -> None:
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
def test_misuse_ends_with_2(arguments: tuple[str, ...]) -> None:
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
def test_what_a_name_or_a_day_is_instead_is_said_with_what_to_do(
    arguments: tuple[str, ...],
    message: str,
) -> None:
    result = ran(2, *arguments)
    assert result.stdout == ""
    assert message in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.usefixtures("publisher", "store")
def test_a_database_that_cannot_be_reached_fails_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PGHOST", "127.0.0.1"), ("PGPORT", "1"), ("PGUSER", "x"), ("PGDATABASE", "x")):
        monkeypatch.setenv(name, value)
    result = ran(1, "run")
    assert result.stderr.startswith("Error: Postgres at 127.0.0.1:1 cannot be reached")
    assert "Traceback" not in result.stderr


def test_check_says_that_all_is_well_or_every_error_with_its_place(own_project: Path) -> None:
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


def test_generate_check_fails_while_a_file_is_stale_and_generate_writes_it(own_project: Path) -> None:
    assert ran(0, "generate", "--check").stdout.strip() == "models: as the seeds say"
    seed = own_project / "seeds" / "attribute.csv"
    seed.write_text(seed.read_text().replace("Its name", "Its official name"))
    names = ["models/staging/town_hall/_cities__source.yml", "models/staging/town_hall/_cities__docs.md"]
    assert ran(1, "generate", "--check").stdout.splitlines() == [f"stale {name}" for name in names]
    assert ran(1, "generate", "--check").stdout.splitlines() == [f"stale {name}" for name in names]
    assert ran(0, "generate").stdout.splitlines() == [f"wrote {name}" for name in names]
    assert ran(0, "generate", "--check").stdout.strip() == "models: as the seeds say"


@pytest.mark.usefixtures("publisher", "database", "store")
def test_what_env_prints_can_be_evaluated_by_a_shell(
    project_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_a_folder_that_is_no_project_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_PROJECT", str(tmp_path))
    assert "holds no dbt_project.yml" in ran(1, "check").stderr


def test_the_command_lives_beside_the_interpreter_and_its_help_loads_no_heavy_package() -> None:
    script = PROJECT / ".venv" / "bin" / "headwater"
    if not script.exists():
        pytest.skip("the tests run in another environment")
    done = subprocess.run(
        [script, "--help"], env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Turns sources" in done.stdout
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "headwater" in imported
    assert imported & HEAVY == set()


@pytest.mark.usefixtures("publisher", "database", "store")
def test_an_unexpected_error_is_a_sentence_and_its_trace_is_in_a_file_for_the_user_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from headwater.queries import status as source_status

    def fail(*_: object) -> None:
        raise AssertionError("no such thing st\udce9")

    monkeypatch.setattr(source_status, "sources", fail)
    failed = ran(1, "status")
    assert re.match(
        r"Error: an unexpected error, AssertionError: no such thing st\\udce9\. Its stack trace is in",
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
