"""Headwater's steps, timed. The module writes the input of a step as the earlier layers would have left it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import Connection

from benchmarks.data import COLUMNS
from benchmarks.measure import timed
from benchmarks.servers import Database
from headwater.checks import run_checks
from headwater.dbt_project.dbt import Dbt
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.process.deliveries import Delivery, next_delivery_sqn, record_layer, register
from headwater.metadata.process.events import DeliveryEvent, register_event
from headwater.metadata.process.migrate import upgrade
from headwater.metadata.static.read import read_catalog
from headwater.pipeline.preparation import prepare
from headwater.pipeline.results import RunResult
from headwater.pipeline.runners.sources import SourcesRun
from headwater.project import Project, find_project

RUN_ID = "bench"


@dataclass(frozen=True)
class ChangeCounts:
    """The changes that a load made of its deliveries."""

    new: int
    changed: int
    removed: int
    unchanged: int


def run_in_process(root: Path, sources: Sequence[str]) -> float:
    """Seconds of `headwater run` of the project in `root`, from the start of its process to its end."""
    command = [str(Path(sys.executable).with_name("headwater")), "run", *sources]
    env = {**os.environ, "HEADWATER_PROJECT": str(root), "PYTHONPATH": str(find_project().root)}

    def run() -> None:
        done = subprocess.run(command, env=env, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"headwater run failed:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")

    return timed(run)


class Ours:
    """The sources of a project in a database. The constructor creates all tables, empty."""

    def __init__(self, project: Project, database: Database) -> None:
        self.project, self.database = project, database
        self.sources = read_catalog(project.seeds).sources
        self._dbt = Dbt(project.root, project.home, RUN_ID)
        self._store = ObjectStore.from_environment()
        upgrade(database.engine)
        with database.engine.begin() as connection:
            for name in self.sources:
                connection.execute(
                    sa.text(
                        "insert into metadata.job_inst (job, run_id, parameters, status, started_at)"
                        " values (:job, :run_id, '{}', 'running', now())"
                    ),
                    {"job": name, "run_id": RUN_ID},
                )
        self._run([f"{prefix}{name}" for name in self.sources for prefix in ("stg_", "hist_")])

    def stage(self, source: str, delivery_date: datetime, query: str) -> int:
        """Fill staging with the rows of a query, as a delivery that waits for its checks; return its delivery_sqn."""
        is_delta = self.sources[source].delivery_type == "delta"
        columns = ", ".join(["is_delete_mark"] * is_delta + list(COLUMNS))
        with self.database.engine.begin() as connection:
            delivery_sqn = self.register(connection, source, delivery_date)
            job_inst_id = self.job_inst_id(connection, source)
            count = connection.execute(
                sa.text(
                    f"insert into staging.stg_{source} (delivery_sqn, line_number, job_inst_id, {columns})"
                    f" select {delivery_sqn}, 1 + row_number() over (), {job_inst_id}, staged.*"
                    f" from ({query}) as staged"
                )
            ).rowcount
            self.record_staged(connection, source, delivery_sqn, count)
        self.database.execute(f"analyze staging.stg_{source}")
        return delivery_sqn

    def register(
        self, connection: Connection, source: str, delivery_date: datetime, delivery_sqn: int | None = None
    ) -> int:
        """Register a landed delivery; return its delivery_sqn."""
        sqn = delivery_sqn or next_delivery_sqn(connection)
        kind = self.sources[source].delivery_type
        register(
            connection,
            Delivery(
                sqn, source, f"{source}-{delivery_date:%Y%m%d}.csv", f"s3://bench/{source}/{sqn}", kind, delivery_date,
                _now(connection), "0" * 64, 1, {}, self.job_inst_id(connection, source),
            ),
        )  # fmt: skip
        self.say(connection, sqn, "landed")
        return sqn

    def record_staged(self, connection: Connection, source: str, delivery_sqn: int, count: int) -> None:
        """Record the number of a delivery's rows in raw and staging."""
        job_inst_id = self.job_inst_id(connection, source)
        for layer, fallen_out in (("raw", None), ("staging", 0)):
            record_layer(
                connection, delivery_sqn, layer, status="loaded", job_inst_id=job_inst_id, record_count=count,
                fallen_out_count=fallen_out,
            )  # fmt: skip

    def say(self, connection: Connection, delivery_sqn: int, event: str) -> None:
        """Record an event of a delivery."""
        happened = DeliveryEvent(
            uuid4(), delivery_sqn, event, (), "a benchmark", "bench", _now(connection).astimezone(UTC)
        )
        register_event(connection, happened)

    def check(self, source: str) -> float:
        """Check the staged deliveries without a verdict; return the seconds. A halt ends the benchmark."""
        with self.database.engine.connect() as connection:
            job_inst_id = self.job_inst_id(connection, source)
        verdicts = []

        def check() -> None:
            verdicts.extend(
                run_checks(
                    self.database.engine,
                    self._store,
                    self.sources[source],
                    job_inst_id,
                    self.project.home,
                    _silent,
                )
            )

        seconds = timed(check)
        for verdict in verdicts:
            if not verdict.passed:
                raise SystemExit(f"{verdict.publisher_name} is halted: {verdict.why}")
        return seconds

    def load(self, source: str) -> float:
        """Load passed deliveries into history; return the seconds of the model, without dbt's start-up and parsing."""
        return self._run([f"hist_{source}"])

    def change_counts(self, source: str) -> ChangeCounts:
        """Return the changes of the last delivery in history."""
        columns = ", ".join(f"sum({name}_count)" for name in ChangeCounts.__dataclass_fields__)
        [row] = self.database.rows(
            f"select {columns} from metadata.delivery_status where layer = 'historical' and delivery_sqn ="
            f" (select max(delivery_sqn) from metadata.delivery where source = '{source}')"
        )
        return ChangeCounts(*(int(str(count)) for count in row))

    def job_inst_id(self, connection: Connection, source: str) -> int:
        """Return the job instance that the benchmark writes as."""
        found: int = connection.execute(
            sa.text("select job_inst_id from metadata.job_inst where job = :job and run_id = :run_id"),
            {"job": source, "run_id": RUN_ID},
        ).scalar_one()
        return found

    def _run(self, models: Sequence[str]) -> float:
        outcomes = self._dbt.run(models)
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
        return sum(outcome.seconds for outcome in outcomes)


def run_of_landed(project: Project) -> SourcesRun:
    """Return a run over all sources that asks no publisher, because all deliveries have landed."""
    catalog, engine = prepare(project)
    sources = list(catalog.sources.values())
    return SourcesRun(project, engine, catalog, sources, _silent, is_offline=True)


def require_ran_well(result: RunResult) -> None:
    """Stop the benchmark if something failed or halted."""
    if result.exit_code:
        raise SystemExit(str(result.failures or result.halts))


def require_change_counts(found: ChangeCounts, expected: ChangeCounts, way: str) -> None:
    """Stop the benchmark if two ways made different histories."""
    if found != expected:
        raise SystemExit(f"{way} made {asdict(found)} of the delivery, expected {asdict(expected)}")


def _now(connection: Connection) -> datetime:
    moment: datetime = connection.execute(sa.text("select clock_timestamp()")).scalar_one()
    return moment


def _silent(_: str) -> None:
    pass
