"""One real Airflow for all tests of this folder: its own database, working folder and ports.

Starting it takes some 20 s, so all tests of this folder run in one process, one after the other. It ends with the
last of them: idle, it would take a quarter of a core from all tests that follow. DAG files may be written to
`airflow_dags` at any time; they are found within seconds.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from headwater.dbt_project.manifest_shards import write_shards
from headwater.project import Project
from headwater.services import airflow as airflow_service
from headwater.services import postgres
from headwater.services.airflow import Airflow
from headwater.services.airflow_pools import make_missing
from headwater.services.processes import session, stop
from tests.airflow.client import Client
from tests.airflow.delivered import Source
from tests.airflow.jobs_project import SCRATCH, make_jobs_project
from tests.airflow.listeners import Received, statsd, webhook
from tests.airflow.page import Visitor
from tests.airflow.towns import deliver_towns
from tests.airflow.warehouse import Warehouse
from tests.conftest import FOREIGN, PROJECT, S3Server, TestServers, administer
from tests.pipeline.project import FOLDER

DAG_FILES = ("jobs.py", "marts.py", "left_open.py", "docs.py", "broken_metadata.py")

PATIENCE_S = 900  # many other tests may run beside these

QUICK = {
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "1",
    "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
    # reading them all takes seconds of a core; a test that changes what they read has them `read_again`
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
    "AIRFLOW__CORE__PARALLELISM": "4",
}


# Telling takes a task a third of a second: only those DAGs do that are looked at.
LINEAGE_OF = [
    {"scope": {}, "controls": {"emit": False}},
    {"scope": {"dag_id": "cities|marts"}, "match_mode": "regex", "controls": {"emit": True}},
]


@pytest.fixture(scope="session")
def airflow_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that Airflow runs, with jobs of every kind."""
    root = make_jobs_project(tmp_path_factory.mktemp("jobs") / "project")
    write_shards(Project(root, tmp_path_factory.mktemp("set_up")))
    return root


@pytest.fixture(scope="session")
def airflow_dags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which Airflow looks for DAGs: the project's own files are there."""
    folder = tmp_path_factory.mktemp("dags")
    for name in DAG_FILES:
        shutil.copy(PROJECT / "dags" / name, folder)
    return folder


@pytest.fixture(scope="session")
def read_again(airflow_dags: Path) -> Callable[[], None]:
    """Has Airflow read the files of DAGs at once, as it does when they are new, and not in their turn."""

    def touch() -> None:
        for path in airflow_dags.glob("*.py"):
            path.touch()

    return touch


@pytest.fixture(scope="session")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the project's publishers leave their files, in one below it for each source."""
    return tmp_path_factory.mktemp("publisher")


@pytest.fixture(scope="session")
def lineage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which each event of lineage is a file."""
    return tmp_path_factory.mktemp("lineage")


@pytest.fixture(scope="session")
def metrics() -> Iterator[Received]:
    """The messages to statsd about our own metrics."""
    with statsd() as payload:
        yield payload


@pytest.fixture(scope="session")
def airflow_variables(
    postgres_server: postgres.Server,
    s3_server: S3Server,
    template_database: str,
    publisher: Path,
    lineage: Path,
    metrics: Received,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    """The environment that Airflow is started in: a database with its tables made, a bucket, a working folder."""
    name = f"airflow_{uuid.uuid4().hex[:8]}"
    administer(postgres_server, f"create database {name} template {template_database}")
    home = tmp_path_factory.mktemp("home")
    return {
        **{variable: value for variable, value in os.environ.items() if not variable.startswith(FOREIGN)},
        **postgres_server.environment,
        **s3_server.variables,
        "PGDATABASE": name,
        "HEADWATER_BUCKET": name.replace("_", "-"),
        "HEADWATER_HOME": str(home),
        "HEADWATER_AIRFLOW_DATABASE": f"{name}_of_airflow",
        FOLDER: str(publisher),
        "SHELF": f"{postgres_server.environment['PGHOST']}:{postgres_server.port}",
        "SHOP_HOST": f"{postgres_server.environment['PGHOST']}:{postgres_server.port}",
        "SHOP_DATABASE": name,
        "SHOP_USER": postgres_server.environment["PGUSER"],
        "SHOP_PASSWORD": postgres_server.password,
        "PYTHONPATH": str(PROJECT),
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
            {"type": "file", "log_file_path": str(lineage / "event")}
        ),
        "AIRFLOW__OPENLINEAGE__EMISSION_POLICY": json.dumps(LINEAGE_OF),
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_PORT": str(metrics.port),
        "AIRFLOW__METRICS__METRICS_ALLOW_LIST": "headwater",
        **QUICK,
    }


@pytest.fixture(scope="package")
def airflow(
    airflow_project: Path, airflow_dags: Path, airflow_variables: dict[str, str], servers: TestServers
) -> Iterator[Airflow]:
    """A healthy Airflow."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in os.environ:
            if variable.startswith(FOREIGN):
                patch.delenv(variable)
        for variable, value in airflow_variables.items():
            patch.setenv(variable, value)
        folder = Path(airflow_variables["HEADWATER_HOME"]) / "airflow"
        ports = airflow_service.choose_ports(None)
        started = airflow_service.start(airflow_project, folder, dags=airflow_dags, ports=ports, say=print)
    for name, process in started.components.items():
        servers.remember(f"airflow-{name}", process)
    try:
        started.wait_until_healthy(PATIENCE_S)
        servers.remember("airflow-scheduler", started.components["scheduler"])
        yield started
    finally:  # nobody waits for a task any more
        for component in started.components.values():
            for process in session(component.pid):
                stop(process, (signal.SIGKILL, 10))


@pytest.fixture(scope="package")
def admin(airflow: Airflow) -> Client:
    """Airflow's API for one who may do everything. Docs and marts rest, which would run beside the tests."""
    client = Client(airflow.url, "admin", airflow.passwords["admin"])
    client.let_run("marts", is_let=False)
    client.let_run("docs", is_let=False)
    return client


@pytest.fixture(scope="package")
def viewer(airflow: Airflow) -> Client:
    """Airflow's API for one who may only look."""
    return Client(airflow.url, "viewer", airflow.passwords["viewer"])


@pytest.fixture(scope="session")
def warehouse(airflow_variables: dict[str, str]) -> Warehouse:
    """The database that Airflow's jobs work on, with what their scripts want to find there."""
    found = Warehouse(airflow_variables)
    found.query(SCRATCH)
    return found


@pytest.fixture(scope="package")
def ended(admin: Client, warehouse: Warehouse) -> Callable[[str], tuple[str, str]]:  # noqa: ARG001
    """Gives the one run of a job that several tests look at: its run id and how it ended."""
    return cache(admin.run)


@pytest.fixture(scope="package")
def overdue(admin: Client, airflow: Airflow) -> Iterator[tuple[str, Received]]:
    """A run that is not over by its deadline of a minute, and what those who wait for it are told."""
    made: list[str] = []
    for _ in range(2):
        make_missing(airflow.url, "admin", airflow.passwords["admin"], {"publisher": 2}, made.append)
    assert len(made) == 1
    assert "made the pool publisher with 2 slots" in made[0]
    with webhook() as payload:
        connection = {
            "connection_id": "headwater_alerts_slow", "conn_type": "http", "host": "127.0.0.1", "port": payload.port,
        }  # fmt: skip
        assert admin.ask("POST", "connections", json=connection).ok
        yield admin.trigger("late"), payload


@pytest.fixture(scope="package")
def ada(airflow: Airflow) -> Visitor:
    """One who may do everything."""
    return Visitor(airflow, "admin")


@pytest.fixture(scope="package")
def guest(airflow: Airflow) -> Visitor:
    """One who may only look."""
    return Visitor(airflow, "viewer")


@pytest.fixture(scope="package")
def nobody(airflow: Airflow) -> Visitor:
    return Visitor(airflow, None)


@pytest.fixture(scope="package")
def towns(airflow_variables: dict[str, str], publisher: Path, admin: Client) -> Source:
    """The source of towns, which ran once: two deliveries in history, and one that is halted."""
    return deliver_towns(airflow_variables, publisher, admin)
