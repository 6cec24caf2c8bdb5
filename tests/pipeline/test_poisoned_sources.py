"""`headwater run` of five sources of which four are poisoned: the fifth is in history, and four lines say what to do.

A poison is an entry of tests/pipeline/poisons.py; four at a time stand beside a good source.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from typer.testing import CliRunner

from headwater.cli.commands import app
from headwater.dbt_project.generate import generated_files, write_files
from headwater.metadata.static.read import read_catalog
from tests.pipeline.poisons import GOOD, POISONS, Poison, publish
from tests.pipeline.project import FOLDER, SEEDS, make_project

GROUPS = [tuple(POISONS)[start : start + 4] for start in range(0, len(POISONS), 4)]


def make_poisoned_project(root: Path, names: Sequence[str]) -> Path:
    """A project of these poisons and of a good source, each with a job of its own."""
    poisons = {**{name: POISONS[name] for name in names}, GOOD: Poison("")}
    lines: dict[str, list[str]] = {
        "data_source": ["folder,local_files,Files in folders"],
        "conn_str": [],
        "job": [],
        "source": [],
        "attribute": [],
        "source_attribute": [],
    }
    for name, poison in poisons.items():
        options = {"conn_str": name, "file_pattern": r"(?P<date>\d{8})\w*\.csv$", **poison.options}
        lines["conn_str"].append(f"{name},folder,,,,,,,${{{FOLDER}}}/{name}")
        lines["job"].append(f"{name},true,ETL,true,false,batch,,,town,true,{name} to history,,,,,")
        functions = f"{poison.extract_function},{poison.wrangle_function}"
        lines["source"].append(
            f"{name},{name},folder,town,daily,city,snapshot,{functions},,,,,,,,,,One row per id"
        )
        lines["attribute"] += [
            f"{name},id,id,integer,,,true,,,Number of the city",
            f"{name},name,name,text,,,,,,Its name",
        ]
        lines["source_attribute"] += [f"{name},{option},{value}," for option, value in options.items()]
    headers = {table: SEEDS[table].partition("\n")[0] for table in lines}
    seeds = {table: "\n".join([headers[table], *rows, ""]) for table, rows in lines.items()}
    make_project(root, seeds, marts={})
    write_files(generated_files(read_catalog(root / "seeds").sources.values(), root / "models"))
    for name in names:
        POISONS[name].spoil(root, name)
    return root


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder in which each source has one."""
    folder = tmp_path / "publisher"
    monkeypatch.setenv(FOLDER, str(folder))
    before = dict(os.environ)
    yield folder
    for name in set(os.environ) - set(before):  # the command sets variables for its process
        del os.environ[name]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("names", GROUPS, ids="-".join)
def test_four_poisoned_sources_fail_by_a_line_each_and_the_fifth_is_in_history(
    empty_database: Engine,
    publisher: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    names: Sequence[str],
) -> None:
    root = make_poisoned_project(tmp_path / "project", names)
    monkeypatch.setenv("HEADWATER_PROJECT", str(root))
    for name in (*names, GOOD):
        (publisher / name).mkdir(parents=True)
        (POISONS[name].publish if name in POISONS else publish)(publisher / name)

    result = CliRunner().invoke(app, ["run"])
    assert result.exit_code == 1, (result.stdout, result.stderr)

    failed = [line for line in result.stdout.splitlines() if line.startswith("failed ")]
    assert len(failed) == len(names), failed
    for name in names:
        assert any(re.match(f"failed {name}: (?:{POISONS[name].failure})", line) for line in failed), failed
    assert re.search(rf"^{GOOD} +1 +1 +0 +succeeded", result.stdout, re.MULTILINE), result.stdout
    for text in (result.stdout, result.stderr):
        assert "Traceback" not in text
        assert 'File "' not in text

    with empty_database.connect() as connection:
        history = connection.execute(sa.text(f"select id, name from historical.{GOOD} order by id")).all()
        jobs = connection.execute(sa.text("select job, status from metadata.job_inst"))
        statuses = {row.job: row.status for row in jobs}
        message = "select job, last_error from metadata.log_header join metadata.job_inst using (job_inst_id)"
        last_errors = {row.job: row.last_error for row in connection.execute(sa.text(message))}
        traces = connection.scalars(
            sa.text("select context ->> 'trace' from metadata.log_dtl where context ? 'trace'")
        ).all()
    assert [tuple(row) for row in history] == [(1, "Ulm"), (2, "Bonn")]
    assert statuses == {**dict.fromkeys(names, "failed"), GOOD: "succeeded"}
    assert all(last_errors[name] for name in names)
    unforeseen = [line for line in failed if "unexpected error" in line]
    kept = Path(os.environ["HEADWATER_HOME"]) / "logs" / "errors.log"
    assert len(traces) >= len(unforeseen)
    assert not unforeseen or "Traceback" in kept.read_text()
