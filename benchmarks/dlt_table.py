"""The source sql_database of dlt, as a program in the environment of the peers.

    python -m benchmarks.dlt_table DATABASE SCHEMA TABLE FOLDER

Its backend connectorx reads the table as Arrow, and its destination filesystem writes Parquet into FOLDER. A blank
SCHEMA is the database's own. Prints, as JSON, seconds (imports not counted) and how many rows came.
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")

import dlt  # type: ignore[import-not-found]
from dlt.sources.sql_database import sql_table  # type: ignore[import-not-found]


def main(database: str, schema: str, table: str, folder: str) -> None:
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=f"{folder}/pipelines",
        dataset_name="extracted",
        destination=dlt.destinations.filesystem(f"file://{folder}/files"),
    )
    begin = time.perf_counter()
    rows = sql_table(database, table, schema or None, backend="connectorx")
    loaded = pipeline.run(rows, loader_file_format="parquet")
    seconds = time.perf_counter() - begin
    loaded.raise_on_failed_jobs()
    counted = pipeline.last_trace.last_normalize_info.row_counts
    print(json.dumps({"seconds": seconds, "rows": counted[table]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
