"""The time of many small deliveries of one source in one run.

    python -m benchmarks.many_deliveries [--rows N] [--repeats N] [--json]

`--rows` deliveries of 100 rows wait at the publisher: deltas onto 10,000 customers, then snapshots of 100 customers. By
one run of Headwater, from the publisher's folder to history; by a loop of plain SQL, a transaction for each file; and
by dlt's scd2, a run of its pipeline for each file, of which the first 20 are measured. By turns, each time from a fresh
copy of the database.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import starmap
from pathlib import Path

import psycopg2
import sqlalchemy as sa

from benchmarks import full_join
from benchmarks.data import COLUMNS, KEY, TYPES, date_of, delta, rolling_snapshot, snapshot
from benchmarks.measure import by_turns, peak_mib, timed
from benchmarks.ours import require_ran_well
from benchmarks.profile import Profile
from benchmarks.project import make_project, publish_queries, published
from benchmarks.report import Aim, Bar, Report, Setting, Table, parser, publish, seconds, times
from benchmarks.to_history import Took, Ways, in_process
from headwater.checks.run import _start_great_expectations
from headwater.dbt_project.dbt import Dbt
from headwater.extract.landing.store import ObjectStore
from headwater.home import home
from headwater.metadata.connection import engine
from headwater.pipeline.runners.sources import run
from headwater.project import Project

KINDS = ("delta", "snapshot")
ROWS, CUSTOMERS = 100, 10_000
OF_DLT = 20  # deliveries that dlt is measured with
AIM_S = 0.05  # seconds a delivery
LABELS = {
    "ours": "Headwater, one run, with all checks",
    "sql": "plain SQL, one by one",
    "dlt": "dlt scd2, one by one",
}


class Deliveries:
    """The deliveries of one kind, of a source of its own: the first one is in the histories already."""

    def __init__(self, setting: Setting, root: Path, kind: str) -> None:
        self._setting, self._root, self._kind, self.source = setting, root, kind, f"customers_{kind}"
        self._files = self._write()
        self._pipelines = setting.folder / f"dlt-{kind}"
        self.profile = Profile(setting.database)

    def _write(self) -> dict[datetime, Path]:
        """Write the files of all deliveries, the first one included, by their dates, which end today at the latest."""
        count, folder = self._setting.rows, self._setting.folder / self._kind
        folder.mkdir()
        queries = {step - count: self._query(step) for step in range(count + 1)}
        paths = publish_queries(folder, self.source, queries)
        return {date_of(step): path for step, path in zip(queries, paths, strict=True)}

    def _query(self, step: int) -> str:
        if self._kind == "snapshot":
            return rolling_snapshot(ROWS, step)
        if step == 0:
            return f"select null as gone, customers.* from ({snapshot(CUSTOMERS, 0)}) as customers"
        return (
            f"select case when is_delete_mark then 'yes' end as gone, {', '.join(COLUMNS)}"
            f" from ({delta(CUSTOMERS, step, ROWS)}) as customers"
        )

    def offer(self, paths: list[Path]) -> None:
        """Let the publisher offer files."""
        for path in paths:
            (published(self._root, self.source) / path.name).hardlink_to(path)

    @property
    def first(self) -> Path:
        return next(iter(self._files.values()))

    @property
    def waiting(self) -> list[Path]:
        return list(self._files.values())[1:]

    def by_headwater(self) -> Took:
        self._setting.database.restore()
        store = ObjectStore.from_environment()
        before = set(store.list(""))
        self.offer(self.waiting)
        self.profile.begin()
        program = (sys.executable, "-m", "benchmarks.many_deliveries", "--load", str(self._root), self.source)
        found = in_process(*program)
        self.statements = self.profile.statements()
        for key in set(store.list("")) - before:  # the next copy of the database must not know of this run
            store.delete(key)
        for path in self.waiting:
            (published(self._root, self.source) / path.name).unlink()
        self._require_all()
        return Took(found.pop("seconds"), found.pop("peak_mib"), found)

    def _require_all(self) -> None:
        """Stop when Headwater's history lacks a delivery."""
        loaded = self._setting.database.number(
            "select count(*) from metadata.delivery_status inner join metadata.delivery using (delivery_sqn)"
            f" where source = '{self.source}' and layer = 'historical' and status = 'loaded'"
        )
        if loaded != len(self._files):
            raise SystemExit(f"{self.source}: {loaded} deliveries in history, expected {len(self._files)}")

    def by_sql(self) -> Took:
        """Load into an empty history: the first delivery, whose seconds do not count, and all others."""
        self._setting.database.restore()
        connection = psycopg2.connect("")
        columns = ", ".join(f"{name} {kind}" for name, kind in self._columns().items())
        with connection.cursor() as cursor:
            cursor.execute(f"create temporary table delivered ({columns}) on commit delete rows")

            def load(date: datetime, path: Path) -> None:
                with path.open("rb") as file:
                    cursor.copy_expert("copy delivered from stdin (format csv, header)", file)
                for statement in full_join.script("delivered", date, is_delta=self._kind == "delta"):
                    cursor.execute(statement)
                connection.commit()

            (first_date, first), *others = self._files.items()
            load(first_date, first)
            cursor.execute(f"analyze {full_join.TABLE}")
            connection.commit()
            took = timed(lambda: list(starmap(load, others)))
        connection.close()
        return Took(took)

    def _columns(self) -> Mapping[str, str]:
        return {"gone": "text", **TYPES} if self._kind == "delta" else TYPES

    def by_dlt(self) -> Took:
        """Load the first deliveries; return the seconds that all would take."""
        self._setting.database.restore()
        shutil.rmtree(self._pipelines, ignore_errors=True)
        paths = map(str, [self.first, *self.waiting[:OF_DLT]])
        python = str(self._setting.programs / "python")
        deltas = ["--deltas"] * (self._kind == "delta")
        found = in_process(python, "-m", "benchmarks.dlt_scd2", str(self._pipelines), *paths, *deltas)
        return Took(found["mean_seconds"] * len(self.waiting), found["peak_mib"])

    def require_same(self) -> None:
        """Stop when Headwater's history differs from the one by plain SQL."""
        self._setting.database.restore()
        self.by_sql()
        by_hand = self._setting.database.rows(f"select {_FACTS} from {full_join.TABLE}")
        self.by_headwater()
        ours = self._setting.database.rows(f"select {_FACTS} from historical.{self.source}")
        if sorted(map(str, ours)) != sorted(map(str, by_hand)):
            raise SystemExit(f"{self.source}: history differs from the one by plain SQL")


_FACTS = f"{KEY}, balance, valid_from, valid_to, end_type"


def measure(setting: Setting) -> Report:
    database, root = setting.database, setting.folder / "project"
    project = make_project(root, {f"customers_{kind}": kind for kind in KINDS})
    lines = {kind: Deliveries(setting, root, kind) for kind in KINDS}
    for one in lines.values():
        one.offer([one.first])
    require_ran_well(run(project, [], lambda _: None))
    full_join.create(database)
    database.keep()
    found = {}
    for kind, one in lines.items():
        one.require_same()
        turns: dict[str, Callable[[], Took]] = {"ours": one.by_headwater, "sql": one.by_sql}
        if setting.has_peers:
            turns["dlt"] = one.by_dlt
        found[kind] = Ways.of(by_turns(turns, setting.repeats))
    return Report(
        name="many_deliveries",
        title="Many small deliveries",
        about=(
            f"{setting.rows:,} deliveries of {ROWS} rows of one source wait at the publisher: deltas (half changed,"
            f" three in ten new, two in ten marked as deleted) onto {CUSTOMERS:,} customers, or snapshots of"
            f" {ROWS} customers (5 % changed, one new, one removed). Headwater brings all of them to history in one"
            " run: discovers, lands on S3, loads, checks each delivery, and historizes. Plain SQL copies each file into"
            " a temporary table, joins, closes, inserts and commits; it lands, records and checks nothing, and ends"
            " with the same versions. dlt runs its pipeline once for each file and leaves delete marks out, which scd2"
            f" does not know: the mean of the first {OF_DLT} files, times {setting.rows:,}. Start-up does not count."
        ),
        command="python -m benchmarks.many_deliveries",
        tables=[
            *(_table(kind, ways, setting.rows) for kind, ways in found.items()),
            Table(
                "Headwater's steps:",
                ("step", *(f"{kind}s, s" for kind in found)),
                [
                    (part, *(seconds((ways.ours.parts or {}).get(part, 0.0)) for ways in found.values()))
                    for part in found["delta"].ours.parts or {}
                ],
            ),
        ],
        aims=[aim for kind, ways in found.items() for aim in _aims(kind, ways, setting.rows)],
        bars=[
            Bar(f"{LABELS[way].partition(',')[0]}, {kind}s", took.seconds, way == "ours")
            for kind, ways in found.items()
            for way, took in ways.took.items()
        ],
        profiles={f"a run over {kind}s": one.statements for kind, one in lines.items()},
        server=database.settings(),
    )


def _table(kind: str, ways: Ways, deliveries: int) -> Table:
    rows = [
        (
            LABELS[way], seconds(took.seconds), f"{took.seconds / deliveries:.4f}",
            times(took.seconds / ways.took["sql"].seconds), f"{took.peak_mib:.0f}" if took.peak_mib else "",
        )
        for way, took in ways.took.items()
    ]  # fmt: skip
    return Table(f"{kind.capitalize()}s:", ("way", "s", "s per delivery", "of plain SQL", "peak MiB"), rows)


def _aims(kind: str, ways: Ways, deliveries: int) -> list[Aim]:
    each = ways.ours.seconds / deliveries
    return [
        Aim(f"{kind}s: at most {AIM_S} s a delivery", f"{each:.3f} s", each <= AIM_S),
        *ways.at_least(10, f"{kind}s: "),
    ]


def load_once(root: Path, source: str) -> dict[str, float]:
    """Run the source from its publisher to history; return the seconds of the run and its steps, and peak memory."""
    project = Project(root, home(root))
    Dbt(root, home(root), "bench").compiled("select 1")  # start-up: dbt is imported, the project parsed
    _start_great_expectations()
    require_ran_well(run(project, [source], lambda _: None))
    with engine().connect() as connection:
        took = float(str(connection.execute(sa.text(_WHOLE)).scalar_one()))
        parts = {
            str(part): float(str(took_of_it)) for part, took_of_it in connection.execute(sa.text(_PARTS))
        }
    return {"seconds": took, "peak_mib": peak_mib(), **parts}


_WHOLE = """
select extract(epoch from ended_at - started_at) from metadata.job_inst order by job_inst_id desc limit 1
"""
_PARTS = """
select task, sum(extract(epoch from job_inst_task.ended_at - job_inst_task.started_at))
from metadata.job_inst_task
where job_inst_id = (select max(job_inst_id) from metadata.job_inst)
group by task
order by min(job_inst_task.started_at)
"""


def main() -> None:
    options = parser(__doc__, rows=1_000)
    options.add_argument("--load", nargs=2, metavar=("ROOT", "SOURCE"), help="internal: one run of a source")
    chosen = options.parse_args()
    if chosen.load:
        root, source = chosen.load
        print(json.dumps(load_once(Path(root), source)))
    else:
        publish(chosen, measure)


if __name__ == "__main__":
    main()
