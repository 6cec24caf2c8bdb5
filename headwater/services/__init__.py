"""The servers that Headwater needs: the user's own where the environment names them, else embedded ones.

home          the working folder
state         what is remembered of servers, and the lock
environment   whose servers the variables mean
processes     starting, recognising and stopping a process
accounts      the user that Postgres runs as
postgres      the embedded Postgres
children      the embedded servers that are Python modules: s3, publisher, kafka
airflow       Airflow with its processes, on them
"""

from __future__ import annotations

import csv
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from headwater.services import children, environment, postgres, state
from headwater.services.environment import KAFKA, POSTGRES, PUBLISHER, S3
from headwater.services.home import home, make_home
from headwater.services.processes import LOOPBACK, log_tail, stop
from headwater.services.state import Remembered
from metadata.errors import ServiceError

__all__ = ["Service", "Services", "down", "ensure_up", "home", "make_home", "wants_demo"]

AIRFLOW = "airflow"
FOLDERS = {POSTGRES: "pg", S3: "s3", PUBLISHER: "demo/site", KAFKA: "kafka"}
MODULES = {S3: children.S3, PUBLISHER: children.PUBLISHER, KAFKA: children.KAFKA}
DEMO_FILES = "demo/databases"  # that the demo's sources read as they are
# servers that are needed only where a connection of the seeds speaks of them
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
    """Start the embedded servers that are needed and not running, or find them; set `os.environ` to them.

    The demo publisher is needed when a connection in the seeds speaks of ${HEADWATER_DEMO_URL}, the broker when one
    speaks of ${HEADWATER_KAFKA}. A broker that is started has the demo's messages.
    Two commands may call this at once: one server is started. Raises `ServiceError`.
    """
    folder = make_home(project)
    found: list[Service] = []
    told: dict[str, str] = {}
    ports: dict[str, int] = {}
    with state.locked(folder):
        remembered = state.read(folder)
        for name in FOLDERS:
            before = remembered.get(name)
            own = environment.users_own(name, os.environ, before.port if before else None)
            if own is not None:
                found.append(Service(name, own, None, False))
            elif name not in NAMED_BY or _is_named(project, NAMED_BY[name]):
                now, is_started = _up(name, folder, before)
                remembered[name] = now
                state.write(folder, remembered)
                ports[name] = now.port
                told |= environment.variables(name, now.port, os.environ)
                pid = now.process.pid if now.process else None
                found.append(Service(name, f"{LOOPBACK}:{now.port}", pid, is_started))
    if ports:
        told |= environment.marker(ports)
    if "HEADWATER_DEMO_FILES" not in os.environ and wants_demo(project):
        told["HEADWATER_DEMO_FILES"] = str(folder / DEMO_FILES)
    os.environ.update(told)
    return Services(folder, tuple(found), told)


def down(project: Path) -> tuple[Service, ...]:
    """Stop exactly the servers that are remembered and still run, Airflow before those it needs; return those.

    Their ports are kept for the next start. Raises `ServiceError` when one does not end.
    """
    folder = home(project)
    if not folder.is_dir():
        return ()
    stopped: list[Service] = []
    with state.locked(folder):
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
    """The running service, and whether it had to be started."""
    log = folder / "logs" / f"{name}.log"
    if before is not None and before.process is not None and before.is_up:
        ready = postgres.wait_until_ready if name == POSTGRES else children.wait_until_ready
        if ready(before.port, before.process):
            return before, False
        if before.is_up:  # else it was just about to end
            raise ServiceError(
                f"the embedded {name} (process {before.process.pid}) does not answer on port {before.port}. "
                f"`headwater down` stops it. The end of {log}:{log_tail(log)}"
            )
    port = before.port if before is not None else None
    data = folder / FOLDERS[name]
    if name == POSTGRES:
        server = postgres.start(data, log, port)
        return Remembered(server.port, server.process), True
    child = children.start(MODULES[name], data, log, port)
    if name == KAFKA:
        from headwater.demo import producer

        producer.replay(f"{LOOPBACK}:{child.port}", folder / FOLDERS[PUBLISHER] / producer.FILE)
    return Remembered(child.port, child.process), True


def wants_demo(project: Path) -> bool:
    """Whether a connection of the seeds is the demo publisher's."""
    return _is_named(project, NAMED_BY[PUBLISHER])


def _is_named(project: Path, variable: str) -> bool:
    """Whether a connection of the seeds speaks of a variable."""
    connections = project / "seeds" / "conn_str.csv"
    if not connections.is_file():
        return False
    with connections.open(newline="", encoding="utf-8", errors="replace") as file:
        return any(variable in value for row in csv.reader(file) for value in row)
