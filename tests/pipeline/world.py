"""All that a run of the cut-down demo needs, in states that can be saved and brought back in no time.

A state is a database and the objects of a bucket; both keep their names, so that dbt does not parse anew.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.metadata.connection import engine
from headwater.services import children, postgres
from headwater.services.processes import is_alive
from tests.conftest import S3Server, TestServers, administer
from tests.pipeline.demo_cut import FIRST, THEN, make_demo_cut, publish
from tests.pipeline.starter import Command, Starter, Stop
from tests.pipeline.tables import Contents, contents, flaws

DATABASE = "kills"
NOTHING, LOADED, CURRENT = (
    "nothing",
    "loaded",
    "current",
)  # the states: before the first run, after it, and after all

HALTED, WELL = 3, 0

ON_S3 = {"objects": "landed", "manifests": "manifests", "events": "events"}  # what is counted → its prefix
LAYERS = ("raw", "staging", "checks", "historical")


class World:
    """One Postgres, one S3, the publishers, the project, and commands of it."""

    def __init__(
        self, folder: Path, server: postgres.Server, servers: TestServers, s3: S3Server, starter: Starter,
        patch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        self.server = server
        self._servers, self._starter = servers, starter
        self._undisturbed: dict[tuple[str, str, tuple[str, ...]], Contents] = {}
        self._length_s: dict[tuple[str, str, tuple[str, ...]], float] = {}
        bucket = folder.name.replace("_", "-")
        self._bucket, self._saved = servers.folder / "s3" / bucket, folder / "saved"
        self._states: set[str] = set()
        publish(folder / "site")
        self._publisher = children.start(children.PUBLISHER, folder / "site", folder / "publisher.log")
        servers.remember(f"publisher-{folder.name}", self._publisher.process)
        self._project = make_demo_cut(folder / "demo")
        self.variables = {
            **server.environment,
            "PGDATABASE": DATABASE,
            **s3.variables,
            "HEADWATER_BUCKET": bucket,
            "HEADWATER_PROJECT": str(self._project),
            "HEADWATER_HOME": str(folder / "home"),
            "HEADWATER_THREADS": "1",  # so that a boundary is reached in one order
            "HEADWATER_RECOGNISE": "always",
        }
        self.told_to(patch)
        self.store = ObjectStore.from_environment()
        administer(server, f"create database {DATABASE}")
        self.database: Engine = engine()
        self.save(NOTHING)
        assert self.run(site=FIRST) == HALTED  # the weather of November
        self.save(LOADED)

    def told_to(self, patch: pytest.MonkeyPatch) -> World:
        """Let the environment of this process name the servers."""
        for name, value in self.variables.items():
            patch.setenv(name, value)
        return self

    def start(
        self, arguments: Sequence[str] = ("run",), *, site: str = THEN, stop: Stop | None = None
    ) -> Command:
        """Start a command; `site` is what is published."""
        published = {"HEADWATER_DEMO_URL": f"{self._publisher.url}/{site}"}
        return self._starter.start(arguments, {**self.variables, **published}, stop)

    def run(self, arguments: Sequence[str] = ("run",), *, site: str = THEN) -> int:
        """Run a command to its end; its exit status, which must not say that something failed."""
        command = self.start(arguments, site=site)
        status = command.wait()
        assert status in (WELL, HALTED), command.output
        return status

    def undisturbed(self, begins: str, site: str, arguments: tuple[str, ...] = ("run",)) -> Contents:
        """Return what the tables hold when a command, and a run after it, come to their end."""
        what = begins, site, arguments
        if what not in self._undisturbed:
            self.restore(begins)
            start = time.monotonic()
            self.run(arguments, site=site)
            self._length_s[what] = time.monotonic() - start
            if arguments != ("run",):
                self.run(site=site)
            assert self.flaws() == []
            self._undisturbed[what] = self.contents()
        return self._undisturbed[what]

    def length_s(self, begins: str, site: str) -> float:
        """Return how long an undisturbed run takes."""
        self.undisturbed(begins, site)
        return self._length_s[begins, site, ("run",)]

    def contents(self) -> Contents:
        """The rows of all tables."""
        return contents(self.database)

    def query(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """All rows of the answer."""
        with self.database.begin() as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement), values)]

    def counted(self, source: str) -> tuple[int, ...]:
        """Return what there is of a source: on S3 objects, manifests and events; in Postgres deliveries and events, and
        deliveries that have a status in raw, staging, checks and historical."""
        on_s3 = [len(list(self.store.list(f"{prefix}/{source}/"))) for prefix in ON_S3.values()]
        if self.query("select to_regclass('metadata.delivery')") == [(None,)]:
            return (*on_s3, 0, 0, *(0 for _ in LAYERS))
        of_source = "metadata.delivery join metadata.{} using (delivery_sqn) where source = :source"
        [in_postgres] = self.query(
            "select (select count(*) from metadata.delivery where source = :source),"
            f" (select count(*) from {of_source.format('delivery_event')}),"
            + ",".join(
                f" (select count(*) from {of_source.format('delivery_status')} and layer = '{layer}')"
                for layer in LAYERS
            ),
            source=source,
        )
        return (*on_s3, *in_postgres)

    def flaws(self) -> list[str]:
        """Return what is left open or does not fit together."""
        return flaws(self.database, self.store)

    def save(self, state: str) -> None:
        """Keep tables and objects as they are, under a name."""
        self._states.add(state)
        self.database.dispose()
        administer(self.server, f"create database {DATABASE}_{state} template {DATABASE}")
        shutil.copytree(self._bucket, self._saved / state)

    def restore(self, state: str) -> None:
        """Bring tables and objects back; what still runs on the database is cut off."""
        if state == CURRENT and state not in self._states:
            self.restore(LOADED)
            self.run(site=THEN)
            self.save(CURRENT)
        self.database.dispose()
        administer(self.server, f"drop database if exists {DATABASE} with (force)")
        administer(self.server, f"create database {DATABASE} template {DATABASE}_{state}")
        # a copied sequence believes that numbers ahead are in the log, which is true of its original alone
        administer(self.server, "checkpoint")
        shutil.rmtree(self._bucket)
        shutil.copytree(self._saved / state, self._bucket)

    @contextmanager
    def holding(self, lock: str) -> Iterator[None]:
        """Hold what a statement locks, for as long as the body runs."""
        with self.database.connect() as connection, connection.begin():
            connection.execute(sa.text(lock))
            yield

    def wait_until_waits(self, statement: str, command: Command) -> None:
        """Return when Postgres has a statement like this one wait for a lock; the command must not end before."""
        waiting = sa.text(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like :statement"
            " and datname = current_database()"
        )
        while True:
            with self.database.connect() as connection:
                if connection.scalar(waiting, {"statement": statement}):
                    return
            os.kill(command.pid, 0)
            time.sleep(0.02)

    def kill_postgres(self) -> None:
        """SIGKILL to every process of the server; then start it again on the same data."""
        postmaster = self.server.process
        os.kill(postmaster.pid, signal.SIGSTOP)  # it must neither see its children die nor make new ones
        for pid in _children(postmaster.pid):
            os.kill(pid, signal.SIGKILL)
        os.kill(postmaster.pid, signal.SIGKILL)
        while is_alive(postmaster):
            time.sleep(0.01)
        self.database.dispose()
        self.server = start_safe_postgres(self._servers, self.server.port)
        assert self.server.environment["PGPORT"] == self.variables["PGPORT"]


def start_safe_postgres(servers: TestServers, port: int | None = None) -> postgres.Server:
    """A server that keeps what it has committed, as the tests' usual one does not."""
    folder = servers.folder / "safe"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    server = postgres.start(folder / "pg", folder / "postgres.log", port)
    servers.remember("postgres-safe", server.process)
    return server


def _children(of: int) -> list[int]:
    return [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/stat")
        if int(path.read_text().rpartition(")")[2].split()[1]) == of
    ]
