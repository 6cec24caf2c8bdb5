"""Killing a run anywhere and running again gives the same tables as never having been killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from decimal import Decimal
from pathlib import Path

import pytest

from extract.store import ObjectStore
from headwater.project import Project
from headwater.services import children, environment, postgres
from metadata.process.jobs import CLOSED_BY_NEXT_RUN
from tests.conftest import PROJECT
from tests.pipeline.conftest import fresh_database
from tests.pipeline.line import Essence, Line, cities, prices
from tests.pipeline.project import FOLDER

RUN = """
import os, signal, sys
from pathlib import Path
from headwater.project import Project
from headwater.run import run

def die_at(call, module, name, says=""):
    proper, calls = getattr(module, name), []
    def counted(*arguments, **named):
        if says in " ".join(map(str, arguments)):
            calls.append(1)
            if len(calls) == call:
                os.kill(os.getpid(), signal.SIGKILL)
        return proper(*arguments, **named)
    setattr(module, name, counted)

{plant}
run(Project(Path(sys.argv[1]), Path(sys.argv[2])), ["cities", "prices"], print)
"""
DBT = "from dbt.adapters.sql import SQLConnectionManager as dbt\n"
MOMENTS = {
    "object-manifest": "import extract.land\ndie_at(2, extract.land, 'to_json')",
    "manifest-rows": "import extract.land\ndie_at(2, extract.land, 'register_landed')",
    "copy-commit": "import extract.load_raw\ndie_at(2, extract.load_raw, 'record_layer')",
    "staged-commit": DBT + "die_at(1, dbt, 'add_query', \"'staging', 'loaded'\")",
    "checks-event": "import headwater.checks.run\ndie_at(2, headwater.checks.run, 'record_event')",
    "versions-commit": DBT + "die_at(1, dbt, 'add_query', \"'historical', 'loaded'\")",
}
LONG = ("staged-commit",)  # much like versions-commit


def deliver_all(line: Line) -> None:
    line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", 1)}))
    line.deliver("cities", cities(2, {"a": ("A", 2)}, unreadable=["b"]), "b,B,many,x")
    line.deliver("prices", prices(1, {("x", 1): (Decimal(1),), ("x", 2): (Decimal(2),)}))
    line.deliver("prices", prices(2, {("x", 1): (Decimal(3),)}, removed=[("x", 2)]))


@pytest.fixture(scope="module")
def undisturbed(
    project_folder: Path,
    template_database: str,
    postgres_server: postgres.Server,
    s3_server: children.Child,
    tmp_path_factory: pytest.TempPathFactory,
) -> Essence:
    """What the tables hold when nobody is killed."""
    with (
        pytest.MonkeyPatch.context() as patch,
        fresh_database(postgres_server, template_database, patch) as database,
    ):
        for name, value in environment.variables(environment.S3, s3_server.port, {}).items():
            patch.setenv(name, value)
        patch.setenv("HEADWATER_BUCKET", f"test-{uuid.uuid4().hex}")
        folder = tmp_path_factory.mktemp("publisher")
        patch.setenv(FOLDER, str(folder))
        line = Line(Project(project_folder, folder), folder, database, ObjectStore.from_environment())
        deliver_all(line)
        line.ran_well("cities", "prices")
        return line.essence()


@pytest.mark.parametrize(
    "moment", [pytest.param(name, marks=[pytest.mark.long] if name in LONG else []) for name in MOMENTS]
)
def test_a_killed_run_followed_by_a_run_gives_the_tables_of_an_undisturbed_one(undisturbed, line, moment):
    deliver_all(line)
    killed = subprocess.run(
        [
            sys.executable,
            "-c",
            RUN.format(plant=MOMENTS[moment]),
            str(line.project.root),
            str(line.project.home),
        ],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    abandoned = line.query("select job, status from metadata.job_inst order by job")
    assert abandoned == [("cities", "running"), ("market", "running")]
    assert line.essence() != undisturbed

    line.ran_well("cities", "prices")
    assert line.essence() == undisturbed
    assert line.query(
        "select job, job_inst.status, header.status, last_error, job_inst.ended_at is null from metadata.job_inst"
        " join metadata.log_header as header using (job_inst_id) order by job_inst_id"
    ) == [
        ("cities", "failed", "failed", CLOSED_BY_NEXT_RUN, False),
        ("market", "failed", "failed", CLOSED_BY_NEXT_RUN, False),
        ("cities", "succeeded", "succeeded", None, False),
        ("market", "succeeded", "succeeded", None, False),
    ]
    assert line.query("select count(*) from metadata.job_inst_task where status = 'running'") == [(0,)]
