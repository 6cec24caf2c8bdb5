"""A new project works at once: its example, a new source, the pages, its DAGs and its tests."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from tests.project.test_wheel import READ_DAGS
from tests.support.command import ran

PATIENCE_S = 300


@pytest.mark.usefixtures("store")
def test_init_new_source_run_docs_and_dags(
    tmp_path: Path, empty_database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    assert "cd town" in ran(0, "init", "town", "--with-example").stdout
    root = tmp_path / "town"
    monkeypatch.chdir(root)
    (tmp_path / "trees-2026-01-01.csv").write_text("tree,kind\n1,oak\n2,elm\n")
    sampled = ("--from", "../trees-2026-01-01.csv", "--key", "tree", "--type", "snapshot", "--accept-doubts")
    ran(0, "new-source", "trees", *sampled)
    seeds = root / "seeds" / "source.csv"
    named = "town_functions.transforms:without_blank_records"
    rows = [line.split(",") for line in seeds.read_text().splitlines()]
    rows[1][rows[0].index("wrangle_function")] = named
    seeds.write_text("".join(",".join(row) + "\n" for row in rows))
    ran(0, "generate")
    ran(0, "run")
    with empty_database.connect() as connection:
        libraries = "select library, seats from historical.libraries where valid_to is null order by library"
        assert connection.execute(sa.text(libraries)).all() == [("L01", 400), ("L02", 60), ("L04", 80)]
        assert connection.execute(sa.text("select count(*) from historical.trees")).scalar() == 2
    assert "index.html" in ran(0, "docs").stdout
    ran(0, "manifest")
    read = subprocess.run(
        [sys.executable, "-c", READ_DAGS],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert "file jobs libraries trees" in read.stdout.splitlines()
    monkeypatch.syspath_prepend(root)
    tests = runpy.run_path(str(root / "tests" / "test_project.py"))
    for command in (["check"], ["generate", "--check"]):
        tests["test_metadata_and_generated_files_are_in_order"](command)
    tests["test_blank_records_are_left_out"]()
