"""The time, memory and connections that a run of very many small sources needs.

    python -m benchmarks.many [--rows N] [--repeats N] [--json]

`--rows` sources of 100 rows, each with its job, in one terminal: their first run, a run with a new snapshot each, one
with nothing new, a purge and a rebuild. Each is a separate process; meanwhile the benchmark counts the connections to
the server.
"""

from __future__ import annotations

import os
import resource
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import run_watched
from benchmarks.project import make_project, publish_snapshot
from benchmarks.report import Aim, Bar, Report, Setting, Table, parser, publish, seconds
from benchmarks.servers import Database
from headwater.project import find_project

CUSTOMERS = 100
AIM_S_PER_SOURCE, AIM_CONNECTIONS = 0.5, 20
OFTEN_S = 0.05  # between two looks at the connections
KEPT = ("keep_raw", "keep_staging")


@dataclass(frozen=True)
class Timing:
    """The time that one command took for all sources."""

    what: str
    s: float
    cpu_s: float  # of the command's process
    mib: float
    connections: int

    def row(self, sources: int) -> tuple[str, ...]:
        """Return its row of the table."""
        per_source = (f"{total / sources:.3f}" for total in (self.s, self.cpu_s))
        return self.what, seconds(self.s), *per_source, str(self.connections), f"{self.mib:,.0f}"


def measure(setting: Setting) -> Report:
    names = [f"source_{number:04}" for number in range(setting.rows)]
    root = setting.folder / "project"
    make_project(root, dict.fromkeys(names, "snapshot"))
    os.environ.update(HEADWATER_PROJECT=str(root), PYTHONPATH=str(find_project().root))
    found = list(_each_command(setting.database, root, names))
    per_source = {one.what: one.s / len(names) for one in found}
    connections = max(one.connections for one in found)
    return Report(
        name="many",
        title="Very many small sources",
        about=(
            f"{len(names):,} sources of {CUSTOMERS} rows and 12 columns with three checks, each with a job of its"
            " own, in one terminal: from the start of the process to its end, imports and dbt's parsing included."
            " Connections are those that Postgres serves at once; memory is that of the process, Postgres and S3 are"
            " others."
        ),
        command="python -m benchmarks.many",
        tables=[
            Table(
                "",
                ("command", "s", "s per source", "CPU s per source", "connections at most", "peak MiB"),
                [one.row(len(names)) for one in found],
            )
        ],
        aims=[
            *(
                Aim(
                    f"{one.what}: at most {AIM_S_PER_SOURCE} s a source",
                    f"{per_source[one.what]:.2f} s",
                    per_source[one.what] <= AIM_S_PER_SOURCE,
                )
                for one in found
            ),
            Aim(f"at most {AIM_CONNECTIONS} connections", str(connections), connections <= AIM_CONNECTIONS),
        ],
        bars=[Bar(one.what, one.s, is_ours=True) for one in found],
        profiles={},
        server=setting.database.settings(),
    )  # fmt: skip


def _each_command(database: Database, root: Path, names: list[str]) -> Iterator[Timing]:
    def headwater(what: str, *arguments: str) -> Timing:
        before = _cpu_s()
        with _connections(database) as at_once:
            _, s, mib = run_watched(str(Path(sys.executable).with_name("headwater")), *arguments)
        return Timing(what, s, _cpu_s() - before, mib, at_once())

    for step, what in enumerate(("headwater run, the first time", "headwater run, a new snapshot each")):
        for name in names:
            publish_snapshot(root, name, CUSTOMERS, step)
        yield headwater(what, "run")
    yield headwater("headwater run, nothing new", "run")
    _keep_newest(root, names)
    yield headwater("headwater purge", "purge")
    yield headwater("headwater rebuild", "rebuild")


def _keep_newest(root: Path, names: list[str]) -> None:
    """Let raw and staging keep the newest delivery of each source alone."""
    with (root / "seeds" / "source_attribute.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"{name},{option},1,\n" for name in names for option in KEPT)


def _cpu_s() -> float:
    """Return the CPU seconds of the ended child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def _connections(database: Database) -> Iterator[Callable[[], int]]:
    """Count the most connections at a time within the block, without the one that counts."""
    most, ended = [0], threading.Event()

    def watch() -> None:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not ended.wait(OFTEN_S):
                found: int = connection.exec_driver_sql(_SERVED).scalar_one()
                most[0] = max(most[0], int(found))

    database.engine.dispose()  # what else we hold is no connection of the command's
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield lambda: most[0]
    finally:
        ended.set()
        watcher.join()


_SERVED = """
select count(*) from pg_stat_activity
where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
"""

if __name__ == "__main__":
    publish(parser(__doc__, 1000, repeats=1).parse_args(), measure)
