"""The cost of Airflow: the same jobs by its scheduler and in a terminal.

    python -m benchmarks.airflow_overhead [--rows N] [--repeats N] [--json]

`--rows` sources, each with its job and a new small snapshot each time: `headwater run` of all of them in a fresh
process, and a run of each DAG by Airflow's scheduler, all triggered at once; then one source alone, with a new
snapshot and with nothing new. The ways alternate, on the same database. Needs the environment of `make airflow`.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import median, timed
from benchmarks.ours import run_in_process
from benchmarks.project import make_project, publish_snapshot
from benchmarks.report import Aim, Bar, Report, Setting, Table, parser, publish, seconds, times
from headwater.dbt_project.manifest_shards import write_shards
from headwater.project import Project, find_project
from headwater.services import airflow as airflow_service
from headwater.services.airflow import Airflow
from tests.airflow.client import Client

CUSTOMERS = 1_000
IDLE_S, MOST_TIMES = 2.5, 3
PATIENCE_S = 600
TASKS = "discover", "land", "stg", "check", "hist", "finish"


@dataclass
class Line:
    """The sources, and their two ways into history, with the measured seconds."""

    root: Path
    sources: Sequence[str]
    airflow: Client
    step: int = 0
    tasks: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # seconds, of idle runs

    def renew(self, sources: Sequence[str]) -> None:
        """Publish the next snapshot of each source."""
        self.step += 1
        for source in sources:
            publish_snapshot(self.root, source, CUSTOMERS, self.step)

    def by_airflow(self, sources: Sequence[str]) -> float:
        """Return the seconds from the first trigger until Airflow reports the last run as successful."""

        def run() -> None:
            runs = {source: self.airflow.trigger(source) for source in sources}
            for source, run_id in runs.items():
                if self.airflow.wait(source, run_id, PATIENCE_S) != "success":
                    raise SystemExit(f"{source} failed: {self.airflow.states(source, run_id)}")
            self._last = runs

        return timed(run)

    def note_tasks(self) -> None:
        """Keep how long each task of the last run took, from the start of its process to its end."""
        for source, run_id in self._last.items():
            for task in self.airflow.tasks(source, run_id):
                if task["state"] == "success":
                    self.tasks[_kind(task)].append(_seconds(task))


def measure(setting: Setting) -> Report:
    names = [f"source_{number:02}" for number in range(setting.rows)]
    root = setting.folder / "project"
    project = make_project(root, dict.fromkeys(names, "snapshot"))
    (root / "dags").symlink_to(find_project().root / "dags")
    write_shards(project)
    with _airflow(project, setting.folder / "airflow_home" / "airflow") as started:
        client = Client(started.url, "admin", started.passwords["admin"])
        line = Line(root, names, client)
        found = _by_turns(line, setting.repeats)
    idle = median(found["idle, Airflow"])
    all_bare, all_airflow = median(found["all, bare"]), median(found["all, Airflow"])
    rows = [
        (what, median(found[f"{key}, bare"]), median(found[f"{key}, Airflow"]))
        for what, key in (
            (f"{len(names)} sources, a new snapshot each", "all"),
            ("one source, a new snapshot", "one"),
            ("one source, nothing new", "idle"),
        )
    ]
    return Report(
        name="airflow_overhead",
        title="The cost of Airflow",
        about=(
            f"{len(names)} sources of 12 columns, each with a job of its own and a new snapshot of {CUSTOMERS:,} rows"
            " each time. In a terminal: `headwater run`, from the start of its process to its end, imports and dbt's"
            " parsing included. In Airflow: scheduler, LocalExecutor, API server and its database on the same"
            f" machine; from the first trigger until the last run is green, {len(TASKS)} tasks each, each task a"
            " process of its own."
        ),
        command="python -m benchmarks.airflow_overhead",
        tables=[
            Table(
                "",
                ("run", "terminal s", "Airflow s", "ratio", "more per source s"),
                [
                    (what, seconds(bare), seconds(airflow), times(airflow / bare), seconds(more))
                    for what, bare, airflow in rows
                    for more in [(airflow - bare) / (len(names) if what == rows[0][0] else 1)]
                ],
            ),
            Table(
                "The tasks of a run that finds nothing new, from the start of their process to its end:",
                ("task", "s"),
                [(task, seconds(median(line.tasks[task]))) for task in TASKS if line.tasks[task]],
            ),
        ],
        aims=[
            Aim(f"an idle run in less than {IDLE_S} s", f"{seconds(idle)} s", idle < IDLE_S),
            Aim(
                f"{len(names)} sources in at most {MOST_TIMES} times the terminal's time",
                times(all_airflow / all_bare),
                all_airflow <= MOST_TIMES * all_bare,
            ),
        ],
        bars=[
            Bar(f"{len(names)} sources in a terminal", all_bare, is_ours=True),
            Bar(f"{len(names)} sources in Airflow", all_airflow, is_ours=True),
        ],
        profiles={},
        server=setting.database.settings(),
    )


def _by_turns(line: Line, repeats: int) -> dict[str, list[float]]:
    """Return the seconds of each run, by its content and its way."""
    found: dict[str, list[float]] = defaultdict(list)
    one = line.sources[:1]
    line.renew(line.sources)
    line.by_airflow(line.sources)  # the first one makes the tables
    for _ in range(repeats):
        for about, sources in (("all", line.sources), ("one", one), ("idle", one)):
            for way, run in (
                ("bare", lambda these: run_in_process(line.root, these)),
                ("Airflow", line.by_airflow),
            ):
                if about != "idle":
                    line.renew(sources)
                found[f"{about}, {way}"].append(run(sources))
        line.note_tasks()
    return found


@contextmanager
def _airflow(project: Project, folder: Path) -> Iterator[Airflow]:
    """Run an Airflow on the servers of the environment, with the DAGs of the project, within the block."""
    before = dict(os.environ)
    os.environ["HEADWATER_AIRFLOW_DATABASE"] = f"{os.environ['PGDATABASE']}_airflow"
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(find_project().root), os.environ.get("PYTHONPATH")])
    )
    try:
        started = airflow_service.start(
            project.root,
            folder,
            dags=project.root / "dags",
            ports=airflow_service.choose_ports(None),
            say=lambda _: None,
        )
        try:
            started.wait_until_healthy()
            yield started
        finally:
            started.stop()
    finally:
        os.environ.clear()
        os.environ.update(before)


def _kind(task: Mapping[str, Any]) -> str:
    """Return which of `TASKS` it is."""
    last = str(task["task_id"]).rpartition(".")[2]
    return last.partition("_")[0] if last.startswith(("stg_", "hist_")) else last


def _seconds(task: Mapping[str, Any]) -> float:
    return (
        datetime.fromisoformat(task["end_date"]) - datetime.fromisoformat(task["start_date"])
    ).total_seconds()


if __name__ == "__main__":
    publish(parser(__doc__, 8).parse_args(), measure)
