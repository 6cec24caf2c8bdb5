"""Many jobs in one terminal: a bounded number of connections, lines that name their source, and a true record."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from headwater.cli.commands import app
from tests.pipeline.project import FOLDER, SEEDS, make_project

ALONE = [f"town_{number:02}" for number in range(26)]  # each with a job of its own
SHARED = [f"shop_{number}" for number in range(4)]  # of one job
NAMES = ALONE + SHARED
BROKEN, HALTING = "town_03", "shop_2"
PARALLEL = 4
MOST = 20  # connections: those of four sources, and those of dbt
SERVED = (
    "select count(*) from pg_stat_activity where datname = current_database()"
    " and backend_type = 'client backend' and pid <> pg_backend_pid()"
)


def make_many(root: Path) -> Path:
    """A project of many small sources."""
    lines: dict[str, list[str]] = {
        "data_source": ["folder,local_files,Files in folders"],
        "conn_str": [f"{name},folder,,,,,,,${{{FOLDER}}}/{name}" for name in NAMES],
        "job": [
            f"{job},true,ETL,true,false,batch,,,town,true,{job} to history,,,,," for job in (*ALONE, "shops")
        ],
        "source": [
            f"{name},{name if name in ALONE else 'shops'},folder,town,daily,city,snapshot,,,,,,,,,,,,One row per id"
            for name in NAMES
        ],
        "attribute": [
            f"{name},{line}"
            for name in NAMES
            for line in ("id,id,integer,,,true,,,Its number", "name,name,text,,,,,,Its name")
        ],
        "source_attribute": [
            f"{name},{option},{value},"
            for name in NAMES
            for option, value in {
                "conn_str": name, "file_pattern": r"(?P<date>\d{8})\.csv$", "keep_raw": "1", "keep_staging": "1",
            }.items()
        ],
    }  # fmt: skip
    seeds = {table: "\n".join([SEEDS[table].partition("\n")[0], *rows, ""]) for table, rows in lines.items()}
    return make_project(root, seeds, marts={})


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two deliveries of each source; one has a line too many, one a key twice."""
    folder = tmp_path / "publisher"
    for name in NAMES:
        (folder / name).mkdir(parents=True)
        (folder / name / "20260101.csv").write_text(f"id,name\n1,{name}\n2,Bonn\n")
        (folder / name / "20260102.csv").write_text(f"id,name\n1,{name}\n3,Ulm\n")
    (folder / BROKEN / "20260102.csv").write_text("id,name\n1,a,too,many\n")
    (folder / HALTING / "20260102.csv").write_text("id,name\n1,a\n1,b\n")
    monkeypatch.setenv(FOLDER, str(folder))
    before = dict(os.environ)
    yield folder
    for name in set(os.environ) - set(before):  # the command sets variables for its process
        del os.environ[name]


@contextmanager
def connections(database: Engine) -> Iterator[list[int]]:
    """How many connections the server has at once while the body runs, at most, but for the one that asks."""
    most, ended = [0], threading.Event()

    def watch() -> None:
        with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not ended.wait(0.02):
                most[0] = max(most[0], connection.exec_driver_sql(SERVED).scalar_one())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        ended.set()
        watcher.join()


def end_connections(database: Engine) -> None:
    """End those of a command before: they end with its process, which here is ours."""
    until = time.monotonic() + 60
    while query(database, SERVED.replace("count(*)", "count(pg_terminate_backend(pid))"))[0][0]:
        assert time.monotonic() < until, "the connections of a command before do not end"
        time.sleep(0.1)


def headwater(database: Engine, *arguments: str) -> Result:
    """Run a command for all sources, four at once; it may have no more than its connections."""
    end_connections(database)
    with connections(database) as most:
        result = CliRunner().invoke(app, [*arguments, "--parallel", str(PARALLEL)])
    assert 1 < most[0] <= MOST, (most, result.output)
    return result


def summary(result: Result) -> list[str]:
    """The sources of the summary, in its order."""
    return re.findall(r"^((?:town|shop)_\d+) +\d", result.stdout, re.MULTILINE)


def query(database: Engine, statement: str) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(statement))]


def history(database: Engine) -> dict[str, list[tuple[Any, ...]]]:
    return {
        name: query(
            database, f"select id, name, valid_from, valid_to from historical.{name} order by id, valid_from"
        )
        for name in NAMES
    }


@pytest.mark.usefixtures("store", "publisher")
def test_thirty_sources_run_purge_and_rebuild_side_by_side(
    empty_database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_PROJECT", str(make_many(tmp_path / "project")))

    ran = headwater(empty_database, "run")
    assert ran.exit_code == 3, ran.output
    assert summary(ran) == NAMES  # in the order of the seeds, whichever ended first
    assert {line for line in ran.stderr.splitlines() if ": " not in line} == set()
    for name in NAMES:
        assert f"{name}: landed 2 deliveries" in ran.stderr
    found = history(empty_database)
    for name in NAMES:
        assert len(found[name]) == (2 if name in (BROKEN, HALTING) else 3), name

    statuses = dict(query(empty_database, "select job, status from metadata.job_inst"))
    assert statuses == {**dict.fromkeys(ALONE, "succeeded"), BROKEN: "halted", "shops": "halted"}
    strangers = query(
        empty_database,
        "select task.parameters, dtl.message from metadata.log_dtl as dtl"
        " left join metadata.job_inst_task as task using (job_inst_task_id)"
        r" where dtl.message ~ '^(town|shop)_\d+: landed'"
        " and task.parameters ->> 'source' is distinct from split_part(dtl.message, ':', 1)",
    )
    assert strangers == []

    purged = headwater(empty_database, "purge")
    assert purged.exit_code == 0, purged.output

    rebuilt = headwater(empty_database, "rebuild")
    assert rebuilt.exit_code == 0, rebuilt.output  # the verdicts stand
    assert summary(rebuilt) == NAMES
    assert history(empty_database) == found
