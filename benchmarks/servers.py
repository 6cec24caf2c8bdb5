"""The servers that benchmarks run on, with a new database and bucket.

They are the servers of the environment (PGHOST …, AWS_ENDPOINT_URL …), or embedded ones that begin empty and end with
the benchmark. The settings of an embedded Postgres are the same for everything that is measured on it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import sqlalchemy as sa
from psycopg2 import sql
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.metadata.connection import engine
from headwater.services import children, environment, postgres
from headwater.services.accounts import account_for
from headwater.services.postgres import stop_server
from headwater.services.postgres_roles import USER
from headwater.services.private_files import key_file_of
from headwater.services.processes import stop

# What an administrator would set for loads of this size. fsync, full_page_writes and synchronous_commit stay on.
SETTINGS = {
    "shared_buffers": "1GB",
    "work_mem": "128MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "autovacuum": "off",  # every table is vacuumed and analyzed before the clock starts, and never while it runs
    "shared_preload_libraries": "pg_stat_statements,auto_explain",
    "auto_explain.log_min_duration": "-1",
}
EXPLAIN = {  # of auto_explain, for one load whose plans are wanted
    "log_min_duration": "0", "log_analyze": "on", "log_buffers": "on", "log_timing": "off", "log_format": "json",
    "log_nested_statements": "on",
}  # fmt: skip
SHOWN = (
    "server_version", "shared_buffers", "work_mem", "fsync", "full_page_writes", "synchronous_commit",
    "data_checksums", "wal_level", "max_wal_size", "random_page_cost", "jit", "autovacuum",
)  # fmt: skip


@contextmanager
def place(purpose: str) -> Iterator[tuple[Path, Database]]:
    """Make a folder for the time of the block, with servers whose home it is; yield it and the database."""
    with tempfile.TemporaryDirectory(prefix=f"headwater-{purpose}-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the embedded Postgres may run as another user
        with servers(folder) as database:
            os.environ["HEADWATER_HOME"] = str(folder / "home")
            yield folder, database


@dataclass
class Database:
    """A new database, which PGDATABASE names. `log` is that of an embedded server."""

    name: str
    administrator: str  # the database to connect to while ours is replaced
    engine: Engine
    log: Path | None

    def execute(self, statement: str) -> None:
        """Execute statements outside of a transaction block."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(statement.replace("%", "%%"))

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Return all rows of the answer."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]

    def number(self, query: str) -> int:
        """Return the only number of the answer."""
        with self.engine.connect() as connection:
            return int(connection.execute(sa.text(query)).scalar_one())

    def keep(self) -> None:
        """Keep the present content for `restore`, instead of what was kept before."""
        self.execute("vacuum (analyze)")
        self.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        self.engine.dispose()
        self._administer("drop database if exists {} with (force)", self._kept)
        self._administer("alter database {} rename to {}", self.name, self._kept)
        self.restore()

    def restore(self) -> None:
        """Restore the kept content and write a checkpoint."""
        self.engine.dispose()
        self._administer("drop database if exists {} with (force)", self.name)
        self._administer("create database {} template {} strategy file_copy", self.name, self._kept)
        self.execute("checkpoint")

    def drop(self) -> None:
        """Drop the database and its copies."""
        self.engine.dispose()
        for name in (self.name, self._kept):
            self._administer("drop database if exists {} with (force)", name)

    def settings(self) -> dict[str, str]:
        """Return the settings of its server."""
        with self.engine.connect() as connection:
            return {
                name: connection.execute(
                    sa.text("select current_setting(:name)"), {"name": name}
                ).scalar_one()
                for name in SHOWN
            }

    @property
    def _kept(self) -> str:
        return f"{self.name}_kept"

    def _administer(self, statement: str, *names: str) -> None:
        connection = psycopg2.connect(dbname=self.administrator)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
        connection.close()


@contextmanager
def servers(folder: Path) -> Iterator[Database]:
    """Create a database and a bucket, named by the environment's variables, for the time of the block."""
    before = dict(os.environ)
    with ExitStack() as stack:
        log = None
        if "PGHOST" not in os.environ:
            log = folder / "postgres.log"
            server = _start(folder / "pg", log)
            stack.callback(stop_server, server.process)
            os.environ.update(
                server.environment, PGPASSWORD=server.password
            )  # other tools read no PGPASSFILE
        if "AWS_ENDPOINT_URL" not in os.environ:
            child = children.start(children.S3, folder / "s3", folder / "s3.log")
            stack.callback(stop, child.process, (signal.SIGINT, 10), (signal.SIGKILL, 5))
            os.environ.update(
                environment.variables(environment.S3, child.port, {}, key_file_of(folder / "s3"))
            )
        stack.callback(os.environ.update, before)
        stack.callback(os.environ.clear)
        administrator = os.environ.get("PGDATABASE", "postgres")
        name = f"headwater_bench_{uuid.uuid4().hex[:12]}"
        os.environ.update(PGDATABASE=name, HEADWATER_BUCKET=name.replace("_", "-"))
        database = Database(name, administrator, engine(), log)
        database._administer("create database {}", name)
        stack.callback(database.drop)
        yield database
        store = ObjectStore.from_environment()
        for key in list(store.list("")):
            store.delete(key)


def _start(data: Path, log: Path) -> postgres.Server:
    """Start an embedded Postgres whose role, which is no superuser, may read and reset profiles and log plans."""
    stop_server(postgres.start(data, log).process)
    programs, cluster = postgres.binaries(), data / "cluster"
    alone = postgres._SingleUser(programs, cluster, account_for(data, programs / "initdb"), log)
    parameters = ", ".join(f'"auto_explain.{name}"' for name in EXPLAIN)
    alone.run(
        "template1",
        [
            "create extension pg_stat_statements",
            f"grant execute on all functions in schema public to {USER}",
            f"grant set on parameter {parameters} to {USER}",
        ],
    )
    return postgres.start(data, log, settings=SETTINGS)


def psql() -> str | None:
    """Return the program psql; None if it is not installed."""
    found = shutil.which("psql") or str(postgres.binaries() / "psql")
    return found if Path(found).exists() else None


def bare_copy(program: str, table: str, path: Path) -> None:
    """psql's `\\copy` of a CSV file with a header."""
    command = rf"\copy {table} from '{path}' (format csv, header)"
    subprocess.run([program, "-qX", "-v", "ON_ERROR_STOP=1", "-c", command], check=True)


def machine() -> dict[str, str]:
    """Return the facts of this machine."""
    payload = Path("/proc/meminfo").read_text() if Path("/proc/meminfo").exists() else ""
    memory = re.search(r"MemTotal:\s+(\d+)", payload)
    cpu = re.search(r"model name\s*: (.+)", _text("/proc/cpuinfo"))
    return {
        "cores": str(os.cpu_count()),
        "processor": cpu[1] if cpu else "unknown",
        "memory": f"{int(memory[1]) / (1 << 20):.0f} GiB" if memory else "unknown",
        "system": " ".join(os.uname()[i] for i in (0, 2)),
        "python": ".".join(map(str, sys.version_info[:3])),
    }


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
