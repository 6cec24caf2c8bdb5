"""The steps of "Add a migration" in CONTRIBUTING, done to a copy: they end with one head, and tables that agree."""

from __future__ import annotations

import re
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from headwater.metadata.process import migrate
from headwater.metadata.process.tables import SCHEMA
from tests.conftest import PROJECT

PLACE = Path("metadata/process/migrations/versions")
TABLES = "metadata/process/tables.py"
DESCRIPTIONS = "models/metadata/process_metadata.yml"


def section() -> str:
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return text.partition("## Add a migration\n")[2].partition("\n## ")[0]


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", section(), re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for block in found]


def added(diff: str) -> str:
    """Return what a diff adds."""
    return "".join(line.removeprefix("+") for line in diff.splitlines(keepends=True))


def with_line_after(text: str, begin: str, last: str, more: str) -> str:
    """Return a text with lines after the last one that matches `last` in the part that begins with `begin`."""
    head, found, rest = text.partition(begin)
    assert found, begin
    (line, *_) = re.findall(last, rest, re.MULTILINE)
    before, _, after = rest.partition(line)
    return f"{head}{found}{before}{line}{more}{after}"


def test_the_steps_end_with_a_database_that_the_tables_and_descriptions_agree_with(
    tmp_path: Path, empty_database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(PROJECT / PLACE.parent, tmp_path / PLACE.parent)
    migration, check = blocks("sh")
    subprocess.run(["bash", "-e", "-c", migration], cwd=tmp_path, check=True)
    column, description = map(added, blocks("diff"))

    monkeypatch.setattr(migrate, "MIGRATIONS", tmp_path / PLACE.parent)
    (head,) = ScriptDirectory.from_config(migrate.configuration()).get_heads()
    before = sorted(path.name[:4] for path in (PROJECT / PLACE).glob("[0-9]*.py"))
    assert int(head) == int(before[-1]) + 1
    assert migrate.upgrade(empty_database) is True
    assert migrate.upgrade(empty_database) is False

    tables = (PROJECT / TABLES).read_text(encoding="utf-8")
    tables = with_line_after(tables, "delivery_event = sa.Table(\n", r'^ *_moment\("event_at"\),\n', column)
    made: dict[str, Any] = {"__name__": "tables_with_ticket"}
    exec(compile(tables, TABLES, "exec"), made)
    with empty_database.connect() as connection:
        options = {
            "include_schemas": True,
            "include_name": lambda name, kind, _: (
                name == SCHEMA if kind == "schema" else name != migrate.VERSION_TABLE
            ),
        }
        assert compare_metadata(MigrationContext.configure(connection, opts=options), made["metadata"]) == []
        columns = [column["name"] for column in sa.inspect(connection).get_columns("delivery_event", SCHEMA)]

    described = (PROJECT / DESCRIPTIONS).read_text(encoding="utf-8")
    described = with_line_after(
        described,
        "  - name: delivery_event\n",
        r"^    - name: event_at\n      description: .*\n",
        description,
    )
    listed = {
        table["name"]: [column["name"] for column in table["columns"]]
        for part in yaml.safe_load(described).values()
        if isinstance(part, list)
        for source in part
        for table in source.get("tables", [source])
    }
    assert listed["delivery_event"] == columns
    assert "tests/metadata/process/test_migrate.py" in check
