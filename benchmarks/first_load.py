"""The speed and memory of the first load of a source, beside dlt's scd2 and a bare `\\copy` of the same file.

    python -m benchmarks.first_load [--rows N] [--repeats N] [--json]

The first snapshot of `--rows` customers as a CSV file, into empty databases: by a run of Headwater (raw, staging,
checks, historical; the file has landed), by dlt's merge strategy scd2, and by psql's `\\copy`. By turns, each time in
a fresh process.
"""

from __future__ import annotations

from benchmarks.data import WIDTH, snapshot
from benchmarks.ours import ChangeCounts
from benchmarks.report import Report, Setting, parser, publish
from benchmarks.to_history import ToHistory

MOST_MIB = 300


def measure(setting: Setting) -> Report:
    line = ToHistory(setting)
    first = line.write(0, snapshot(setting.rows, 0))
    line.begin()
    expected = ChangeCounts(new=setting.rows, changed=0, removed=0, unchanged=0)
    ways = line.compare(first, expected, setting.repeats)
    return Report(
        name="first_load",
        title="The first load",
        about=(
            f"The first snapshot of {setting.rows:,} customers in {WIDTH} columns, a CSV file of"
            f" {first.stat().st_size / 1e6:.0f} MB, into a database without tables of this source. Headwater loads it"
            " from S3 into raw, stages, checks (all built-in checks, three expectations) and historizes it; dlt loads"
            " the same file by scd2, checking nothing. Imports, dbt's parsing and the landing do not count. The peak"
            " memory is the process's own."
        ),
        command="python -m benchmarks.first_load",
        tables=[ways.table(), ways.parts()],
        aims=[*ways.at_least(1), ways.memory(MOST_MIB)],
        bars=ways.bars(),
        profiles=line.profiles,
        server=setting.database.settings(),
    )


if __name__ == "__main__":
    publish(parser(__doc__, rows=1_000_000).parse_args(), measure)
