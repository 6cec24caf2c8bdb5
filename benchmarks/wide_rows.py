"""The speed of a wide table from file to history, beside dlt's scd2 and a bare `\\copy` of the same file.

    python -m benchmarks.wide_rows [--rows N] [--columns N] [--repeats N] [--json]

Two snapshots of `--rows` customers in `--columns` columns: the first one into an empty database, the second one, of
which 2 % are new, changed or removed, onto the first.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.data import WIDTH, snapshot
from benchmarks.ours import ChangeCounts
from benchmarks.report import Report, Setting, parser, publish
from benchmarks.to_history import ToHistory, Ways

COLUMNS = 100
TIMES_AS_FAST = 3  # of the second snapshot


def measure(setting: Setting, columns: int) -> Report:
    line = ToHistory(setting, columns)
    files = [line.write(step, snapshot(setting.rows, step, columns)) for step in (0, 1)]
    profiles = {}

    def by_all(path: Path, what: str) -> tuple[Ways, ChangeCounts]:
        line.by_headwater(path)  # what dlt must come to
        expected = line.change_counts()
        ways = line.compare(path, expected, setting.repeats)
        profiles.update({f"{way}, the {what} snapshot": done for way, done in line.profiles.items()})
        return ways, expected

    line.begin()
    first, _ = by_all(files[0], "first")
    setting.database.restore()
    line.begin(files[0])
    second, changes = by_all(files[1], "second")
    return Report(
        name="wide_rows",
        title="Wide rows",
        about=(
            f"Two snapshots of {setting.rows:,} customers in {columns} columns, CSV files of"
            f" {files[1].stat().st_size / 1e6:.0f} MB: the first one into a database without tables of this source;"
            f" the second one ({changes.changed:,} changed, {changes.new:,} new, {changes.removed:,} removed) onto the"
            " first. The ways are those of the benchmarks of the first load and from file to history."
        ),
        command="python -m benchmarks.wide_rows",
        tables=[
            first.table("The first snapshot:"), first.parts(), second.table("The second snapshot:"), second.parts(),
        ],
        aims=[
            *first.at_least(1, "the first snapshot, "),
            *second.at_least(TIMES_AS_FAST, "the second snapshot, "),
        ],
        bars=[*first.bars(", first"), *second.bars(", second")],
        profiles=profiles,
        server=setting.database.settings(),
    )  # fmt: skip


def main() -> None:
    options = parser(__doc__, rows=200_000)
    options.add_argument("--columns", type=int, default=COLUMNS, help=f"by default {COLUMNS}")
    chosen = options.parse_args()
    if chosen.columns < WIDTH:
        raise SystemExit(f"--columns {chosen.columns}: expected {WIDTH} or more")
    publish(chosen, lambda setting: measure(setting, chosen.columns))


if __name__ == "__main__":
    main()
