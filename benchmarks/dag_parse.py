"""The time and memory that Airflow needs to read the DAGs of many sources.

    python -m benchmarks.dag_parse [--rows N] [--repeats N] [--json]

Sources as `headwater generate` and `headwater manifest` make them, each with its job: a hundredth of `--rows`,
a tenth, and all, in four files of DAGs. Airflow's own dag-processor reads them until each is in its database, as it
does after a deploy; its processes' memory is read from the system ten times a second. Needs the environment of
`make airflow`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from benchmarks.measure import median
from benchmarks.ours import run_in_process
from benchmarks.project import make_project, publish_snapshot
from benchmarks.report import Aim, Bar, Report, Setting, Table, parser, publish, seconds
from headwater.metadata.connection import engine
from headwater.project import Project, find_project
from headwater.services import airflow_database, airflow_settings
from headwater.services.airflow import choose_ports
from headwater.services.processes import Process, is_alive, log_tail, session, spawn

AIM_S, AIM_AGAIN_S, AIM_MIB = 12, 6, 600
SHARES = 4  # files of DAGs
PATIENCE_S = 900
FIRST, CUSTOMERS = "source_0000", 1_000
STEPS = "import", "build", "serialise", "one"


@dataclass(frozen=True)
class Timing:
    """The measurement for so many sources."""

    sources: int
    read_s: float  # from the start of the dag-processor until all DAGs are in the database
    again_s: float  # what the dag-processor says of reading the file once more
    mib: float
    steps: Mapping[str, float]  # seconds of each of `STEPS`
    whole_mb: float
    group_of_whole_s: float
    group_of_piece_s: float
    run_s: Mapping[str, float]  # seconds of `headwater run` of one source, by what it found


def measure(setting: Setting) -> Report:
    sizes = [max(1, setting.rows // share) for share in (100, 10, 1)]
    found = [_measure(setting, count, turn) for turn, count in enumerate(sizes)]
    most = found[-1]
    return Report(
        name="dag_parse",
        title="Reading DAGs",
        about=(
            f"Up to {most.sources:,} sources of 12 columns, each with a job of its own: a DAG of six tasks, two of"
            f" them in task groups of Cosmos, in {SHARES} files. From the start of Airflow's dag-processor, imports"
            " included, until all DAGs are in Airflow's database. Read again is the file that takes longest. The"
            " memory is that of all its processes at one time, with what they share counted once. A task reads its"
            " own DAG only. A task group takes its model from the manifest of its source alone, which `headwater"
            " manifest` writes; beside it the same group from the manifest of the whole project."
        ),
        command="python -m benchmarks.dag_parse",
        tables=[
            Table(
                "",
                ("sources", "all DAGs are there after s", "read again s", "peak MiB", "a task's own DAG s"),
                [
                    (
                        f"{f.sources:,}",
                        seconds(f.read_s),
                        seconds(f.again_s),
                        f"{f.mib:,.0f}",
                        seconds(f.steps["one"]),
                    )
                    for f in found
                ],
            ),
            Table(
                "Where the time goes, in one process:",
                ("sources", "imports s", "building DAGs s", "serialising them s"),
                [(f"{f.sources:,}", *(seconds(f.steps[step]) for step in STEPS[:3])) for f in found],
            ),
            Table(
                f"`headwater run` of one of them, {CUSTOMERS:,} rows, from the start of its process to its end:",
                ("sources", "the first time s", "a new snapshot s", "nothing new s"),
                [
                    (f"{f.sources:,}", *(seconds(f.run_s[what]) for what in ("first", "new", "idle")))
                    for f in found
                ],
            ),
            Table(
                "One task group of Cosmos:",
                ("sources", "whole manifest MB", "from the whole manifest ms", "from its own ms"),
                [
                    (
                        f"{f.sources:,}",
                        f"{f.whole_mb:.1f}",
                        f"{1000 * f.group_of_whole_s:,.0f}",
                        f"{1000 * f.group_of_piece_s:,.1f}",
                    )
                    for f in found
                ],
            ),
        ],
        aims=[
            Aim(
                f"{most.sources:,} sources in less than {AIM_S} s",
                f"{seconds(most.read_s)} s",
                most.read_s < AIM_S,
            ),
            Aim(
                f"{most.sources:,} sources read again in less than {AIM_AGAIN_S} s",
                f"{seconds(most.again_s)} s",
                most.again_s < AIM_AGAIN_S,
            ),
            Aim(
                f"{most.sources:,} sources in less than {AIM_MIB} MiB",
                f"{most.mib:,.0f} MiB",
                most.mib < AIM_MIB,
            ),
        ],
        bars=[Bar(f"{f.sources:,} sources", f.read_s, is_ours=True) for f in found],
        profiles={},
        server=setting.database.settings(),
    )


def _measure(setting: Setting, count: int, turn: int) -> Timing:
    from headwater.dbt_project.manifest_shards import write_shards

    root = setting.folder / f"of_{count}"
    project = make_project(root, {f"source_{number:04}": "snapshot" for number in range(count)})
    _write_dag_files(root / "dags")
    write_shards(project)
    whole = _whole_manifest(project)
    turns = [_by_dag_processor(project, count, turn) for turn in range(setting.repeats)]
    steps = [_by_step(project, whole) for _ in range(setting.repeats)]
    medians = {name: median(step[name] for step in steps) for name in steps[0]}
    return Timing(
        sources=count,
        read_s=median(read for read, _, _ in turns),
        again_s=median(again for _, again, _ in turns),
        mib=median(mib for _, _, mib in turns),
        steps=medians,
        whole_mb=whole.stat().st_size / 1e6,
        group_of_whole_s=medians["whole"],
        group_of_piece_s=medians["piece"],
        run_s=_run_one(project, turn * (setting.repeats + 1), setting.repeats),
    )


def _write_dag_files(folder: Path) -> None:
    """Write the DAG files of the reference project, those of its jobs in shares."""
    shutil.copytree(find_project().root / "dags", folder, ignore=shutil.ignore_patterns("jobs.py", "__*"))
    for share in range(1, SHARES + 1):
        text = f"from headwater.airflow import dags\n\nglobals().update(dags.jobs({share}, of={SHARES}))\n"
        (folder / f"jobs_{share}.py").write_text(text)


def _run_one(project: Project, step: int, repeats: int) -> dict[str, float]:
    """Seconds of `headwater run` of one source: the first time, with a new snapshot, and with nothing new."""

    def renewed(at: int) -> float:
        publish_snapshot(project.root, FIRST, CUSTOMERS, at)
        return run_in_process(project.root, [FIRST])

    return {
        "first": renewed(step),
        "new": median(renewed(step + 1 + repeat) for repeat in range(repeats)),
        "idle": median(run_in_process(project.root, [FIRST]) for _ in range(repeats)),
    }


def _whole_manifest(project: Project) -> Path:
    """The manifest that dbt writes of the whole project."""
    target = project.root / "whole"
    places = ["--project-dir", str(project.root), "--profiles-dir", str(project.root / "profiles")]
    dbt = Path(sys.executable).with_name("dbt")
    command = [str(dbt), "--quiet", "parse", *places, "--target-path", str(target)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return target / "manifest.json"


def _by_dag_processor(project: Project, count: int, turn: int) -> tuple[float, float, float]:
    """Return the seconds until all DAGs are in an empty metadata database, the seconds of a second read, peak MiB."""
    folder = project.root / f"airflow_{turn}"
    (folder / "logs").mkdir(parents=True)
    name = f"{os.environ['PGDATABASE']}_airflow"
    environ = {
        **os.environ,
        airflow_settings.DATABASE_VARIABLE: name,
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "1",
        "AIRFLOW__DAG_PROCESSOR__PRINT_STATS_INTERVAL": "1",
    }
    env = airflow_settings.environment(
        project.root, folder, project.root / "dags", choose_ports(None), environ
    )
    env["PYTHONPATH"] = os.pathsep.join([str(find_project().root), env["PYTHONPATH"]])
    airflow_database.make(env, folder, lambda _: None)
    log = folder / "logs" / "dag-processor.log"
    began = time.monotonic()
    processor = spawn([sys.executable, "-P", "-m", "airflow", "dag-processor"], log=log, env=env, cwd=folder)
    database = engine(name)
    peak = [0.0]
    try:
        while _dags(database) < count:
            _see(processor, peak, log, began)
        read = time.monotonic() - began
        while (again := _said_of_jobs(log)) is None:
            _see(processor, peak, log, began)
    finally:
        for process in session(processor.pid):
            os.kill(process.pid, 9)
        database.dispose()
    administrator = engine("postgres").connect().execution_options(isolation_level="AUTOCOMMIT")
    with administrator:
        administrator.exec_driver_sql(f"drop database {name} with (force)")
    return read, again, peak[0]


def _see(processor: Process, peak: list[float], log: Path, began: float) -> None:
    if not is_alive(processor) or time.monotonic() - began > PATIENCE_S:
        raise SystemExit(f"the dag-processor does not read the DAGs; the end of its log:{log_tail(log)}")
    peak[0] = max(peak[0], sum(_mib(process.pid) for process in session(processor.pid)))
    time.sleep(0.1)


def _mib(pid: int) -> float:
    """Return the memory of a process, of what it shares with others its part."""
    try:
        memory = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return int(memory.partition("Pss:")[2].split()[0]) / 1024 if "Pss:" in memory else 0.0


def _dags(database: sa.Engine) -> int:
    with database.connect() as connection:
        counted = "select count(*) from serialized_dag where dag_id like 'source_%'"
        return int(connection.exec_driver_sql(counted.replace("%", "%%")).scalar_one())


def _said_of_jobs(log: Path) -> float | None:
    """Return the most seconds that the dag-processor reports for a file of jobs; None before it reports each."""
    found: dict[str, float] = {}
    for line in log.read_text(errors="replace").splitlines():
        words = line.split()
        if " jobs_" in line and len(words) > 4 and words[-2].endswith("s") and words[-2][0].isdigit():
            found[words[1]] = float(words[-2].removesuffix("s"))
    return max(found.values()) if len(found) == SHARES else None


def _by_step(project: Project, whole: Path) -> dict[str, float]:
    """Seconds of each step, in a fresh process without Airflow's own."""
    ours = str(find_project().root)
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(project.root / "airflow_steps"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite://",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False",
        "HEADWATER_PROJECT": str(project.root),
        "PYTHONPATH": ours,
    }
    command = [sys.executable, "-m", "benchmarks.dag_steps", str(whole)]
    done = subprocess.run(command, env=env, cwd=ours, check=True, stdout=subprocess.PIPE, text=True)
    steps: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return steps


if __name__ == "__main__":
    publish(parser(__doc__, 1000).parse_args(), measure)
