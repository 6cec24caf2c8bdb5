"""The merge strategy scd2 of dlt, as a program in the environment of the peers.

    python -m benchmarks.dlt_scd2 FILE PIPELINES [parquet|csv] [whole|blocks]

Arrow reads the CSV with the types of its columns, dlt's own helper hashes each row, the hash is the version
column. Parquet, which dlt loads by ADBC, was the fastest of its formats; reading the file as a whole was not slower
than in blocks. Loads the file into the dataset `dlt_customers` of the database that PGDATABASE names, and
prints, as JSON, seconds (imports not counted) and the peak memory of the process in MiB.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")

import dlt  # type: ignore[import-not-found]
import pyarrow as pa
import pyarrow.csv as arrow_csv
from dlt.sources.helpers.transform import add_row_hash_to_table  # type: ignore[import-not-found]

from benchmarks.data import TYPES
from benchmarks.measure import peak_mib

NAME, VERSION = "customers", "row_hash"
BLOCK = 32 << 20  # bytes
ARROW = {
    "text": pa.string(),
    "varchar(2)": pa.string(),
    "numeric(12,2)": pa.decimal128(12, 2),
    "integer": pa.int64(),
    "date": pa.date32(),
}


def tables(path: Path, reading: str) -> Iterator[pa.Table]:
    """The file as Arrow tables."""
    read = arrow_csv.ReadOptions(block_size=BLOCK)
    convert = arrow_csv.ConvertOptions(
        column_types={name: ARROW[kind] for name, kind in TYPES.items()}, strings_can_be_null=True
    )
    if reading == "whole":
        yield arrow_csv.read_csv(path, read_options=read, convert_options=convert)
        return
    with arrow_csv.open_csv(path, read_options=read, convert_options=convert) as batches:
        for batch in batches:
            yield pa.Table.from_batches([batch])


def main(path: str, pipelines: str, file_format: str = "parquet", reading: str = "whole") -> None:
    server = f"{os.environ['PGHOST']}:{os.environ.get('PGPORT', '5432')}"
    password = os.environ.get("PGPASSWORD", "none")  # dlt insists on one, even where the server asks for none
    address = f"postgresql://{os.environ['PGUSER']}:{password}@{server}/{os.environ['PGDATABASE']}"
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=pipelines,
        dataset_name="dlt_customers",
        destination=dlt.destinations.postgres(credentials=address),
    )
    versions = {"disposition": "merge", "strategy": "scd2", "row_version_column_name": VERSION}
    customers = dlt.resource(tables, name=NAME, write_disposition=versions)
    begin = time.perf_counter()
    rows = customers(Path(path), reading).add_map(add_row_hash_to_table(VERSION))
    loaded = pipeline.run(rows, loader_file_format=file_format)
    seconds = time.perf_counter() - begin
    loaded.raise_on_failed_jobs()
    print(json.dumps({"seconds": seconds, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
