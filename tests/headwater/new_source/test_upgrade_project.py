"""The upgrade of a project with data: brought to this version without touching what is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import Engine
from typer.testing import CliRunner

import headwater
from headwater.cli.commands import app
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.process.migrate import SCHEMAS, configuration, pending
from headwater.new_source.upgrade_project import version_range
from headwater.project import Project
from headwater.project_file import FILE
from tests.headwater.new_source.conftest import content_of
from tests.pipeline.project import SEEDS, make_project

LAST_OF_FIRST_VERSION = "0015"
OLD_ROWS = """
insert into metadata.delivery
    (delivery_sqn, source, publisher_name, delivery_filename, delivery_type, delivery_date, process_date,
    content_sha256, file_size, fingerprint)
select
    number, 'cities', 'cities-' || number, 's3://bucket/' || number, 'snapshot', now(), now(), repeat('a', 64), 1, '{}'
from generate_series(1, 3) as number;
insert into metadata.delivery_event (event_id, delivery_sqn, event, checks, why, who, event_at)
select gen_random_uuid(), number, happened, '{}', 'a reason', 'somebody', now() + number * interval '1 second'
from (values (1, 'passed'), (2, 'halted'), (3, 'passed'), (3, 'withdrawn')) as old (number, happened);
create table historical.cities (city text, name text, valid_from timestamptz, valid_to timestamptz);
insert into historical.cities values ('a', 'A', '2026-01-01', null), ('b', 'B', '2026-01-01', '2026-01-02');
"""
KEPT = (
    "select md5(string_agg(h::text, ' ' order by h::text)) from historical.cities as h",
    "select md5(string_agg(e::text, ' ' order by e::text)) from metadata.delivery_event as e",
    "select md5(string_agg(d::text, ' ' order by d::text)) from metadata.delivery as d",
)


@pytest.fixture
def old(empty_database: Engine, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001
    """A project of the version before, on a database of it, with a decision and a halted delivery."""
    root = make_project(tmp_path / "town", SEEDS, {})
    (root / "models" / "staging" / "market" / "_prices__docs.md").write_text("as another version wrote it\n")
    monkeypatch.setenv("HEADWATER_PROJECT", str(root))
    config = configuration()
    with empty_database.begin() as connection:
        for schema in SCHEMAS:
            connection.execute(sa.schema.CreateSchema(schema))
        config.attributes["connection"] = connection
        command.upgrade(config, LAST_OF_FIRST_VERSION)
        connection.exec_driver_sql(OLD_ROWS)
    return root


def kept(database: Engine) -> list[str]:
    with database.connect() as connection:
        return [str(connection.execute(sa.text(statement)).scalar()) for statement in KEPT]


def files(root: Path) -> dict[str, bytes]:
    return content_of(Project(root, root)) | {
        "file": (root / FILE).read_bytes() if (root / FILE).exists() else b""
    }


def test_a_project_of_before_is_brought_to_this_version_and_keeps_what_it_has(
    old: Path, empty_database: Engine
) -> None:
    before, data = files(old), kept(empty_database)
    checked = CliRunner().invoke(app, ["upgrade", "--check", "--json"])
    assert checked.exit_code == 1, checked.stderr
    facts = json.loads(checked.stdout)
    assert facts["database_version"] == LAST_OF_FIRST_VERSION
    assert facts["migrations"]
    assert {FILE, "models/staging/market/_prices__docs.md", "seeds/source.csv"} <= set(facts["files"])
    assert (files(old), kept(empty_database)) == (before, data)
    assert pending(empty_database).version == LAST_OF_FIRST_VERSION

    done = CliRunner().invoke(app, ["upgrade"])
    assert done.exit_code == 0, done.stderr
    assert f"brought to version {headwater.__version__}; nothing for a person to look at" in done.stdout
    assert kept(empty_database) == data
    assert pending(empty_database).migrations == ()
    assert version_range(headwater.__version__) in (old / FILE).read_text()
    again = CliRunner().invoke(app, ["upgrade", "--check", "--json"])
    assert (again.exit_code, json.loads(again.stdout)["files"]) == (0, [])


def test_a_project_of_a_newer_version_is_refused(old: Path, empty_database: Engine) -> None:
    (old / FILE).write_text('name: headwater_demo\nrequires_headwater: ">=9.1"\n')
    before = files(old)
    for arguments in (["upgrade"], ["check"], ["run"], ["status"], ["remove-source", "cities", "--yes"]):
        refused = CliRunner().invoke(app, arguments)
        assert refused.exit_code == 1, arguments
        assert "asks for Headwater >=9.1" in " ".join(refused.stderr.split())
    assert files(old) == before
    assert pending(empty_database).version == LAST_OF_FIRST_VERSION


@pytest.mark.parametrize(("version", "allowed"), [("0.2.0", ">=0.2,<0.3"), ("1.4.2.dev1", ">=1.4,<1.5")])
def test_a_project_is_for_the_minor_version_that_upgraded_it(version: str, allowed: str) -> None:
    assert version_range(version) == allowed


@pytest.mark.parametrize(
    ("asked_for", "is_listed"),
    [
        ("headwater==0.1.0", True),
        ("headwater[local]>=0.1,<0.2", True),
        ("headwater>=0.1", False),
        ("head water", False),
    ],
)
def test_what_the_project_asks_for_of_headwater_is_listed_if_this_version_is_not_it(
    old: Path, asked_for: str, is_listed: bool
) -> None:
    (old / "pyproject.toml").write_text(f'[project]\nname = "town"\ndependencies = ["{asked_for}"]\n')
    (line,) = json.loads(CliRunner().invoke(app, ["upgrade", "--json"]).stdout)["look_at"] or [""]
    expected = f"pyproject.toml asks for {asked_for}, expected headwater=={headwater.__version__}"
    assert sorted(line.replace("<0.2,>=0.1", ">=0.1,<0.2")) == sorted(expected if is_listed else "")
