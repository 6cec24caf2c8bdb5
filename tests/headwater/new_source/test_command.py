"""The command: from a file to history at once, never asking where nobody can answer."""

from __future__ import annotations

import json
import shlex
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from typer.testing import CliRunner, Result

from headwater.cli.commands import app
from headwater.extract.landing.manifest import manifest_key
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.errors import PublisherError
from headwater.project import Project
from tests.headwater.new_source.conftest import AS_SNAPSHOT, content_of
from tests.support.pages import page

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
def test_one_command_brings_a_file_to_history(libraries: Path, database: Engine) -> None:
    """Every value is read by staging as it was proposed: nothing falls out."""
    later = libraries.with_name("libraries-2026-02-02.csv")
    later.write_text(
        libraries.read_text().replace("60.000", "60.001").replace("L03;Harbour", "L04;Southbank")
    )
    facts = json.loads(new_source(0, "libraries", "--from", str(libraries), *AS_SNAPSHOT, "--json").stdout)
    assert [facts["proposal"]["key"], facts["sources"][0]["loaded"], facts["failures"]] == [["code"], 2, []]
    first, second = (row["layers"] for row in facts["deliveries"])
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
        ("L01", "Central Library", "1954-05-01", 1234567, "12.5", True, "2026-01-05 07:00:00+00", "01234", january,
         None, None),
        (*north, 60000, *north_more, january, february, "changed"),
        (*north, 60001, *north_more, february, None, None),
        ("L03", *harbour, january, february, "removed"),
        ("L04", "Southbank", *harbour[1:], february, None, None),
        ("L05", "Hill", "2004-04-04", 5000, "1.5", True, since, "00001", january, None, None),
        ("L06", "Mill", "2005-05-05", 6, "100", True, since, "00002", january, None, None),
    ]  # fmt: skip


def test_a_dry_run_shows_the_proposal_and_writes_nothing(project: Project, libraries: Path) -> None:
    before = content_of(project)
    shown = new_source(0, "libraries", "--from", str(libraries), *AS_SNAPSHOT, "--dry-run").stdout
    for facts in (
        "libraries-2026-01-05.csv",
        "delimiter",
        "DD.MM.YYYY",
        "<empty>|n/a",
        "town_hall",
        "monthly",
    ):
        assert facts in shown
    facts = json.loads(new_source(0, "libraries", "--from", str(libraries), "--dry-run", "--json").stdout)
    assert facts["key"] == ["code"]
    assert content_of(project) == before


@pytest.mark.parametrize(
    ("exit_code", "arguments", "says"),
    [
        (2, ("--option", "header_lines=2"), "header_lines is not an option"),
        (2, ("--type", "everything"), "--type everything is not known"),
        (1, ("--key", "no_such"), "no_such is no column"),
    ],
)
def test_misuse_is_told_and_nothing_is_written(
    project: Project, libraries: Path, exit_code: int, arguments: tuple[str, str], says: str
) -> None:
    before = content_of(project)
    result = new_source(exit_code, "libraries", "--from", str(libraries), *arguments)
    assert says in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert content_of(project) == before


def test_in_a_terminal_a_person_is_asked_until_the_answer_will_do(
    project: Project, libraries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    libraries.write_text("id;day\n1;01/02/2026\n2;03/04/2026\n")
    monkeypatch.setattr("headwater.cli.sources._is_terminal", lambda: True)
    before = content_of(project)
    answers = ["day, id", "MM/DD/YYYY", "all", "delta", "town_hall", "me", "often", "daily", "n"]
    result = CliRunner().invoke(
        app, ["new-source", "libraries", "--from", str(libraries)], input="\n".join(answers) + "\n"
    )
    assert result.exit_code == 0, (result.stdout, result.stderr, result.exception)
    for message in ("MM/DD/YYYY", "delta", "town_hall", "daily", "id, day"):
        assert message in result.stdout
    assert result.stderr.count("Expected one of") == 2
    assert "Nothing was written" in result.stderr
    assert content_of(project) == before


def test_nobody_is_asked_where_nobody_can_answer(project: Project, tmp_path: Path) -> None:
    """No key, and an input that is no terminal: it ends, and says what to do."""
    (tmp_path / "same.csv").write_text("a,b\n1,1\n1,1\n")
    result = new_source(1, "same", "--from", str(tmp_path / "same.csv"))
    assert "--key" in result.stderr
    assert not (project.models / "staging").exists()


def test_no_guess_that_could_do_harm_is_taken_by_itself(project: Project, libraries: Path) -> None:
    libraries.write_bytes(libraries.read_bytes().replace(b"Northgate", b"N\xf8rport"))
    before = content_of(project)
    for flags in ((), ("--yes",), ("--json",)):
        refused = new_source(2, "libraries", "--from", str(libraries), *flags)
        message = " ".join(refused.stderr.split())
        assert "2 guesses could lose or change data. Nothing was written" in message
        for flag in ("--option encoding=cp1252", "--type snapshot", "--accept-doubts"):
            assert flag in message
        assert content_of(project) == before
    assert (
        "doubt the text is cp1252" in new_source(0, "libraries", "--from", str(libraries), "--dry-run").stdout
    )


@pytest.mark.usefixtures("store", "database")
def test_doubts_are_taken_by_those_who_know(project: Project, libraries: Path) -> None:
    libraries.write_bytes(libraries.read_bytes().replace(b"Northgate", b"N\xf8rport"))
    shown = new_source(0, "libraries", "--from", str(libraries), "--accept-doubts").stdout
    assert "regretted: headwater remove-source libraries" in shown
    assert (project.seeds / "source.csv").read_text().count("libraries") > 0


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), RuntimeError("gone"), PublisherError("gone")])
def test_a_load_that_fails_leaves_nothing_of_the_source(
    project: Project,
    libraries: Path,
    database: Engine,
    store: ObjectStore,
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
) -> None:
    def failing(_: Project, names: list[str], __: object) -> None:
        store.put_new(manifest_key(names[0], 1), b"half")
        with database.begin() as connection:
            connection.exec_driver_sql(f"create table raw.{names[0]} (line_number bigint)")
        raise failure

    before = content_of(project)
    monkeypatch.setattr("headwater.pipeline.runners.sources.run", failing)
    result = new_source(1, "libraries", "--from", str(libraries), *AS_SNAPSHOT)
    assert "libraries could not be loaded, and was taken back" in " ".join(result.stderr.split())
    assert content_of(project) == before
    assert list(store.list("manifests/libraries/")) == []
    with database.connect() as connection:
        assert connection.execute(sa.text("select to_regclass('raw.libraries')")).scalar() is None


def test_a_load_that_fails_keeps_the_data_of_a_source_that_was_removed_without_it(
    project: Project, libraries: Path, database: Engine, store: ObjectStore
) -> None:
    before = content_of(project)
    new_source(0, "libraries", "--from", str(libraries), *AS_SNAPSHOT)
    assert CliRunner().invoke(app, ["remove-source", "libraries", "--yes"]).exit_code == 0
    libraries.rename(
        libraries.with_name("libraries-2026-02-02.csv")
    )  # the publisher has the first one no more
    later = str(libraries.with_name("libraries-2026-02-02.csv"))
    objects = set(store.list(""))

    other_key = ("--key", "zip", *AS_SNAPSHOT[2:])
    result = new_source(1, "libraries", "--from", later, *other_key)
    message = " ".join(result.stderr.split())
    assert "there is data of a source of this name" in message
    assert "Definition changed" in " ".join((result.stdout + result.stderr).split())
    assert "What is loaded of it stays: there was data of libraries before it" in message
    assert content_of(project) == before
    assert objects <= set(store.list(""))
    with database.connect() as connection:
        assert (
            connection.scalar(sa.text("select count(*) from historical.libraries where valid_to is null"))
            == 5
        )

    goes_on = new_source(0, "libraries", "--from", later, *AS_SNAPSHOT)
    assert goes_on.stderr.count("there is data of a source of this name") == 1
    with database.connect() as connection:
        assert connection.scalar(sa.text("select count(*) from historical.libraries")) == 5
        assert (
            connection.scalar(sa.text("select count(*) from metadata.delivery_event where event = 'passed'"))
            == 2
        )


@pytest.mark.usefixtures("store", "database")
def test_a_halted_first_delivery_does_not_hide_those_that_are_in_history(
    project: Project, libraries: Path
) -> None:
    lines = libraries.read_text().splitlines()
    libraries.with_name("libraries-2026-02-02.csv").write_text("\n".join(lines[:2]) + "\n")
    halted = new_source(3, "libraries", "--from", str(libraries), *AS_SNAPSHOT)
    message = " ".join(halted.stderr.split())
    assert "are written, and one of its deliveries is in history" in message
    assert project.seeds.is_dir()


@pytest.mark.usefixtures("store", "database")
def test_files_in_the_project_are_found_wherever_a_clone_of_it_lies(
    project: Project, libraries: Path
) -> None:
    folder = project.root / "published"
    folder.mkdir()
    libraries = libraries.rename(folder / libraries.name)
    new_source(0, "libraries", "--from", str(libraries), *AS_SNAPSHOT)
    assert "${HEADWATER_PROJECT}/published\n" in (project.seeds / "conn_str.csv").read_text()
    again = new_source(0, "branches", "--from", str(libraries), *AS_SNAPSHOT)
    assert "conn_str.csv" not in again.stdout, "one connection leads there"


@pytest.mark.usefixtures("project", "store")
def test_wide_columns_become_records_by_the_options_of_the_proposal(
    libraries: Path, database: Engine
) -> None:
    """Key, columns and types are those of the records that unpivoting makes."""
    libraries.write_text("code;Name;2024;2025\nL01;Central;5;6\nL02;North;n/a;8\n")
    wide = ("unpivot_keep=code|Name", "unpivot_name=year", "unpivot_value=visits", "unpivot_skip=n/a")
    options = [f"--option={option}" for option in wide]
    refused = new_source(2, "libraries", "--from", str(libraries), *options[:1])
    assert "--option unpivot_name and --option unpivot_value: missing" in " ".join(refused.stderr.split())
    flags = ("--type", "snapshot", "--key", "code,year")
    facts = json.loads(
        new_source(0, "libraries", "--from", str(libraries), *options, *flags, "--json").stdout
    )
    attributes = facts["proposal"]["attributes"]
    assert [(one["target_name"], one["target_datatype"], one["is_key"]) for one in attributes] == [
        ("code", "text", True), ("name", "text", False), ("year", "integer", True), ("visits", "integer", False),
    ]  # fmt: skip
    with database.begin() as connection:
        rows = connection.execute(
            sa.text("select code, year, visits from historical.libraries order by 1, 2")
        )
        assert [tuple(row) for row in rows] == [("L01", 2024, 5), ("L01", 2025, 6), ("L02", 2025, 8)]


@pytest.mark.usefixtures("store", "database")
def test_a_file_of_sqlite_becomes_a_source(project: Project, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        shop.execute("create table things (id integer primary key, name text)")
        shop.execute("insert into things values (1, 'pen'), (2, 'ink')")
    shop.close()
    before = content_of(project)
    listed = new_source(1, "things", "--from", str(tmp_path / "shop.db"))
    assert "--option tbl=things" in listed.stderr
    origin = ("--from", str(tmp_path / "shop.db"), "--option", "tbl=things", "--json")
    facts = json.loads(new_source(0, "things", *origin).stdout)
    assert [row["layers"]["historical"]["record_count"] for row in facts["deliveries"]] == [2]
    assert "things_database,shop,," in (project.seeds / "conn_str.csv").read_text()
    assert CliRunner().invoke(app, ["remove-source", "things", "--yes"]).exit_code == 0
    assert content_of(project) == before


@pytest.mark.usefixtures("store", "database")
def test_the_commands_of_the_documentation_do_what_they_say(
    project: Project, libraries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(libraries.parent)
    block = page("how-to/add-a-source").partition("```text\nheadwater new-source libraries")[2]
    commands = block.partition("```")[0].splitlines()
    before = content_of(project)
    ends = []
    for command in ["headwater new-source libraries" + commands[0], *commands[1:]]:
        result = CliRunner().invoke(app, shlex.split(command)[1:], input="")
        assert result.exit_code == 0, (command, result.stdout, result.stderr)
        ends.append(content_of(project) == before)
    assert ends == [False, False, True]
