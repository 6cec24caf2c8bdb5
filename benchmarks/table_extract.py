"""The time and memory of landing a database table, beside COPY, pg_dump and dlt.

    python -m benchmarks.table_extract [--rows N] [--repeats N] [--json]

The table of customers in Postgres goes, alternately, through psql's `\\copy` to nowhere and into gzip, through pg_dump,
to Parquet by dlt's sql_database with connectorx, and to S3 by `extract_source`, as a `small` and as a `large` one. The
table `indexes` of cpi, 1.7 million rows in SQLite, goes through the sqlite3 and csv modules into gzip, by dlt, and by
`extract_source`. Servers are those of the environment (PGHOST …, AWS_ENDPOINT_URL …), or embedded ones.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import time
import uuid
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from benchmarks.data import COLUMNS, KEY, snapshot
from benchmarks.measure import by_turns, median, run_watched
from benchmarks.report import Aim, Bar, Report, Setting, Table, parser, publish, seconds, times
from benchmarks.servers import psql
from headwater.demo.packages import Package, fetch
from headwater.extract.landing.store import ObjectStore
from headwater.extract.run import extract_source
from headwater.extract.sources.sql.connect import engine_of
from headwater.extract.sources.sql.parts import Packer
from headwater.extract.sources.sql.queries import Question
from headwater.extract.sources.sql.reader import reading
from headwater.metadata.connection import engine
from headwater.metadata.process.migrate import upgrade
from headwater.metadata.static.model import Attribute, ConnStr, DataSource, Source, Tbl
from headwater.metadata.static.source_types import usual_options
from headwater.services import postgres

CUSTOMERS = "bench.customers"
CPI = Package(
    "cpi==2.0.8",
    "cpi-2.0.8-py2.py3-none-any.whl",
    "7fbea1b9404f88f38336f499b7c29528f6d5ae29d9ad9028e155ad992d52c793",
)
INDEXES = ("series", "year", "period", "value")
MOST_MIB, LEAST_OF_CONNECTORX = 400, 0.5
DLT = "dlt sql_database, connectorx, to Parquet"
BY_HAND = """
import csv, gzip, sqlite3, sys
with gzip.open(sys.argv[2], "wt", newline="", encoding="utf-8") as file:
    rows = csv.writer(file)
    rows.writerows(sqlite3.connect(sys.argv[1]).execute("select * from indexes"))
"""


@dataclass(frozen=True)
class Took:
    """One measurement: seconds, the peak of all its processes in MiB, and what it left behind, in bytes."""

    seconds: float
    peak_mib: float
    size: int | None = None


def source_of(place: str, data_size: str) -> Source:
    """The metadata of a table: `place` is a file of SQLite, or nothing for the Postgres of the environment."""
    if place:
        columns: tuple[str, ...] = INDEXES
        keys, table = 3, "indexes"
        conn = ConnStr("file", "bench", None, place, None, None, None, "sqlite://", None)
    else:
        columns, keys, table = COLUMNS, 1, CUSTOMERS
        server, name, user = (os.environ[f"PG{what}"] for what in ("HOST", "DATABASE", "USER"))
        port = os.environ.get("PGPORT", "5432")
        secret = "env:PGPASSWORD" if os.environ.get("PGPASSWORD") else None
        conn = ConnStr("server", "bench", f"{server}:{port}", name, user, secret, None, None, None)
    source = f"extracted_{uuid.uuid4().hex}"  # nothing of it has landed yet
    attributes = tuple(
        Attribute(source, name, name, "text", None, (), number < keys, number >= keys, False, name)
        for number, name in enumerate(columns)
    )
    return Source(
        name=source, job=source, data_source=DataSource("bench", "rdbms", ""), owner="bench", schedule="once",
        geographic_granularity="world", delivery_type="snapshot", extract_function=None, wrangle_function=None,
        quality_checks=(), load_new=True, load_changed=True, load_removed=True, on_null_key="fall_out",
        on_duplicate_key="halt", on_unknown_column="keep", max_removed_pct=None, max_fallen_out_pct=None,
        description="", attributes=attributes, options=dict(usual_options("rdbms")), conn_str=conn, conn_api=None,
        tbl=Tbl(table, "bench", None, data_size),  # type: ignore[arg-type]
    )  # fmt: skip


def extract_once(place: str, data_size: str) -> dict[str, int | float]:
    """Land a table; return the seconds until the delivery is recorded, its records and the bytes on S3."""
    source, store, database = source_of(place, data_size), ObjectStore.from_environment(), engine()
    with database.connect() as connection:
        job_inst_id: int = connection.execute(
            sa.text("select max(job_inst_id) from metadata.job_inst")
        ).scalar_one()
    begin = time.perf_counter()
    summary = extract_source(database, store, source, job_inst_id, _unreported)
    took = time.perf_counter() - begin
    [delivery] = summary.landed
    store.delete(store.key(delivery.delivery_filename))
    return {"seconds": took, "rows": int(delivery.fingerprint["records"]), "size": delivery.file_size}


def parts_of_it(place: str) -> dict[str, float]:
    """Return the CPU seconds of our process for a `small` table, by part of the work."""
    source, packer = source_of(place, "small"), Packer()
    spent = dict.fromkeys(("write", "take"), 0.0)

    def counted(name: str, work: Callable[[bytes], None]) -> Callable[[bytes], None]:
        def run(text: bytes) -> None:
            begin = time.process_time()
            work(text)
            spent[name] += time.process_time() - begin

        return run

    packer._tally.take = counted("take", packer._tally.take)  # type: ignore[method-assign,assignment]
    begin = time.process_time()
    with reading(engine_of(source)) as reader:
        reader.write_rows(Question(source).statement(reader.dialect), counted("write", packer.write))
    read = time.process_time() - begin
    begin = time.process_time()
    extract_once(place, "small")
    whole = time.process_time() - begin
    return {
        "rows come from the database, in blocks": read - spent["write"],
        "digest and count": spent["take"],
        "packing, into a temporary file": spent["write"] - spent["take"],
        "sha256, S3, manifest and record": whole - read,
    }


def measure(setting: Setting) -> Report:
    """Extract both tables in every way, alternately."""
    file = prepare(setting)
    folder = setting.folder / "extracted"

    def emptied() -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        setting.database.execute("checkpoint")
        return folder

    def by_program(*command: str) -> Callable[[], Took]:
        def run() -> Took:
            out = emptied() / "out"
            _, took, peak = run_watched(*(part.replace("OUT", str(out)) for part in command))
            return Took(took, peak, out.stat().st_size if out.exists() else None)

        return run

    def by_dlt(address: str, schema: str, table: str, rows: int) -> Callable[[], Took]:
        def run() -> Took:
            into, module = str(emptied()), "benchmarks.dlt_table"
            program = str(setting.programs / "python")
            payload, _, peak = run_watched(program, "-m", module, address, schema, table, into)
            found = json.loads(payload.splitlines()[-1])
            require_rows("dlt", found["rows"], rows)
            size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
            return Took(found["seconds"], peak, size)

        return run

    def by_us(place: str, data_size: str, rows: int) -> Callable[[], Took]:
        def run() -> Took:
            emptied()
            payload, _, peak = run_watched(
                sys.executable, "-m", "benchmarks.table_extract", "--extract", place, data_size
            )
            found = json.loads(payload)
            require_rows("Headwater", found["rows"], rows)
            return Took(found["seconds"], peak, found["size"])

        return run

    user, password = os.environ["PGUSER"], os.environ.get("PGPASSWORD", "none")
    server = f"{os.environ['PGHOST']}:{os.environ.get('PGPORT', '5432')}/{os.environ['PGDATABASE']}"
    from_postgres: dict[str, Callable[[], Took]] = {
        "Headwater, `small`, to S3": by_us("", "small", setting.rows),
        "Headwater, `large`, to S3": by_us("", "large", setting.rows),
    }
    if setting.has_peers:
        address = f"postgresql+psycopg2://{user}:{password}@{server}"
        from_postgres[DLT] = by_dlt(address, "bench", "customers", setting.rows)
    from_postgres |= {name: by_program(*command) for name, command in programs_beside().items()}
    in_file = sqlite3.connect(file).execute("select count(*) from indexes").fetchone()[0]
    from_sqlite: dict[str, Callable[[], Took]] = {
        "Headwater, to S3": by_us(str(file), "large", in_file),
        "sqlite3, csv and gzip of Python": by_program(sys.executable, "-c", BY_HAND, str(file), "OUT"),
    }
    if setting.has_peers:
        from_sqlite[DLT] = by_dlt(f"sqlite:///{file}", "", "indexes", in_file)
    measured = [
        {name: summed(took) for name, took in by_turns(ways, setting.repeats).items()}
        for ways in (from_postgres, from_sqlite)
    ]
    profiles = [parts_by_program(place, setting.repeats) for place in ("", str(file))]
    return report(setting, in_file, measured, profiles)


def programs_beside() -> dict[str, tuple[str, ...]]:
    """Return the commands of Postgres that write the table to OUT; none without psql."""
    program, copy = psql(), rf"\copy {CUSTOMERS} to "
    if program is None:
        return {}
    return {
        "`\\copy` to nowhere": (program, "-qXc", f"{copy}'/dev/null'"),
        "`\\copy`, gzip -1": (program, "-qXc", f"{copy}program 'gzip -1 > OUT'"),
        "`\\copy`, gzip": (program, "-qXc", f"{copy}program 'gzip > OUT'"),
        "pg_dump -Fc": (str(postgres.binaries() / "pg_dump"), "-Fc", "-a", "-t", CUSTOMERS, "-f", "OUT"),
    }


def prepare(setting: Setting) -> Path:
    """Create process metadata, a job instance and the table in Postgres; return the file of SQLite."""
    database = setting.database
    upgrade(database.engine)
    database.execute(
        "insert into metadata.job_inst (job, run_id, parameters, status, started_at)"
        " values ('bench', 'bench', '{}', 'running', now())"
    )
    database.execute("create schema bench")
    database.execute(f"create table {CUSTOMERS} as {snapshot(setting.rows, 0)}")
    database.execute(f"alter table {CUSTOMERS} add primary key ({KEY})")
    database.execute(f"vacuum (analyze) {CUSTOMERS}")
    packages = setting.home / "demo" / "packages"
    fetch(packages, lambda message: print(message, file=sys.stderr), (CPI,))
    file = setting.folder / "cpi.db"
    with zipfile.ZipFile(packages / CPI.file).open("cpi/cpi.db") as packed, file.open("wb") as unpacked:
        shutil.copyfileobj(packed, unpacked)
    return file


def parts_by_program(place: str, repeats: int) -> dict[str, float]:
    """Return medians of `parts_of_it`, each time in a fresh process."""

    def run() -> dict[str, float]:
        payload, _, _ = run_watched(sys.executable, "-m", "benchmarks.table_extract", "--parts", place)
        found: dict[str, float] = json.loads(payload)
        return found

    found = [run() for _ in range(repeats)]
    return {what: median(one[what] for one in found) for what in found[0]}


def require_rows(what: str, found: int, rows: int) -> None:
    """Stop the benchmark if rows are missing."""
    if found != rows:
        raise SystemExit(f"{what} has {found} rows, expected {rows}")


def summed(took: list[Took]) -> Took:
    """Return the median of the seconds and the greatest peak."""
    return Took(median(one.seconds for one in took), max(one.peak_mib for one in took), took[-1].size)


def report(
    setting: Setting,
    in_file: int,
    measured: list[dict[str, Took]],
    profiles: list[dict[str, float]],
) -> Report:
    """Return the results and the aims."""
    customers, indexes = measured
    small, large = list(customers.values())[:2]
    ours, by_hand = list(indexes.values())[:2]
    dlt, dlt_of_file = customers.get(DLT), indexes.get(DLT)
    gzip = customers.get("`\\copy`, gzip")
    peak = max(one.peak_mib for one in (small, large, ours))
    return Report(
        name="table_extract",
        title="Table to landed delivery",
        about=(
            f"A table of {setting.rows:,} customers in Postgres, and the table `indexes` of cpi 2.0.8 with"
            f" {in_file:,} rows in SQLite. Headwater reads them in one transaction (`large`: four ranges of the key in"
            " one exported snapshot, side by side), tells by a digest whether the rows are those of last time, packs"
            " them, lands them on S3 and records the delivery. The others write a file: nothing is compared, hashed or"
            " recorded. Each in a fresh process; imports do not count. The peak is that of all processes of a way"
            " together, without those of Postgres and S3. Sling is not compared with: its package downloads the"
            " program from a code host."
        ),
        command="python -m benchmarks.table_extract",
        tables=[
            _table(f"Postgres, {setting.rows:,} rows:", customers, large),
            _table(f"SQLite, {in_file:,} rows:", indexes, ours),
            _profile(profiles),
        ],
        aims=[
            *(
                Aim(f"Postgres, `{size}`: at least as fast as {what}", times(their.seconds / one.seconds),
                    their.seconds >= one.seconds)
                for size, one in (("small", small), ("large", large))
                for what, their in (("dlt with connectorx", dlt), ("`\\copy` into gzip", gzip))
                if their is not None
            ),
            Aim("SQLite: at least as fast as sqlite3, csv and gzip by hand",
                times(by_hand.seconds / ours.seconds), by_hand.seconds >= ours.seconds),
            *(
                [Aim(f"SQLite: at least {LEAST_OF_CONNECTORX} of the speed of dlt with connectorx",
                     times(dlt_of_file.seconds / ours.seconds),
                     dlt_of_file.seconds >= LEAST_OF_CONNECTORX * ours.seconds)]
                if dlt_of_file else []
            ),
            Aim("Postgres: `large` not slower than `small`",
                times(small.seconds / large.seconds), large.seconds <= small.seconds),
            Aim(f"peak memory of all processes below {MOST_MIB} MiB", f"{peak:.0f} MiB", peak < MOST_MIB),
        ],
        bars=[
            Bar("Headwater, large, to S3", large.seconds, True),
            Bar("Headwater, small, to S3", small.seconds, True),
            *([] if gzip is None else [Bar("\\copy into gzip", gzip.seconds, False)]),
            *([] if dlt is None else [Bar("dlt, connectorx, to Parquet", dlt.seconds, False)]),
        ],
        profiles={},
        server=setting.database.settings(),
    )  # fmt: skip


def _table(title: str, ways: Mapping[str, Took], ours: Took) -> Table:
    return Table(
        title,
        ("way", "s", "of Headwater", "peak MiB", "MB"),
        [
            (
                name, seconds(one.seconds), times(one.seconds / ours.seconds), f"{one.peak_mib:.0f}",
                f"{one.size / 1e6:.0f}" if one.size else "",
            )
            for name, one in ways.items()
        ],
    )  # fmt: skip


def _profile(profiles: list[dict[str, float]]) -> Table:
    rows = [(what, *(seconds(one[what]) for one in profiles)) for what in profiles[0]]
    return Table(
        "What a `small` one costs its process, in seconds of CPU:", ("step", "Postgres", "SQLite"), rows
    )


def _unreported(level: str, message: str, **_: object) -> None:
    if level == "error":
        raise SystemExit(message)


def main() -> None:
    options = parser(__doc__, rows=10_000_000)
    options.add_argument("--extract", nargs=2, metavar=("PLACE", "SIZE"), help="internal: one landing")
    options.add_argument("--parts", metavar="PLACE", help="internal: the steps of one")
    chosen = options.parse_args()
    if chosen.extract:
        print(json.dumps(extract_once(*chosen.extract)))
    elif chosen.parts is not None:
        print(json.dumps(parts_of_it(chosen.parts)))
    else:
        publish(chosen, measure)


if __name__ == "__main__":
    main()
