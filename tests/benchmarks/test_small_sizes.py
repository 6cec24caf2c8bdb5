"""Every benchmark at a small size, without the other tools: it ends, and its ways have done the same work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.all import ROWS
from benchmarks.report import Bar, Report
from tests.conftest import PROJECT

SMALL: dict[str, tuple[str, ...]] = {  # of those that need no Airflow and no package: the size, and what else
    "raw_load": ("--rows", "200"),
    "history_step": ("--rows", "200"),
    "small_deltas": ("--rows", "1000"),
    "backfill": ("--rows", "200", "--snapshots", "11"),
    "many": ("--rows", "2"),
    "file_to_history": ("--rows", "200"),
    "wide_rows": ("--rows", "200", "--columns", "16"),
    "shares_changed": ("--rows", "200"),
    "many_deliveries": ("--rows", "3"),
}
QUICKEST = {"raw_load", "file_to_history", "many_deliveries"}  # the others run with --long
Measure = Callable[[str], Report]
pytestmark = pytest.mark.usefixtures("empty_database", "store")


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    def run(name: str) -> Report:
        command = [sys.executable, "-m", f"benchmarks.{name}", *SMALL[name]]
        command += ["--repeats", "1", "--json", "--without-peers"]
        done = subprocess.run(
            command, cwd=PROJECT, env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
        return Report.from_json(done.stdout)

    return run


@pytest.mark.parametrize(
    "name", [name if name in QUICKEST else pytest.param(name, marks=pytest.mark.long) for name in SMALL]
)
def test_reports_its_tables_aims_and_bars(measure: Measure, name: str) -> None:
    report = measure(name)
    assert (report.name, report.command) == (name, f"python -m benchmarks.{name}")
    assert name in ROWS
    assert report.aims
    assert all(bar.seconds > 0 for bar in report.bars)
    assert {len(row) - len(table.head) for table in report.tables for row in table.rows} == {0}


@pytest.mark.long
def test_shares_are_measured_with_and_without_recognition(measure: Measure) -> None:
    report = measure("shares_changed")
    assert [row[0] for row in report.tables[0].rows] == ["0 %", "2 %", "20 %", "100 %"]
    assert [bar.is_ours for bar in report.bars] == [True, False] * 4


def test_first_load_is_measured_again_into_a_page_of_earlier_results(tmp_path: Path) -> None:
    results = tmp_path / "page" / "benchmarks"
    results.mkdir(parents=True)
    earlier = Report(
        "backfill", "Many snapshots at once", "Measured earlier.", "python -m benchmarks.backfill", [], [],
        [Bar("by hand", 1.0, is_ours=False)], {}, {},
    )  # fmt: skip
    (results / "backfill.json").write_text(earlier.to_json(), encoding="utf-8")
    (results / "first_load.json").write_text('{"stale": true}', encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks.all", "first_load", "--into", str(results.parent)]
    options = ["--scale", "0.0002", "--repeats", "1", "--without-peers"]
    done = subprocess.run([*command, *options], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((results / "first_load.json").read_text())["title"] == "The first load"
    page = (results.parent / "benchmarks.md").read_text()
    assert "The first snapshot of 200 customers in 12 columns" in page
    assert "Measured earlier." in page
    assert "The first load: " in (results.parent / "benchmarks.svg").read_text()
