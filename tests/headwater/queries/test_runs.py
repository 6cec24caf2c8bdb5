"""Runs on record: the last one of a source is the one that tells how it stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from headwater.metadata.errors import HeadwaterError
from headwater.metadata.process.jobs import JobInstance, SharedJobInstance
from headwater.metadata.static.model import Catalog, JobTask
from headwater.metadata.static.read import read_catalog
from headwater.queries.runs import details, last_runs, latest, named
from tests.pipeline.project import make_project


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """The project of the tests, in which the job cities does a step of the source prices."""
    task = JobTask(
        "prices_load", "cities", "L", 3, True, "prices", None, None, None, None, None, "historical.prices"
    )  # fmt: skip
    return replace(read_catalog(make_project(tmp_path / "town") / "seeds"), job_tasks={task.name: task})


@pytest.fixture
def connection(database: Engine) -> Iterator[Connection]:
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as made:
        yield made


def ran(
    database: Engine, job: str, run_id: str, *sources: str, status: str = "succeeded", kind: str = "run"
) -> int:
    instance = JobInstance(database, job, run_id, {"sources": list(sources)}, kind=kind)
    instance.outcome.worsen(status)
    if status == "failed":
        instance.log("error", f"{run_id} failed")
    instance.close()
    return instance.job_inst_id


def last(connection: Connection, catalog: Catalog) -> dict[str, tuple[str, str, str | None]]:
    found = last_runs(connection, catalog, catalog.sources.values())
    return {name: (run.run_id, run.status, run.last_error) for name, run in found.items()}


@pytest.mark.parametrize("kind", ["dry_run", "purge", "recall"])
def test_what_only_looks_or_tidies_up_is_no_last_run(
    database: Engine, connection: Connection, catalog: Catalog, kind: str
) -> None:
    ran(database, "cities", "a run", "cities", status="halted")
    ran(database, "cities", "another thing", "cities", kind=kind)
    assert last(connection, catalog) == {"cities": ("a run", "halted", None)}
    assert [row["kind"] for row in latest(connection, None, None)] == [kind, "run"]


def test_dbt_by_hand_is_no_last_run_and_a_rebuild_is(
    database: Engine, connection: Connection, catalog: Catalog
) -> None:
    ran(database, "cities", "a run", "cities", status="failed")
    connection.execute(sa.text("select metadata.this_job_inst('cities')"))
    assert last(connection, catalog) == {"cities": ("a run", "failed", "a run failed")}
    ran(database, "cities", "a rebuild", "cities", kind="rebuild")
    assert last(connection, catalog) == {"cities": ("a rebuild", "succeeded", None)}


def test_a_run_of_one_source_of_a_job_is_not_the_last_of_the_others(
    database: Engine, connection: Connection, catalog: Catalog
) -> None:
    ran(database, "market", "of both", "prices", "ratings", status="failed")
    ran(database, "market", "of one", "ratings")
    assert last(connection, catalog) == {
        "prices": ("of both", "failed", "of both failed"), "ratings": ("of one", "succeeded", None),
    }  # fmt: skip


def test_of_a_source_of_several_jobs_a_run_that_failed_is_not_hidden_by_that_of_another(
    database: Engine, connection: Connection, catalog: Catalog
) -> None:
    ran(database, "market", "extraction", "prices", status="failed")
    ran(database, "cities", "load", "cities", "prices")
    assert last(connection, catalog)["prices"] == ("extraction", "failed", "extraction failed")
    ran(database, "market", "extraction again", "prices")
    assert last(connection, catalog)["prices"] == ("extraction again", "succeeded", None)


def test_a_run_is_found_by_its_number_its_id_or_how_that_begins(
    database: Engine, connection: Connection
) -> None:
    first, second = ran(database, "cities", "ab-1"), ran(database, "cities", "ab-12")
    third = ran(database, "market", "ab-12")
    for text, job, expected in (
        (str(first), None, [first]), ("ab-1", None, [first]), ("ab-12", None, [second, third]),
        ("ab-12", "market", [third]),
    ):  # fmt: skip
        assert [row["job_inst_id"] for row in named(connection, text, job)] == expected
    for text, message in (
        ("ab", "several runs begin with 'ab': ab-1, ab-12"), ("4711", "no run '4711'"), ("", "no run ''"),
        ("%", "no run '%'"), ("9" * 30, "no run '9"),
    ):  # fmt: skip
        with pytest.raises(HeadwaterError, match=message):
            named(connection, text)


def test_the_report_has_a_row_for_each_task_and_one_for_a_run_without_any(
    database: Engine, connection: Connection
) -> None:
    JobInstance(database, "cities", "without", {}).close()
    SharedJobInstance.begin(database, "cities", "with", {"is_full_load": True}, "ETL")
    joined = SharedJobInstance(database, "cities", "with")
    with suppress(HeadwaterError), joined.attempt("land", 2, 1, source="cities", etl_step="E", step_seq=1):
        joined.log("error", "first")
        raise HeadwaterError("second")
    joined.close()
    rows = connection.execute(
        sa.text(
            "select run_id, is_full_load, run_status, run_last_error, task, etl_step, step_seq, source, map_index,"
            " try_number, status, last_error from metadata.run_report order by job_inst_id"
        )
    ).all()
    assert [tuple(row) for row in rows] == [
        ("without", False, "succeeded", None, *[None] * 8),
        ("with", True, "failed", "second", "land", "E", 1, "cities", 1, 2, "failed", "second"),
    ]
    (run,) = named(connection, "with")
    assert [line["message"] for line in details(connection, run, "error")["log"]] == ["first", "second"]
