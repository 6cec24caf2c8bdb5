"""The servers that Headwater needs: the user's own where the environment names them, else embedded ones.

home          the working folder
state         the record of the servers, and the lock
environment   whose servers the variables mean
processes     starting, recognising and stopping a process
accounts      the user that Postgres runs as
private_files files with a password or a key
postgres      the embedded Postgres; postgres_roles: its roles and their rights
children      the embedded servers that are Python modules: s3 (behind s3_guard), publisher, kafka (kafka_enclosed)
airflow       Airflow with its processes, on them
"""

from __future__ import annotations

import csv
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from headwater.home import home, locked, make_home
from headwater.metadata.errors import ServiceError
from headwater.metadata.extras import require
from headwater.services import children, environment, postgres, state
from headwater.services.environment import FOLDERS, KAFKA, POSTGRES, PUBLISHER, S3
from headwater.services.private_files import key_file_of
from headwater.services.processes import LOOPBACK, Process, log_tail, stop
from headwater.services.state import Remembered

__all__ = ["Service", "Services", "down", "ensure_up", "home", "make_home", "wants_demo"]

AIRFLOW = "airflow"
MODULES = {S3: children.S3, PUBLISHER: children.PUBLISHER, KAFKA: children.KAFKA}
NEED_LOCAL = (S3, KAFKA)  # as Postgres does; the demo's publisher needs nothing but Python
DEMO_FILES = "demo/databases"  # files that the demo's sources read directly
# servers that are needed only if a connection of the seeds names them
NAMED_BY = {PUBLISHER: "${HEADWATER_DEMO_URL}", KAFKA: "${HEADWATER_KAFKA}"}


@dataclass(frozen=True)
class Service:
    """One server. `pid` is None when it is the user's own; `is_started`: by this very call."""

    name: str
    address: str
    pid: int | None
    is_started: bool


@dataclass(frozen=True)
class Services:
    """All servers of a run, and the variables by which clients find the embedded ones."""

    home: Path
    services: tuple[Service, ...]
    environment: dict[str, str]


def ensure_up(project: Path) -> Services:
    """Start or find the embedded servers that are needed, and set `os.environ` to them.

    The demo publisher is needed if a connection in the seeds contains ${HEADWATER_DEMO_URL}, the broker if
    one contains ${HEADWATER_KAFKA}. A newly started broker gets the demo's messages. If two commands call
    this at once, each server is started once. Raises `ServiceError`.
    """
    folder = make_home(project)
    found: list[Service] = []
    variables: dict[str, str] = {}
    ports: dict[str, int] = {}
    with locked(folder):
        remembered = state.read(folder)
        for name in FOLDERS:
            before = remembered.get(name)
            address = environment.users_own(name, os.environ, before.port if before else None)
            if address is not None:
                found.append(Service(name, address, None, False))
            elif name not in NAMED_BY or _is_named(project, NAMED_BY[name]):
                now, is_started = _up(name, folder, before)
                remembered[name] = now
                state.write(folder, remembered)
                ports[name] = now.port
                variables |= environment.variables(name, now.port, os.environ, _secret(name, folder))
                pid = now.process.pid if now.process else None
                found.append(Service(name, f"{LOOPBACK}:{now.port}", pid, is_started))
    if ports:
        variables |= environment.marker(ports)
    if "HEADWATER_DEMO_FILES" not in os.environ and wants_demo(project):
        variables["HEADWATER_DEMO_FILES"] = str(folder / DEMO_FILES)
    os.environ.update(variables)
    return Services(folder, tuple(found), variables)


def down(project: Path) -> tuple[Service, ...]:
    """Stop the recorded servers that still run, Airflow before those it needs; return them.

    Keeps their ports for the next start. Raises `ServiceError` if one does not end.
    """
    folder = home(project)
    if not folder.is_dir():
        return ()
    stopped: list[Service] = []
    with locked(folder):
        remembered = state.read(folder)
        for name in sorted(remembered, key=lambda name: name != AIRFLOW):
            one = remembered[name]
            if one.process is not None and one.is_up:
                if name == POSTGRES:
                    postgres.stop_server(one.process)
                else:
                    stop(one.process, (signal.SIGTERM, 60 if name == AIRFLOW else 10), (signal.SIGKILL, 10))
                stopped.append(Service(name, f"{LOOPBACK}:{one.port}", one.process.pid, False))
            remembered[name] = Remembered(one.port, None)
            state.write(folder, remembered)
    return tuple(stopped)


def _up(name: str, folder: Path, before: Remembered | None) -> tuple[Remembered, bool]:
    """Return the running service, and whether it was started now."""
    log = folder / "logs" / f"{name}.log"
    data = folder / FOLDERS[name]
    if before is not None and before.process is not None and before.is_up:
        if not _is_closed(name, data):
            raise ServiceError(
                f"the embedded {name} (process {before.process.pid}) was started by an earlier version of Headwater,"
                " which lets every account of this machine in. `headwater down` stops it; the next command starts it"
                " closed, with its data."
            )
        if _is_ready(name, data, before.port, before.process):
            return before, False
        if before.is_up:  # else it was just about to end
            raise ServiceError(
                f"the embedded {name} (process {before.process.pid}) does not answer on port {before.port}. "
                f"`headwater down` stops it. The end of {log}:{log_tail(log)}"
            )
    port = before.port if before is not None else None
    if name == POSTGRES:
        server = postgres.start(data, log, port)
        return Remembered(server.port, server.process), True
    if name in NEED_LOCAL:
        require("local")
    child = children.start(MODULES[name], data, log, port)
    if name == KAFKA:
        from headwater.demo import producer

        producer.replay(f"{LOOPBACK}:{child.port}", folder / FOLDERS[PUBLISHER] / producer.FILE)
    return Remembered(child.port, child.process), True


def _is_ready(name: str, data: Path, port: int, process: Process) -> bool:
    if name == POSTGRES:
        return postgres.wait_until_ready(postgres.Server(port, process, postgres.passfile_of(data)))
    return children.wait_until_ready(port, process)


def _is_closed(name: str, data: Path) -> bool:
    """Return whether a running server authenticates its clients. A server of an earlier version does not."""
    if name == POSTGRES:
        return postgres.is_closed(data)
    return name != S3 or key_file_of(data).is_file()


def _secret(name: str, folder: Path) -> Path | None:
    """Return the file with the password or the key of a server, if it has one."""
    data = folder / FOLDERS[name]
    return {POSTGRES: postgres.passfile_of(data), S3: key_file_of(data)}.get(name)


def wants_demo(project: Path) -> bool:
    """Return whether a connection of the seeds uses the demo publisher."""
    return _is_named(project, NAMED_BY[PUBLISHER])


def _is_named(project: Path, variable: str) -> bool:
    """Return whether a connection of the seeds names a variable."""
    connections = project / "seeds" / "conn_str.csv"
    if not connections.is_file():
        return False
    with connections.open(newline="", encoding="utf-8", errors="replace") as file:
        return any(variable in value for row in csv.reader(file) for value in row)
