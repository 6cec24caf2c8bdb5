"""The generated data: what changes from one snapshot to the next, and tables of many columns."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from benchmarks.data import date_of, rolling_snapshot, snapshot, types_of, with_share_changed
from benchmarks.project import publish_queries


def rows_of(database: Engine, query: str) -> dict[str, tuple[object, ...]]:
    with database.connect() as connection:
        return {row[0]: tuple(row) for row in connection.execute(sa.text(query))}


@pytest.mark.parametrize("percent", [0, 2, 20, 100])
def test_share_of_the_rows_changes(database: Engine, percent: int) -> None:
    before, after = (
        rows_of(database, query) for query in (snapshot(500, 0), with_share_changed(500, percent))
    )
    assert before.keys() == after.keys()
    assert sum(before[key] != after[key] for key in before) == 5 * percent


def test_rolling_snapshot_changes_five_in_a_hundred_and_renews_one(database: Engine) -> None:
    before, after = (rows_of(database, rolling_snapshot(100, step)) for step in (7, 8))
    assert len(before) == len(after) == 100
    assert len(before.keys() - after.keys()) == len(after.keys() - before.keys()) == 1
    assert sum(before[key] != after[key] for key in before.keys() & after.keys()) in (4, 5)


def test_wide_snapshot_has_its_columns_and_types(database: Engine) -> None:
    types = types_of(30)
    with database.connect() as connection:
        connection.execute(sa.text(f"create temporary table wide as {snapshot(10, 0, 30)}"))
        rows = connection.execute(
            sa.text(
                "select attname, replace(format_type(atttypid, atttypmod), 'character varying', 'varchar')"
                " from pg_attribute where attrelid = 'wide'::regclass and attnum > 0 order by attnum"
            )
        ).all()
    assert list(map(tuple, rows)) == list(types.items())


def test_wide_snapshots_differ_in_what_the_narrow_ones_do(database: Engine) -> None:
    wide, narrow = (
        {step: rows_of(database, snapshot(400, step, width)) for step in (0, 1)} for width in (20, 12)
    )
    changed = [
        {key for key in of[0].keys() & of[1].keys() if of[0][key] != of[1][key]} for of in (wide, narrow)
    ]
    assert changed[0] == changed[1] != set()


@pytest.mark.usefixtures("database")
def test_queries_become_files_as_the_publisher_names_them(tmp_path: Path) -> None:
    paths = publish_queries(tmp_path, "customers", {step: rolling_snapshot(5, step) for step in (0, 1)})
    assert [path.name for path in paths] == [f"customers-{date_of(step):%Y%m%d}.csv" for step in (0, 1)]
    with paths[1].open(newline="", encoding="utf-8") as file:
        assert [row["customer"] for row in csv.DictReader(file)] == [f"C{n:09}" for n in range(2, 7)]
