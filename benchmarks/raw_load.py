"""How fast is raw loading, beside a bare `\\copy` of the same file into the same database?

    python -m benchmarks.raw_load [--rows N] [--repeats N] [--json]

Makes a file of 12 columns, once with few quotes and once with every field in quotes, and loads it by turns:
with psql's `\\copy` from a local file into a table of 12 text columns, with psycopg2's COPY of the same, and
with `load_raw` from S3 into `raw.<source>`, with line numbers, status and all, each in a fresh process.
Servers are those of the environment (PGHOST …, AWS_ENDPOINT_URL …), or embedded ones of its own.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg2
import sqlalchemy as sa
from psycopg2 import sql

from extract.load_raw import load_raw
from extract.manifest import object_key
from extract.raw_table import ensure_raw_table
from extract.register import register_landed
from extract.store import ObjectStore
from headwater.services import children, environment, postgres
from headwater.services.processes import stop
from metadata.connection import engine
from metadata.process.deliveries import Delivery, lock_source, next_delivery_sqn
from metadata.process.migrate import upgrade
from metadata.static.model import Attribute, DataSource, Source

COLUMNS = (
    "station_id", "measured_at", "city", "country", "latitude", "longitude",
    "value", "unit", "quality", "operator", "remark", "checked_on",
)  # fmt: skip
VARIANTS = {"few quotes": csv.QUOTE_MINIMAL, "all quoted": csv.QUOTE_ALL}
DATE = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Measured:
    """One variant of the file: medians in seconds, peak memory in MiB, size in bytes."""

    variant: str
    rows: int
    file_size: int
    psql_s: float | None
    copy_s: float
    load_raw_s: float
    peak_mib: float

    @property
    def ratio(self) -> float:
        """Speed of load_raw as a share of the bare \\copy's (of COPY by psycopg2, where there is no psql)."""
        return (self.psql_s or self.copy_s) / self.load_raw_s


def make_file(path: Path, rows: int, quoting: int) -> None:
    """A file of measurements, some 180 bytes a row: numbers, dates, names with accents and commas, blanks."""
    chance = random.Random(1)
    cities = [  # one name in eight must be quoted
        "München",
        "Ciudad de México",
        "Washington, D.C.",
        "Reykjavík",
        "São Paulo",
        "Lagos",
        "Osaka",
        "Pune",
    ]
    operators = [f"State Regional Office of Environmental Air Monitoring No. {n:03d}" for n in range(1, 200)]
    remarks = [
        "",
        "",
        "",
        "calibrated",
        "sensor replaced after the storm",
        "see report of the week before",
        "NA",
    ]
    start = datetime(2025, 1, 1, tzinfo=UTC)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=quoting, lineterminator="\n")  # type: ignore[arg-type]
        writer.writerow(COLUMNS)
        for number in range(rows):
            moment = start + timedelta(seconds=number * 37)
            writer.writerow(
                (
                    f"ST{number % 4096:08d}",
                    moment.isoformat(),
                    cities[number % len(cities)],
                    "DE" if number % 3 else "MX",
                    f"{chance.uniform(-90, 90):.6f}",
                    f"{chance.uniform(-180, 180):.6f}",
                    f"{chance.lognormvariate(3, 1):.9f}",
                    "µg/m³",
                    chance.choice("ABCD"),
                    operators[number % len(operators)],
                    chance.choice(remarks),
                    date.fromordinal(739000 + number % 365).isoformat(),
                )
            )


def measurement_source() -> Source:
    """The metadata of the file: twelve attributes, the first two its key."""
    attributes = tuple(
        Attribute("measurements", name, name, "text", None, ("",), number < 2, number > 1, False, name)
        for number, name in enumerate(COLUMNS)
    )
    return Source(
        name="measurements", job="measurements", data_source=DataSource("bench", "local_files", ""),
        owner="bench", schedule="once", geographic_granularity="station", delivery_type="snapshot",
        extract_function=None, wrangle_function=None, quality_checks=(), load_new=True, load_changed=True,
        load_removed=True, on_null_key="fall_out", on_duplicate_key="halt", on_unknown_column="keep",
        max_removed_pct=None, max_fallen_out_pct=None, description="", attributes=attributes, options={},
        conn_str=None, conn_api=None,
    )  # fmt: skip


def land(store: ObjectStore, path: Path) -> tuple[str, str, int]:
    """Put the file on S3; returns its key, sha256 and size."""
    key = object_key("measurements", 0, uuid.uuid4().hex)
    with path.open("rb") as file:
        assert store.upload_new(key, file)
        file.seek(0)
        return key, hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size


def load_once(key: str, sha256: str, size: int) -> tuple[float, float]:
    """Load the object as a new delivery; returns seconds from begin to commit and peak memory in MiB."""
    source, store, database = measurement_source(), ObjectStore.from_environment(), engine()
    with database.begin() as connection:
        sqn = next_delivery_sqn(connection)
        job_inst_id: int = connection.execute(
            sa.text("select max(job_inst_id) from metadata.job_inst")
        ).scalar_one()
        delivery = Delivery(
            sqn, source.name, f"measurements-{sqn}.csv", store.address(key), "snapshot", DATE, DATE, sha256, size, {},
            job_inst_id,
        )  # fmt: skip
        register_landed(connection, delivery, job_inst_id)
    begin = time.perf_counter()
    with database.begin() as connection:
        lock_source(connection, source.name)
        load_raw(connection, store, source, delivery, job_inst_id)
    return time.perf_counter() - begin, peak_mib()


def peak_mib() -> float:
    """The most memory that this process ever had. Not ru_maxrss where it can be helped: Linux inherits that."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except (OSError, IndexError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def measure(variant: str, path: Path, rows: int, repeats: int) -> Measured:
    """Load one file in every way, by turns; medians."""
    store = ObjectStore.from_environment()
    psql = shutil.which("psql") or str(postgres.binaries() / "psql")
    copy = "copy bench.bare from stdin (format csv, header)"
    times: dict[str, list[float]] = {"psql": [], "copy": [], "load_raw": []}
    peaks = []

    def by_psql() -> float:
        begin = time.perf_counter()
        command = rf"\copy bench.bare from '{path}' (format csv, header)"
        subprocess.run([psql, "-qX", "-v", "ON_ERROR_STOP=1", "-c", command], check=True)
        return time.perf_counter() - begin

    def by_copy() -> float:
        begin = time.perf_counter()
        connection = psycopg2.connect("")
        with connection, connection.cursor() as cursor, path.open("rb") as file:
            cursor.copy_expert(copy, file, 1 << 16)
        connection.close()
        return time.perf_counter() - begin

    def by_load_raw() -> float:
        key, sha256, size = land(store, path)
        command = [sys.executable, "-m", "benchmarks.raw_load", "--load", key, sha256, str(size)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds, peak = json.loads(told)
        peaks.append(peak)
        store.delete(key)
        return float(seconds)

    ways: dict[str, Callable[[], float]] = {"psql": by_psql, "copy": by_copy, "load_raw": by_load_raw}
    if not Path(psql).exists():
        del ways["psql"]
    for _ in range(repeats):
        for name, way in ways.items():
            empty_tables()
            times[name].append(way())
            require_rows("raw.measurements" if name == "load_raw" else "bench.bare", rows)
    medians = {name: statistics.median(seconds) for name, seconds in times.items() if seconds}
    return Measured(
        variant, rows, path.stat().st_size, medians.get("psql"), medians["copy"], medians["load_raw"], max(peaks)
    )  # fmt: skip


def prepare() -> None:
    """Process metadata, both tables, a job instance to write in the name of."""
    upgrade(engine())
    with engine().begin() as connection:
        ensure_raw_table(connection, measurement_source())
        connection.execute(sa.text("create schema bench"))
        connection.execute(
            sa.text(f"create table bench.bare ({', '.join(f'{name} text' for name in COLUMNS)})")
        )
        connection.execute(
            sa.text(
                "insert into metadata.job_inst (job, run_id, parameters, status, started_at)"
                " values ('bench', 'bench', '{}', 'running', now())"
            )
        )


def empty_tables() -> None:
    """Both tables empty, and nothing left for the server to write: every measurement begins alike."""
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("truncate raw.measurements, bench.bare"))
        connection.execute(sa.text("checkpoint"))


def require_rows(table: str, rows: int) -> None:
    """Stop when a way of loading did not load."""
    with engine().connect() as connection:
        found: int = connection.execute(sa.text(f"select count(*) from {table}")).scalar_one()
    if found != rows:
        raise SystemExit(f"{table} has {found} rows, expected {rows}")


@contextmanager
def servers(folder: Path) -> Iterator[None]:
    """Those of the environment or embedded ones; a database and a bucket of our own on them."""
    with ExitStack() as stack:
        if "PGHOST" not in os.environ:
            server = postgres.start(folder / "pg", folder / "postgres.log")
            stack.callback(postgres.stop_server, server.process)
            os.environ.update(server.environment)
        if "AWS_ENDPOINT_URL" not in os.environ:
            child = children.start(children.S3, folder / "s3", folder / "s3.log")
            stack.callback(stop, child.process, (signal.SIGINT, 10), (signal.SIGKILL, 5))
            os.environ.update(environment.variables(environment.S3, child.port, {}))
        name = f"headwater_bench_{uuid.uuid4().hex[:12]}"
        stack.enter_context(own_database(name))
        os.environ["HEADWATER_BUCKET"] = name.replace("_", "-")
        yield
        store = ObjectStore.from_environment()
        for key in list(store.list("")):
            store.delete(key)


@contextmanager
def own_database(name: str) -> Iterator[None]:
    """A database that PGDATABASE names, dropped at the end."""
    before = os.environ.get("PGDATABASE", "")

    def administer(statement: str) -> None:
        connection = psycopg2.connect(dbname=before or "postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(sql.Identifier(name)))
        connection.close()

    administer("create database {}")
    os.environ["PGDATABASE"] = name
    try:
        yield
    finally:
        os.environ["PGDATABASE"] = before
        administer("drop database {} with (force)")


def table(measured: list[Measured]) -> str:
    """The results in Markdown."""
    head = (
        "| file | rows | MB | psql `\\copy` s | psycopg2 COPY s | load_raw s | speed, of `\\copy` | peak MiB |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    )
    lines = [
        f"| {m.variant} | {m.rows:,} | {m.file_size / 1e6:.0f} | {f'{m.psql_s:.2f}' if m.psql_s else 'none'} "
        f"| {m.copy_s:.2f} | {m.load_raw_s:.2f} | {m.ratio:.2f} | {m.peak_mib:.0f} |"
        for m in measured
    ]
    return "\n".join((*head, *lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument(
        "--repeats", type=int, default=5, help="how often each way is measured; the median counts"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--load", nargs=3, metavar=("KEY", "SHA256", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        key, sha256, size = options.load
        print(json.dumps(load_once(key, sha256, int(size))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # the embedded Postgres may run as another user
        with servers(folder):
            prepare()
            measured = []
            for variant, quoting in VARIANTS.items():
                path = folder / "measurements.csv"
                make_file(path, options.rows, quoting)
                measured.append(measure(variant, path, options.rows, options.repeats))
    print(
        json.dumps([{**vars(m), "ratio": m.ratio} for m in measured], indent=1)
        if options.json
        else table(measured)
    )


if __name__ == "__main__":
    main()
