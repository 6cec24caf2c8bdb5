"""The merge strategy scd2 of dlt, as a program in the environment of the peers.

    python -m benchmarks.dlt_scd2 PIPELINES FILE… [--width N] [--deltas] [--format parquet|csv] [--reading whole|blocks]

Arrow reads the CSV with the types of its columns, dlt's own helper hashes each row, the hash is the version
column. Parquet, which dlt loads by ADBC, was the fastest of its formats; reading the file as a whole was not slower
than in blocks. Loads the files, one after the other, into the dataset `dlt_customers` of the database that PGDATABASE
names, each by a run of one pipeline. With --deltas, a key that a file lacks stays as it is, and the delete marks of the
file are left out. Prints, as JSON, the seconds of the last file, the mean of all but the first (imports not counted),
and the peak memory of the process in MiB.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")

import dlt  # type: ignore[import-not-found]
import pyarrow as pa
import pyarrow.compute as arrow_compute
import pyarrow.csv as arrow_csv
from dlt.sources.helpers.transform import add_row_hash_to_table  # type: ignore[import-not-found]

from benchmarks.data import KEY, WIDTH, types_of
from benchmarks.measure import peak_mib

NAME, VERSION, MARK = "customers", "row_hash", "gone"
BLOCK = 32 << 20  # bytes
ARROW = {
    "text": pa.string(),
    "varchar(2)": pa.string(),
    "numeric(12,2)": pa.decimal128(12, 2),
    "integer": pa.int64(),
    "date": pa.date32(),
}


def tables(path: Path, width: int, reading: str) -> Iterator[pa.Table]:
    """The file as Arrow tables."""
    types = types_of(width)
    read = arrow_csv.ReadOptions(block_size=BLOCK)
    convert = arrow_csv.ConvertOptions(
        column_types={name: ARROW[kind] for name, kind in types.items()} | {MARK: pa.string()},
        strings_can_be_null=True,
    )
    if reading == "whole":
        yield _unmarked(arrow_csv.read_csv(path, read_options=read, convert_options=convert))
        return
    with arrow_csv.open_csv(path, read_options=read, convert_options=convert) as batches:
        for batch in batches:
            yield _unmarked(pa.Table.from_batches([batch]))


def _unmarked(table: pa.Table) -> pa.Table:
    """Return the rows without a delete mark."""
    if MARK not in table.column_names:
        return table
    return table.filter(arrow_compute.is_null(table[MARK])).drop_columns([MARK])


def main(options: argparse.Namespace) -> None:
    server = f"{os.environ['PGHOST']}:{os.environ.get('PGPORT', '5432')}"
    password = os.environ.get("PGPASSWORD", "none")  # dlt insists on one, even where the server asks for none
    address = f"postgresql://{os.environ['PGUSER']}:{password}@{server}/{os.environ['PGDATABASE']}"
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=options.pipelines,
        dataset_name="dlt_customers",
        destination=dlt.destinations.postgres(credentials=address),
    )
    versions = {"disposition": "merge", "strategy": "scd2", "row_version_column_name": VERSION}
    customers = dlt.resource(
        tables, name=NAME, write_disposition=versions, merge_key=KEY if options.deltas else None
    )
    took = []
    for path in options.files:
        begin = time.perf_counter()
        rows = customers(path, options.width, options.reading).add_map(add_row_hash_to_table(VERSION))
        loaded = pipeline.run(rows, loader_file_format=options.format)
        took.append(time.perf_counter() - begin)
        loaded.raise_on_failed_jobs()
    mean = sum(took[1:]) / max(1, len(took) - 1)
    print(json.dumps({"seconds": took[-1], "mean_seconds": mean, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("pipelines")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("--deltas", action="store_true")
    parser.add_argument("--format", default="parquet")
    parser.add_argument("--reading", default="whole")
    main(parser.parse_args())
