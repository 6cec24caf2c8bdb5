"""The ways of a customers' file into history: a run of Headwater, dlt's scd2, and a bare `\\copy` beside them.

    python -m benchmarks.to_history ROOT     one run of the project in ROOT over what has landed, for the benchmarks

Each time in a fresh process and from a fresh copy of the database. Landing is not measured.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg2
import sqlalchemy as sa

from benchmarks.data import WIDTH, types_of
from benchmarks.measure import by_turns, median, peak_mib, timed
from benchmarks.ours import ChangeCounts, require_change_counts, require_ran_well, run_of_landed
from benchmarks.profile import Profile, Statement
from benchmarks.project import make_project, publish_queries, published
from benchmarks.report import Aim, Bar, Setting, Table, seconds, times
from benchmarks.servers import Database, bare_copy, psql
from headwater.checks.run import _start_great_expectations
from headwater.dbt_project.dbt import Dbt
from headwater.extract.landing.store import ObjectStore
from headwater.extract.run import extract_source
from headwater.home import home
from headwater.metadata.connection import engine
from headwater.metadata.process.migrate import upgrade
from headwater.metadata.static.read import read_catalog
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.runners.sources import run
from headwater.project import Project

SOURCE = "customers"
BARE = "bench.bare"
PARTS = (StepName.LOAD_RAW, StepName.STAGE, StepName.CHECK, StepName.HISTORIZE)
RECOGNISE = (
    "HEADWATER_RECOGNISE"  # `off`: rows that say what the current version says are loaded like all others
)
LABELS = {"ours": "Headwater, with all checks", "dlt": "dlt scd2", "copy": "bare \\copy, no history"}


@dataclass(frozen=True)
class Took:
    """One measurement; `parts` are the seconds of Headwater's steps."""

    seconds: float
    peak_mib: float | None = None
    parts: Mapping[str, float] | None = None


class ToHistory:
    """One source of customers, and the files of its publisher."""

    def __init__(self, setting: Setting, width: int = WIDTH) -> None:
        self.database, self.profile = setting.database, Profile(setting.database)
        self.profiles: dict[str, Sequence[Statement]] = {}
        self.project = make_project(setting.folder / "project", {SOURCE: "snapshot"}, width)
        self._files, self._program = setting.folder / "files", psql()
        self._files.mkdir()
        self._dlt = _Dlt(setting, width) if setting.has_peers else None
        upgrade(self.database.engine)
        self.database.execute("create schema bench")
        self.database.execute(
            f"create table {BARE} ({', '.join(f'{name} text' for name in types_of(width))})"
        )
        self.database.execute(
            "insert into metadata.job_inst (job, run_id, parameters, status, started_at, ended_at)"
            " values ('bench', 'bench', '{}', 'succeeded', now(), now())"
        )

    def write(self, step: int, query: str) -> Path:
        """Write the rows of a query as the file of a step, which the publisher does not offer yet."""
        [path] = publish_queries(self._files, SOURCE, {step: query})
        return path

    def begin(self, first: Path | None = None) -> None:
        """Load the first file into the histories, if there is one, and keep this state for every measurement."""
        if first:
            self._offer(first)
            require_ran_well(run(self.project, [SOURCE], lambda _: None))
            if self._dlt:
                self._dlt.load(first)
                self._dlt.keep()
        self.database.keep()

    def compare(self, path: Path, expected: ChangeCounts, repeats: int) -> Ways:
        """Load a file by every way, alternately; stop if a history differs from what is expected."""

        def checked(way: str, load: Callable[[Path], Took]) -> Took:
            took = load(path)
            require_change_counts(self.change_counts(way), expected, LABELS[way])
            return took

        turns = {"ours": partial(checked, "ours", self.by_headwater), "copy": partial(self._by_copy, path)}
        if self._dlt:
            turns["dlt"] = partial(checked, "dlt", self._by_dlt)
        found = by_turns(turns, repeats)
        return Ways.of({way: found[way] for way in LABELS if way in found})

    def by_headwater(self, path: Path, environ: Mapping[str, str] | None = None) -> Took:
        """Load a file by a run of Headwater, from a fresh copy of the database."""
        self.database.restore()
        store = ObjectStore.from_environment()
        before = set(store.list(""))
        offered = self._land(path)
        self.database.execute("checkpoint")
        self.profile.begin()
        found = in_process(
            sys.executable, "-m", "benchmarks.to_history", str(self.project.root), environ=environ
        )
        self.profiles["a run of Headwater"] = self.profile.statements()
        for key in set(store.list("")) - before:  # the next copy of the database must not know of this run
            store.delete(key)
        offered.unlink()
        return Took(found.pop("seconds"), found.pop("peak_mib"), found)

    def change_counts(self, way: str = "ours") -> ChangeCounts:
        """Return the changes of the last loaded file, in the history of a way."""
        return _change_counts_of_dlt(self.database) if way == "dlt" else _change_counts(self.database)

    def _by_dlt(self, path: Path) -> Took:
        assert self._dlt
        self.database.restore()
        self.profile.begin()
        took = self._dlt.load(path)
        self.profiles["dlt"] = self.profile.statements()
        return took

    def _by_copy(self, path: Path) -> Took:
        program = self._program
        self.database.restore()
        return Took(timed(lambda: bare_copy(program, BARE, path) if program else _copy(path)))

    def _offer(self, path: Path) -> Path:
        """Let the publisher offer a file; return it as it does."""
        offered = published(self.project.root, SOURCE) / path.name
        offered.hardlink_to(path)
        return offered

    def _land(self, path: Path) -> Path:
        offered = self._offer(path)
        source, store = read_catalog(self.project.seeds).sources[SOURCE], ObjectStore.from_environment()
        job_inst_id = self.database.number("select max(job_inst_id) from metadata.job_inst")
        extract_source(self.database.engine, store, source, job_inst_id, _unreported)
        return offered


class _Dlt:
    """The pipeline of dlt; every load begins with the kept working folder, or with none."""

    def __init__(self, setting: Setting, width: int) -> None:
        self._python, self._width = str(setting.programs / "python"), width
        self._kept, self._working = setting.folder / "dlt-kept", setting.folder / "dlt"

    def load(self, path: Path) -> Took:
        shutil.rmtree(self._working, ignore_errors=True)
        if self._kept.exists():
            shutil.copytree(self._kept, self._working)
        program = (self._python, "-m", "benchmarks.dlt_scd2")
        found = in_process(*program, "--width", str(self._width), str(self._working), str(path))
        return Took(found["seconds"], found["peak_mib"])

    def keep(self) -> None:
        shutil.copytree(self._working, self._kept)


@dataclass(frozen=True)
class Ways:
    """The medians of the seconds of each way, and its greatest peak."""

    took: Mapping[str, Took]

    @classmethod
    def of(cls, found: Mapping[str, Sequence[Took]]) -> Ways:
        return cls({way: _summed(took) for way, took in found.items()})

    @property
    def ours(self) -> Took:
        return self.took["ours"]

    def speed(self, way: str) -> float:
        """Return how many times as fast as the other way Headwater is."""
        return self.took[way].seconds / self.ours.seconds

    def table(self, title: str = "") -> Table:
        others = [way for way in self.took if way != "ours"]
        rows = [
            (
                LABELS[way].replace("\\copy", "`\\copy`"),
                seconds(one.seconds),
                *(times(one.seconds / self.took[other].seconds) for other in others),
                f"{one.peak_mib:.0f}" if one.peak_mib else "",
            )
            for way, one in self.took.items()
        ]
        names = {"dlt": "of dlt", "copy": "of `\\copy`"}
        return Table(title, ("way", "s", *(names[other] for other in others), "peak MiB"), rows)

    def parts(self, title: str = "Headwater's steps:") -> Table:
        parts = self.ours.parts or {}
        between = self.ours.seconds - sum(parts.values())
        rows = [(part, seconds(took)) for part, took in [*parts.items(), ("between them", between)]]
        return Table(title, ("step", "s"), rows)

    def at_least(self, times_as_fast: float, what: str = "") -> list[Aim]:
        """Return the aim to be so many times as fast as dlt; none without dlt."""
        if "dlt" not in self.took:
            return []
        speed = self.speed("dlt")
        words = "not slower than" if times_as_fast == 1 else f"at least {times_as_fast:g} times as fast as"
        return [Aim(f"{what}{words} dlt", times(speed), speed >= times_as_fast)]

    def of_copy(self, most: float, what: str = "") -> Aim:
        """Return the aim to take at most so many times what the bare `\\copy` takes."""
        ratio = 1 / self.speed("copy")
        return Aim(f"{what}at most {most:g} times the bare `\\copy`", times(ratio), ratio <= most)

    def memory(self, most_mib: float, what: str = "") -> Aim:
        peak = self.ours.peak_mib or 0.0
        return Aim(f"{what}peak memory below {most_mib:g} MiB", f"{peak:.0f} MiB", peak < most_mib)

    def bars(self, when: str = "") -> list[Bar]:
        return [Bar(f"{LABELS[way]}{when}", one.seconds, way == "ours") for way, one in self.took.items()]


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


def _summed(found: Sequence[Took]) -> Took:
    peaks = [one.peak_mib for one in found if one.peak_mib]
    parts = {
        part: median(one.parts[part] for one in found if one.parts) for one in found[:1] for part in one.parts or {}
    }  # fmt: skip
    return Took(median(one.seconds for one in found), max(peaks, default=None), parts or None)


def _copy(path: Path) -> None:
    connection = psycopg2.connect("")
    with connection, connection.cursor() as cursor, path.open("rb") as file:
        cursor.copy_expert(f"copy {BARE} from stdin (format csv, header)", file, 1 << 16)
    connection.close()


def in_process(*command: str, environ: Mapping[str, str] | None = None) -> dict[str, float]:
    """Run a program and return the JSON of its last line."""
    env = {**os.environ, **(environ or {})}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
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


if __name__ == "__main__":
    print(json.dumps(load_once(Path(sys.argv[1]))))
