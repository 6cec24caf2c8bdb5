"""Run every benchmark and write their results to docs/benchmarks.md.

    python -m benchmarks.all [NAME…] [--into FOLDER] [--scale X] [--repeats N] [--without-peers]

With names it measures these again, and writes the page from them and the earlier results. `--scale 0.01` is a quick
trial, which needs another folder to write into. Nothing else should run on the machine meanwhile. The benchmarks of
Airflow need its environment (`make airflow`), and are left out without it.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.page import page, read_reports
from benchmarks.picture import picture
from headwater.project import find_project

ROWS = {
    "raw_load": 1_000_000,
    "history_step": 1_000_000,
    "file_to_history": 1_000_000,
    "first_load": 1_000_000,
    "shares_changed": 1_000_000,
    "wide_rows": 200_000,
    "small_deltas": 1_000_000,
    "backfill": 100_000,
    "many_deliveries": 1_000,  # deliveries
    "table_extract": 10_000_000,
    "many": 1_000,  # sources
    "dag_parse": 1_000,  # sources
    "airflow_overhead": 8,  # sources
}
IN_AIRFLOW = ("dag_parse", "airflow_overhead")


def main() -> None:
    docs = find_project().root / "docs"
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ROWS)}; all by default")
    parser.add_argument(
        "--into", type=Path, default=docs, help="the folder of page and picture; docs by default"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="share of the rows; below 1 for a quick try")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--without-peers", action="store_true", help="leave out the other tools")
    options = parser.parse_args()
    unknown = set(options.names) - set(ROWS)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; expected some of {', '.join(ROWS)}")
    if (options.scale != 1 or options.without_peers) and options.into == docs:
        parser.error(
            "the page in docs is of full size, with the other tools; name another folder with --into"
        )
    results = options.into / "benchmarks"
    results.mkdir(parents=True, exist_ok=True)
    is_airflow_there = importlib.util.find_spec("airflow") is not None
    for name in options.names or [name for name in ROWS if is_airflow_there or name not in IN_AIRFLOW]:
        rows = round(ROWS[name] * options.scale)
        began = datetime.now(UTC)
        command = [sys.executable, "-m", f"benchmarks.{name}", "--json", "--rows", str(rows)]
        command += ["--repeats", str(options.repeats), *["--without-peers"] * options.without_peers]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        (results / f"{name}.json").write_text(done.stdout, encoding="utf-8")
        print(f"{name}: {(datetime.now(UTC) - began).total_seconds():.0f} s", file=sys.stderr)
        write(options.into)  # at once, so that a failure later on loses nothing


def write(into: Path) -> None:
    """Write the page and the picture from the results in `into`/benchmarks."""
    reports = read_reports(into / "benchmarks", ROWS)
    (into / "benchmarks.svg").write_text(picture(reports), encoding="utf-8")
    (into / "benchmarks.md").write_text(page(reports), encoding="utf-8")


if __name__ == "__main__":
    main()
