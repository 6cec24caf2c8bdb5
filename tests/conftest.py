"""Fixtures that many rooms share: a real Postgres and a real object store, in throw-away folders.

`database` and `store` are fresh for every test and cost some 50 ms; the servers behind them start once
per session, on first use. No test sees the user's own servers, working folder or keys. Which ring a test is of,
`tests/support/rings.py` tells from its fixtures; what a run took of each is printed at its end. A process that a test
forgot fails the run.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from headwater.garbage import search_seldom
from headwater.services import children, environment, postgres
from headwater.services.postgres_roles import USER
from headwater.services.private_files import key_file_of
from headwater.services.processes import Process, born, session, stop
from tests.support import bytecode, rings
from tests.support.chromium import chromium, chromium_path  # noqa: F401  # here, for a process may have but one
from tests.support.in_memory import write_in_memory
from tests.support.left_behind import end_left_behind
from tests.support.quick_dbt import quicken_dbt, share_parsing_state

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from headwater.extract.landing.store import ObjectStore
    from tests.support.faulty_s3 import FaultyS3

PROJECT = Path(__file__).resolve().parents[1]
TEMPLATE = "headwater_template"
FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "shared_buffers": "128MB"}
FOREIGN = ("PG", "AWS_", "HEADWATER_", "AIRFLOW_")
# what takes longest begins first, so that no process works on alone when the others have done
LONGEST_FIRST = (
    "tests/airflow/", "tests/macros/historical/", "tests/pipeline/test_retention", "tests/pipeline/test_decisions",
    "tests/headwater/services/test_airflow", "tests/pipeline/", "tests/headwater/",
)  # fmt: skip

hypothesis.settings.register_profile("short", max_examples=200, deadline=None)
hypothesis.settings.register_profile("long", max_examples=1000, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long tests too, and more random examples")


LEFT = "left_behind"  # what a process of a run tells of them
SECONDS = pytest.StashKey[rings.Seconds]()
LEFT_BEHIND = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    search_seldom()
    hypothesis.settings.load_profile("long" if config.getoption("--long") else "short")
    config.option.loadscopereorder = False  # xdist's own order is that of the number of tests
    for ring, needs in rings.RINGS.items():
        config.addinivalue_line("markers", f"{ring}: {needs}")
    config.stash[SECONDS], config.stash[LEFT_BEHIND] = rings.Seconds(), []
    rings.guard_quick_ring()
    bytecode.keep_bytecode()
    if "PYTEST_XDIST_WORKER" not in os.environ:  # those inherit it
        bytecode.compile_rooms()
        write_in_memory()
        # Airflow makes its folder when it is imported, before any test; it must not be the user's
        folder = tempfile.TemporaryDirectory(prefix="headwater-airflow-")
        config.add_cleanup(folder.cleanup)
        os.environ["AIRFLOW_HOME"] = folder.name
    else:  # which processes that begin at once must not make for one another
        os.environ["AIRFLOW_HOME"] += f"/{os.environ['PYTEST_XDIST_WORKER']}"


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses among them
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    rings.mark(items)
    items.sort(key=lambda item: [item.nodeid.startswith(place) for place in (*LONGEST_FIRST, "")].index(True))
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="runs with --long only"))


def pytest_collection_finish() -> None:
    bytecode.keep_as_environment_says()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    rings.begin(item)
    try:
        return (yield)
    finally:
        rings.end()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of which a process is left; those of other processes of this run tell it to the one that prints."""
    config = session.config
    factory: pytest.TempPathFactory | None = getattr(config, "_tmp_path_factory", None)
    if hasattr(config, "workerinput") or not config.pluginmanager.has_plugin("dsession"):
        left = end_left_behind(factory.getbasetemp()) if factory else []
        config.stash[LEFT_BEHIND].extend(left)
    if hasattr(config, "workeroutput"):
        left = config.stash[LEFT_BEHIND]
        config.workeroutput[LEFT] = left
    elif config.stash[LEFT_BEHIND]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    left: list[str] = getattr(node, "workeroutput", {}).get(LEFT, [])
    node.config.stash[LEFT_BEHIND].extend(left)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                config.stash[SECONDS].add(report)
    if lines := config.stash[SECONDS].lines():
        terminalreporter.section("rings")
        terminalreporter.write_line("\n".join(lines))
    if left := config.stash[LEFT_BEHIND]:
        terminalreporter.section("processes that tests left behind", red=True)
        terminalreporter.write_line("\n".join(left))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share tests out among processes by what they share: those of a file, and those of Airflow, which has one."""
    from xdist.scheduler import LoadScopeScheduling

    class BySharedServers(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return "airflow" if nodeid.startswith("tests/airflow/") else nodeid.partition("::")[0]

    return BySharedServers(config, log)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of the user's reaches a test; the working folder is the test's own."""
    for name in os.environ:
        if name.startswith(FOREIGN):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))


@pytest.fixture(autouse=True, scope="session")
def _quick_dbt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    from tests.pipeline.project import make_project

    with pytest.MonkeyPatch.context() as patch:
        quicken_dbt(patch.setattr)
        share_parsing_state(patch.setattr, make_project, tmp_path_factory.mktemp("parsing_state"))
        yield


@dataclass(frozen=True)
class TestServers:
    """The session's folder, and the servers in it."""

    __test__ = False
    folder: Path

    def remember(self, name: str, process: Process) -> None:
        (self.folder / f"{name}.pid").write_text(f"{process.pid} {process.born}")

    def stop(self) -> None:
        for path in self.folder.glob("*.pid"):
            pid, _, birth = path.read_text().partition(" ")
            stop(Process(int(pid), birth), (signal.SIGINT, 10), (signal.SIGKILL, 5))
            if born(int(pid)) is None:  # else the number is another process's by now
                for orphan in session(int(pid)):
                    stop(orphan, (signal.SIGKILL, 5))
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def starts_servers() -> None:
    """Says that the test starts servers of its own, which puts it into the ring of tests with servers."""


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServers]:
    """A folder for this session's servers, which end with it, however it ends."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of all processes of this run
    root = folder.parent / "headwater-servers"
    root.mkdir(exist_ok=True)
    root.chmod(0o755)
    for left in root.iterdir():
        pid, _, birth = left.name.partition("-")
        if born(int(pid)) != birth.replace("+", "/"):
            TestServers(left).stop()
    mine = root / f"{os.getpid()}-{(born(os.getpid()) or '').replace('/', '+')}"
    mine.mkdir()
    started = TestServers(mine)
    last_one = subprocess.Popen(
        [sys.executable, "-m", "tests.support.last_one", str(mine)],
        stdin=subprocess.PIPE,
        cwd=PROJECT,
        start_new_session=True,
    )
    yield started
    started.stop()
    last_one.communicate()


@pytest.fixture(scope="session")
def postgres_server(servers: TestServers) -> postgres.Server:
    """One embedded Postgres for the session; it keeps nothing safe and is the faster for it."""
    server = postgres.start(servers.folder / "pg", servers.folder / "postgres.log", settings=FAST)
    servers.remember("postgres", server.process)
    return server


@pytest.fixture(scope="session")
def template_database(postgres_server: postgres.Server) -> str:
    """The name of a database with every migration applied, to copy from."""
    from headwater.metadata.connection import engine
    from headwater.metadata.process.migrate import upgrade

    administer(postgres_server, f"create database {TEMPLATE}")
    with pytest.MonkeyPatch.context() as patch:  # libpq reads the variables whenever it connects
        point_to(postgres_server, TEMPLATE, patch)
        made = engine()
        upgrade(made)
        made.dispose()
    return TEMPLATE


@pytest.fixture
def empty_database(postgres_server: postgres.Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A fresh database without any table of ours; PGHOST, PGPORT, PGUSER and PGDATABASE name it."""
    with fresh_database(postgres_server, "empty", "template1", monkeypatch) as made:
        yield made


@pytest.fixture
def database(
    postgres_server: postgres.Server, template_database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    """A fresh database with the migrations applied; PGHOST, PGPORT, PGUSER and PGDATABASE name it.

    It is always of one name: where that changes, a project that is known is read again.
    """
    with fresh_database(postgres_server, "test", template_database, monkeypatch) as made:
        yield made


@dataclass(frozen=True)
class S3Server(children.Child):
    """The embedded S3, and the variables by which a client finds it and its key."""

    variables: dict[str, str]


@pytest.fixture(scope="session")
def s3_server(servers: TestServers) -> S3Server:
    """One embedded S3 for the session."""
    folder = servers.folder / "s3"
    server = children.start(children.S3, folder, servers.folder / "s3.log")
    servers.remember("s3", server.process)
    payload = environment.variables(environment.S3, server.port, {}, key_file_of(folder))
    return S3Server(server.port, server.process, payload)


@pytest.fixture
def store(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """An empty bucket; AWS_ENDPOINT_URL and HEADWATER_BUCKET name it."""
    from headwater.extract.landing.store import ObjectStore

    for name, value in s3_server.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEADWATER_BUCKET", f"test-{uuid.uuid4().hex}")
    return ObjectStore.from_environment()


@pytest.fixture
def faulty(s3_server: S3Server, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    """A proxy in front of the test's bucket, to which AWS_ENDPOINT_URL leads; `store` goes past it.

    Clients try again at once, and take half a second without a byte for a stall.
    """
    from botocore.retries.standard import ExponentialBackoff

    from headwater.extract.landing import s3_client
    from tests.support.faulty_s3 import FaultyS3

    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0)
    monkeypatch.setattr(s3_client, "FIRST_WAIT_S", 0)
    monkeypatch.setattr(s3_client, "READ_TIMEOUT_S", 0.5)
    with FaultyS3.running(s3_server.port, store.bucket) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


@contextmanager
def fresh_database(
    server: postgres.Server, name: str, template: str, patch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    """A database copied from another one, until the end of the block; PGHOST, PGPORT, PGUSER and PGDATABASE name it."""
    from headwater.metadata.connection import engine

    administer(server, f"create database {name} template {template} strategy file_copy")
    point_to(server, name, patch)
    made = engine()
    yield made
    made.dispose()
    administer(server, f"drop database {name} with (force)")


def point_to(server: postgres.Server, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in {**server.environment, "PGDATABASE": database}.items():
        monkeypatch.setenv(variable, value)


def administer(server: postgres.Server, statement: str) -> None:
    import psycopg2

    connection = psycopg2.connect(
        host="127.0.0.1", port=server.port, user=USER, password=server.password, dbname="postgres",
        sslmode="disable",
    )  # fmt: skip
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
