"""The speed of raw loading, beside a bare `\\copy` of the same file into the same database.

    python -m benchmarks.raw_load [--rows N] [--repeats N] [--json]

Creates a file of 12 columns, once with few quotes and once with every field in quotes, and loads it alternately:
with psql's `\\copy` from a local file into a table of 12 text columns, with psycopg2's COPY of the same, and
with `load_raw` from S3 into `raw.<source>`, with line numbers and status, each in a fresh process. The same
records as JSON and as NDJSON are loaded by `load_raw`, beside COPY of the CSV.
Servers are those of the environment (PGHOST …, AWS_ENDPOINT_URL …), or embedded ones.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import sqlalchemy as sa

from benchmarks.measure import by_turns, median, peak_mib, timed
from benchmarks.report import Aim, Bar, Report, Setting, Table, parser, publish, seconds, times
from benchmarks.servers import Database, bare_copy, psql
from headwater.extract.landing.manifest import object_key
from headwater.extract.landing.register import register_landed
from headwater.extract.landing.store import ObjectStore
from headwater.extract.raw.load import load_raw
from headwater.extract.schema.raw_table import ensure_raw_table
from headwater.metadata.connection import engine
from headwater.metadata.process.deliveries import Delivery, lock_source, next_delivery_sqn
from headwater.metadata.process.migrate import upgrade
from headwater.metadata.static.model import Attribute, DataSource, Source

COLUMNS = (
    "station_id", "measured_at", "city", "country", "latitude", "longitude",
    "value", "unit", "quality", "operator", "remark", "checked_on",
)  # fmt: skip
VARIANTS = {"few quotes": csv.QUOTE_MINIMAL, "all quoted": csv.QUOTE_ALL}
JSON_FORMATS = {"NDJSON": "ndjson", "JSON": "json"}
AIM_JSON_US = 10  # microseconds a row
DATE = datetime(2026, 1, 1, tzinfo=UTC)
RAW, BARE = "raw.measurements", "bench.bare"


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

    @property
    def us_per_row(self) -> float:
        """Microseconds that load_raw takes for a row."""
        return self.load_raw_s / self.rows * 1e6

    @property
    def aim(self) -> Aim:
        """Return the aim; for JSON none, because there is no COPY of JSON."""
        if self.variant in JSON_FORMATS:
            found = f"{self.us_per_row:.1f} µs"
            return Aim(
                f"{self.variant}: at most {AIM_JSON_US} µs a row", found, self.us_per_row <= AIM_JSON_US
            )
        return Aim(
            f"{self.variant}: at least 0.6 of the speed of `\\copy`", times(self.ratio), self.ratio >= 0.6
        )


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


def make_json(path: Path, of: Path, format_name: str) -> None:
    """The records of a CSV file as JSON: latitude, longitude and value are numbers, what is blank is null."""
    with of.open(newline="", encoding="utf-8") as file, path.open("w", encoding="utf-8") as written:
        for number, record in enumerate(csv.DictReader(file)):
            members: dict[str, Any] = {name: value or None for name, value in record.items()}
            members |= {name: float(record[name]) for name in ("latitude", "longitude", "value")}
            before = "" if format_name == "ndjson" else ",\n" if number else "[\n"
            written.write(before + json.dumps(members, ensure_ascii=False) + "\n" * (format_name == "ndjson"))
        written.write("]\n" if format_name == "json" else "")


def measurement_source(format_name: str = "csv") -> Source:
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
        max_removed_pct=None, max_fallen_out_pct=None, description="", attributes=attributes,
        options={"format": format_name}, conn_str=None, conn_api=None,
    )  # fmt: skip


def land(store: ObjectStore, path: Path) -> tuple[str, str, int]:
    """Put the file on S3; return its key, sha256 and size."""
    key = object_key("measurements", 0, uuid.uuid4().hex)
    with path.open("rb") as file:
        assert store.upload_new(key, file)
        file.seek(0)
        return key, hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size


def load_once(key: str, sha256: str, size: int, format_name: str) -> tuple[float, float]:
    """Load the object as a new delivery; return seconds from begin to commit and peak memory in MiB."""
    source, store, database = measurement_source(format_name), ObjectStore.from_environment(), engine()
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


def measure(setting: Setting) -> Report:
    """Load each variant of the file in every way, alternately."""
    prepare(setting.database)
    measured = []
    for variant, quoting in VARIANTS.items():
        path = setting.folder / "measurements.csv"
        make_file(path, setting.rows, quoting)
        measured.append(measure_file(setting, variant, path, path))
    for variant, format_name in JSON_FORMATS.items():
        make_file(path, setting.rows, csv.QUOTE_MINIMAL)
        records = setting.folder / f"measurements.{format_name}"
        make_json(records, path, format_name)
        measured.append(measure_file(setting, variant, path, records, format_name))
    return report(setting, measured)


def measure_file(
    setting: Setting, variant: str, path: Path, loaded: Path, format_name: str = "csv"
) -> Measured:
    """Load one file in every way, alternately; return medians. Headwater loads `loaded`, which has the same records."""
    database, store, program = setting.database, ObjectStore.from_environment(), psql()
    peaks = []

    def by_psql() -> float:
        empty_tables(database)
        took = timed(lambda: bare_copy(str(program), BARE, path))
        require_rows(database, BARE, setting.rows)
        return took

    def by_copy() -> float:
        empty_tables(database)
        begin = time.perf_counter()
        connection = psycopg2.connect("")
        with connection, connection.cursor() as cursor, path.open("rb") as file:
            cursor.copy_expert(f"copy {BARE} from stdin (format csv, header)", file, 1 << 16)
        connection.close()
        took = time.perf_counter() - begin
        require_rows(database, BARE, setting.rows)
        return took

    def by_load_raw() -> float:
        empty_tables(database)
        key, sha256, size = land(store, loaded)
        command = [sys.executable, "-m", "benchmarks.raw_load", "--load", key, sha256, str(size), format_name]
        payload = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        took, peak = json.loads(payload)
        peaks.append(peak)
        store.delete(key)
        require_rows(database, RAW, setting.rows)
        return float(took)

    ways: dict[str, Callable[[], float]] = {"psql": by_psql, "copy": by_copy, "load_raw": by_load_raw}
    if not program:
        del ways["psql"]
    medians = {name: median(took) for name, took in by_turns(ways, setting.repeats).items()}
    return Measured(
        variant, setting.rows, loaded.stat().st_size, medians.get("psql"), medians["copy"], medians["load_raw"],
        max(peaks),
    )  # fmt: skip


def prepare(database: Database) -> None:
    """Create process metadata, both tables and a job instance."""
    upgrade(database.engine)
    with database.engine.begin() as connection:
        ensure_raw_table(connection, measurement_source())
        connection.execute(sa.text("create schema bench"))
        connection.execute(sa.text(f"create table {BARE} ({', '.join(f'{name} text' for name in COLUMNS)})"))
        connection.execute(
            sa.text(
                "insert into metadata.job_inst (job, run_id, parameters, status, started_at)"
                " values ('bench', 'bench', '{}', 'running', now())"
            )
        )


def empty_tables(database: Database) -> None:
    """Empty both tables and write a checkpoint, so that every measurement begins with the same state."""
    database.execute(f"truncate {RAW}, {BARE}")
    database.execute("checkpoint")


def require_rows(database: Database, table: str, rows: int) -> None:
    """Stop the benchmark if a way did not load all rows."""
    found = database.number(f"select count(*) from {table}")
    if found != rows:
        raise SystemExit(f"{table} has {found} rows, expected {rows}")


def report(setting: Setting, measured: list[Measured]) -> Report:
    """Return the results and the aims."""
    return Report(
        name="raw_load",
        title="Raw load",
        about=(
            f"The same file of {setting.rows:,} rows and 12 columns, once with quotes where they are needed and once"
            " with every field in quotes: by psql's `\\copy` and by psycopg2's COPY from the local disk into a table of"
            " text columns, and by Headwater from S3 into raw, decoded and checked, with line number, delivery and job"
            " instance on each row, counts and status in the same transaction, in a fresh process each time. The same"
            " records as NDJSON and as JSON are loaded by Headwater, beside the CSV by the others."
        ),
        command="python -m benchmarks.raw_load",
        tables=[
            Table(
                "",
                (
                    "file", "MB", "psql `\\copy` s", "psycopg2 COPY s", "Headwater s", "speed, of `\\copy`",
                    "µs a row", "peak MiB",
                ),
                [
                    (
                        m.variant, f"{m.file_size / 1e6:.0f}", seconds(m.psql_s) if m.psql_s else "none",
                        seconds(m.copy_s), seconds(m.load_raw_s), times(m.ratio), f"{m.us_per_row:.1f}",
                        f"{m.peak_mib:.0f}",
                    )
                    for m in measured
                ],
            )
        ],
        aims=[
            aim
            for m in measured
            for aim in (
                m.aim,
                Aim(f"{m.variant}: peak memory below 300 MiB", f"{m.peak_mib:.0f} MiB", m.peak_mib < 300),
            )
        ],
        bars=[
            bar
            for m in measured
            for bar in (
                Bar(f"Headwater, {m.variant}", m.load_raw_s, True),
                Bar(f"bare \\copy, {m.variant}", m.psql_s or m.copy_s, False),
            )
        ],
        profiles={},
        server=setting.database.settings(),
    )  # fmt: skip


def main() -> None:
    options = parser(__doc__, rows=1_000_000)
    options.add_argument(
        "--load", nargs=4, metavar=("KEY", "SHA256", "SIZE", "FORMAT"), help="internal: one load"
    )
    chosen = options.parse_args()
    if chosen.load:
        key, sha256, size, format_name = chosen.load
        print(json.dumps(load_once(key, sha256, int(size), format_name)))
    else:
        publish(chosen, measure)


if __name__ == "__main__":
    main()
