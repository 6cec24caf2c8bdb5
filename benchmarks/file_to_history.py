"""The speed from a file to history, beside dlt's scd2 and a bare `\\copy` of the same file.

    python -m benchmarks.file_to_history [--rows N] [--repeats N] [--json]

The second snapshot of `--rows` customers as a CSV file: by a run of Headwater (raw, staging, checks, historical; the
file has landed), by dlt's merge strategy scd2, and by psql's `\\copy` into a table of text columns. By turns, each
time in a fresh process and from a fresh copy of the database.
"""

from __future__ import annotations

from benchmarks.data import snapshot
from benchmarks.report import Report, Setting, parser, publish
from benchmarks.to_history import ToHistory

TIMES_AS_FAST, MOST_OF_COPY, MOST_MIB = 3, 3.5, 300


def measure(setting: Setting) -> Report:
    line = ToHistory(setting)
    first, second = (line.write(step, snapshot(setting.rows, step)) for step in (0, 1))
    line.begin(first)
    line.by_headwater(second)  # what dlt must come to
    expected = line.change_counts()
    ways = line.compare(second, expected, setting.repeats)
    return Report(
        name="file_to_history",
        title="From file to history",
        about=(
            f"The second snapshot of {setting.rows:,} customers as a CSV file of {second.stat().st_size / 1e6:.0f} MB:"
            f" {expected.changed:,} changed, {expected.new:,} new, {expected.removed:,} removed. Headwater loads it"
            " from S3 into raw, stages, checks (all built-in checks, the removal guard, three expectations) and"
            " historizes it; dlt reads the same file with Arrow, hashes rows with its own helper, loads them by"
            " ADBC and merges by scd2,"
            " checking nothing. Each in a fresh process; imports and dbt's parsing do not count, the peak memory is"
            " the process's own, libraries included (Postgres and S3 are others). `\\copy` goes into a table of text"
            " columns without an index."
        ),
        command="python -m benchmarks.file_to_history",
        tables=[ways.table(), ways.parts()],
        aims=[*ways.at_least(TIMES_AS_FAST), ways.of_copy(MOST_OF_COPY), ways.memory(MOST_MIB)],
        bars=ways.bars(),
        profiles=line.profiles,
        server=setting.database.settings(),
    )


if __name__ == "__main__":
    publish(parser(__doc__, rows=1_000_000).parse_args(), measure)
