"""The speed from a file to history, beside dlt's scd2 and a bare `\\copy` of the same file.

    python -m benchmarks.file_to_history [--rows N] [--repeats N] [--json]

The second snapshot of `--rows` customers as a CSV file: by a run of Headwater (raw, staging, checks, historical; the
file has landed), by dlt's merge strategy scd2, and by psql's `\\copy` into a table of text columns. By turns, each
time in a fresh process and from a fresh copy of the database.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg2
import sqlalchemy as sa

from benchmarks.data import COLUMNS
from benchmarks.measure import by_turns, median, peak_mib, timed
from benchmarks.ours import ChangeCounts, require_change_counts, require_ran_well, run_of_landed
from benchmarks.profile import Profile
from benchmarks.project import make_project, publish_snapshot
from benchmarks.report import Aim, Bar, Report, Setting, Table, parser, publish, seconds, times
from benchmarks.servers import Database, bare_copy, psql
from headwater.checks.run import _start_great_expectations
from headwater.dbt_project.dbt import Dbt
from headwater.extract.landing.store import ObjectStore
from headwater.extract.run import extract_source
from headwater.home import home
from headwater.metadata.connection import engine
from headwater.metadata.static.read import read_catalog
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.runners.sources import run
from headwater.project import Project

SOURCE = "customers"
BARE = "bench.bare"
PARTS = (StepName.LOAD_RAW, StepName.STAGE, StepName.CHECK, StepName.HISTORIZE)
MOST_MIB = 300


def measure(setting: Setting) -> Report:
    database, rows = setting.database, setting.rows
    project = make_project(setting.folder / "project", {SOURCE: "snapshot"})
    profile = Profile(database)
    first, second = (publish_snapshot(project.root, SOURCE, rows, step) for step in (0, 1))
    dlt = _Dlt(setting)
    _load_first(setting, project, dlt, first, second)
    landed = set(ObjectStore.from_environment().list(""))
    profiles = {}
    program = psql()

    def by_headwater() -> dict[str, float]:
        database.restore()
        profile.begin()
        payload = _in_process(sys.executable, "-m", "benchmarks.file_to_history", "--load", str(project.root))
        profiles["a run of Headwater"] = profile.statements()
        store = ObjectStore.from_environment()
        for key in (
            set(store.list("")) - landed
        ):  # the verdict, which the next copy of the database must not know
            store.delete(key)
        return payload

    def by_dlt() -> dict[str, float]:
        database.restore()
        profile.begin()
        payload = dlt.load(second, again=True)
        profiles["dlt"] = profile.statements()
        require_change_counts(_change_counts_of_dlt(database), expected, "dlt")
        return payload

    def by_copy() -> dict[str, float]:
        database.restore()
        if program:
            return {"seconds": timed(lambda: bare_copy(program, BARE, second))}
        return {"seconds": timed(lambda: _copy(second))}

    by_headwater()  # what dlt must come to
    expected = _change_counts(database)
    ways: dict[str, Callable[[], dict[str, float]]] = {"ours": by_headwater, "dlt": by_dlt, "copy": by_copy}
    payload = by_turns(ways, setting.repeats)
    ours, theirs, copy = (median(one["seconds"] for one in payload[way]) for way in ways)
    parts = [(part, median(one[part] for one in payload["ours"])) for part in PARTS]
    our_peak, their_peak = (max(one["peak_mib"] for one in payload[way]) for way in ("ours", "dlt"))
    lines = [
        ("Headwater, whole", ours, our_peak),
        ("dlt scd2", theirs, their_peak),
        ("bare `\\copy`", copy, None),
    ]
    return Report(
        name="file_to_history",
        title="From file to history",
        about=(
            f"The second snapshot of {rows:,} customers as a CSV file of {second.stat().st_size / 1e6:.0f} MB:"
            f" {expected.changed:,} changed, {expected.new:,} new, {expected.removed:,} removed. Headwater loads it"
            " from S3 into raw, stages, checks (all built-in checks, the removal guard, three expectations) and"
            " historizes it; dlt reads the same file with Arrow, hashes rows with its own helper, loads them by"
            " ADBC and merges by scd2,"
            " checking nothing. Each in a fresh process; imports and dbt's parsing do not count, the peak memory is"
            " the process's own, libraries included (Postgres and S3 are others). `\\copy` goes into a table of text"
            " columns without an index."
        ),
        command="python -m benchmarks.file_to_history",
        tables=[
            Table(
                "",
                ("way", "s", "of dlt", "of `\\copy`", "peak MiB"),
                [
                    (what, seconds(took), times(took / theirs), times(took / copy), f"{peak:.0f}" if peak else "")
                    for what, took, peak in lines
                ],
            ),
            Table(
                "Headwater's steps:", ("step", "s"),
                [(part, seconds(took)) for part, took in parts]
                + [("between them", seconds(ours - sum(took for _, took in parts)))],
            ),
        ],
        aims=[
            Aim("at least 3 times as fast as dlt", times(theirs / ours), theirs >= 3 * ours),
            Aim("better: 5 times", times(theirs / ours), theirs >= 5 * ours),
            Aim("which was about 2.5 times the bare `\\copy`", times(ours / copy), ours <= 2.5 * copy),
            Aim(f"peak memory below {MOST_MIB} MiB", f"{our_peak:.0f} MiB", our_peak < MOST_MIB),
        ],
        bars=[
            Bar("Headwater, with all checks", ours, True),
            Bar("dlt scd2", theirs, False),
            Bar("bare \\copy, no history", copy, False),
        ],
        profiles=profiles,
        server=database.settings(),
    )  # fmt: skip


def load_once(root: Path) -> dict[str, float]:
    """Run the landed delivery to history; return the recorded seconds of the steps, and peak memory in MiB."""
    project = Project(root, home(root))
    whole = run_of_landed(project)
    Dbt(root, home(root), whole.run_id).compiled("select 1")  # start-up: dbt is imported, the project parsed
    _start_great_expectations()
    require_ran_well(whole.whole())
    with engine().connect() as connection:
        tasks = connection.execute(
            sa.text(
                "select task, job_inst_task.started_at, job_inst_task.ended_at from metadata.job_inst_task"
                " inner join metadata.job_inst using (job_inst_id) where run_id = :run_id and task = any(:parts)"
            ),
            {"run_id": whole.run_id, "parts": list(PARTS)},
        ).all()
    took: dict[str, float] = dict.fromkeys(PARTS, 0.0)
    for task in tasks:
        took[task.task] += (task.ended_at - task.started_at).total_seconds()
    seconds_of_all = max(task.ended_at for task in tasks) - min(task.started_at for task in tasks)
    return {"seconds": seconds_of_all.total_seconds(), "peak_mib": peak_mib(), **took}


class _Dlt:
    """The pipeline of dlt, whose working folder is the one after the first load."""

    def __init__(self, setting: Setting) -> None:
        self._python = str(setting.programs / "python")
        self._kept, self._working = setting.folder / "dlt-kept", setting.folder / "dlt"

    def load(self, path: Path, *, again: bool) -> dict[str, float]:
        shutil.rmtree(self._working, ignore_errors=True)
        if again:
            shutil.copytree(self._kept, self._working)
        payload = _in_process(self._python, "-m", "benchmarks.dlt_scd2", str(path), str(self._working))
        if not again:
            shutil.copytree(self._working, self._kept)
        return payload


def _load_first(setting: Setting, project: Project, dlt: _Dlt, first: Path, second: Path) -> None:
    """Load the first file into both histories, land the second one, and keep this state."""
    database = setting.database
    aside = second.rename(setting.folder / second.name)
    require_ran_well(run(project, [SOURCE], lambda _: None))
    dlt.load(first, again=False)
    aside.rename(second)
    source, store = read_catalog(project.seeds).sources[SOURCE], ObjectStore.from_environment()
    job_inst_id = database.number("select max(job_inst_id) from metadata.job_inst")
    extract_source(database.engine, store, source, job_inst_id, _unreported)
    database.execute("create schema bench")
    database.execute(f"create table {BARE} ({', '.join(f'{name} text' for name in COLUMNS)})")
    database.keep()


def _copy(path: Path) -> None:
    connection = psycopg2.connect("")
    with connection, connection.cursor() as cursor, path.open("rb") as file:
        cursor.copy_expert(f"copy {BARE} from stdin (format csv, header)", file, 1 << 16)
    connection.close()


def _in_process(*command: str) -> dict[str, float]:
    """Run a program and return the JSON of its last line."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _change_counts(database: Database) -> ChangeCounts:
    [row] = database.rows(
        "select new_count, changed_count, removed_count, unchanged_count from metadata.delivery_status"
        " where layer = 'historical' order by delivery_sqn desc limit 1"
    )
    return ChangeCounts(*(int(str(count)) for count in row))


def _change_counts_of_dlt(database: Database) -> ChangeCounts:
    table = "dlt_customers.customers"
    begun = database.number(
        f"select count(*) from {table} where _dlt_valid_from = (select max(_dlt_valid_from) from {table})"
    )
    ended = database.number(f"select count(*) from {table} where _dlt_valid_to is not null")
    again = f"select from {table} as later where later.customer = t.customer and later._dlt_valid_to is null"
    removed = database.number(
        f"select count(*) from {table} as t where _dlt_valid_to is not null and not exists ({again})"
    )
    changed = ended - removed
    current = database.number(f"select count(*) from {table} where _dlt_valid_to is null")
    return ChangeCounts(new=begun - changed, changed=changed, removed=removed, unchanged=current - begun)


def _unreported(level: str, message: str, **_: object) -> None:
    if level == "error":
        raise SystemExit(message)


def main() -> None:
    options = parser(__doc__, rows=1_000_000)
    options.add_argument("--load", type=Path, metavar="ROOT", help="internal: one run of the project in ROOT")
    chosen = options.parse_args()
    if chosen.load:
        print(json.dumps(load_once(chosen.load)))
    else:
        publish(chosen, measure)


if __name__ == "__main__":
    main()
