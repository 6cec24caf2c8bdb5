"""Airflow on this machine: its four processes on a database of its own, started, watched and stopped together.

airflow_settings    their settings, keys and passwords
airflow_database    Airflow's metadata database
airflow_pools       the pools that jobs name
airflow_component   one process, which ends with the process that started it
airflow_log         their logs as one
airflow_foreground  Airflow in the foreground of a command
airflow_config      imports at Airflow's start
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from headwater.metadata.errors import ServiceError
from headwater.metadata.extras import require
from headwater.services import airflow_database, airflow_settings
from headwater.services.airflow_settings import Ports
from headwater.services.processes import Process, free_port, is_alive, log_tail, session, spawn, stop

SCHEDULER = "scheduler"
COMPONENTS = ("api-server", SCHEDULER, "dag-processor", "triggerer")
# Airflow's log servers listen on every address of the machine; here the api-server reads all logs as files
OPTIONS = {"scheduler": ("--skip-serve-logs",), "triggerer": ("--skip-serve-logs",)}
PORT = 8080
START_PATIENCE_S = 300
TASKS_PATIENCE_S = 10
SERVER_PATIENCE_S = 20
LONG_LOG_BYTES = 10 << 20
MOST_NAMED = 20
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
HEALTHY = {"metadatabase", "scheduler", "dag_processor", "triggerer"}


@dataclass(frozen=True)
class Airflow:
    """A started Airflow.

    `folder` is its folder, with the logs of its processes in `logs/<component>.log`. Its scheduler starts in
    `wait_until_healthy`, after the api-server, which tasks contact when they begin.
    """

    folder: Path
    ports: Ports
    components: dict[str, Process]
    env: Mapping[str, str] = field(repr=False)  # holds secrets

    @property
    def url(self) -> str:
        return self.ports.url

    @property
    def passwords(self) -> dict[str, str]:
        """The password of each user."""
        return airflow_settings.passwords(self.folder)

    def log(self, component: str) -> Path:
        return log_of(self.folder, component)

    def begin(self, component: str) -> None:
        """Start a component; one that has ended is started again after its remaining children were stopped."""
        if component in self.components:
            for left in session(self.components[component].pid):
                stop(left, (signal.SIGKILL, 10))
        module = "headwater.services.airflow_component"
        options = OPTIONS.get(component, ())
        command = [sys.executable, "-P", "-m", module, str(os.getpid()), component, *options]
        self.components[component] = spawn(command, log=self.log(component), env=self.env, cwd=self.folder)

    def dead(self) -> list[str]:
        """Return the components that have ended."""
        return [name for name, process in self.components.items() if not is_alive(process)]

    def wait_until_healthy(
        self, patience_s: float = START_PATIENCE_S, meanwhile: Callable[[], None] | None = None
    ) -> None:
        """Return when all components report that they are healthy; calls `meanwhile` regularly.

        Raises `ServiceError` after a timeout.
        """
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            self.require_alive()
            if meanwhile is not None:
                meanwhile()
            if SCHEDULER in self.components:
                if not _unwell(self.url):
                    return
            elif _lets_tasks_begin(self.url):
                self.begin(SCHEDULER)
            time.sleep(0.2)
        unwell = ", ".join(sorted(_unwell(self.url)))
        raise ServiceError(
            f"Airflow does not become healthy at {self.url}: {unwell}. Its logs: {self.folder}/logs"
        )

    def require_alive(self) -> None:
        """Raise `ServiceError` with the end of its log if a component has ended."""
        for name in self.dead():
            raise ServiceError(
                f"Airflow's {name} has ended. The end of {self.log(name)}:{log_tail(self.log(name))}"
            )

    def stop(self) -> None:
        """Stop all components and their children.

        Running tasks get a moment to end. The api-server stops last, because tasks report their state to it.
        """
        servers = [self.components[name] for name in COMPONENTS[:1] if name in self.components]
        others = [process for process in self.components.values() if process not in servers]
        _end(others, TASKS_PATIENCE_S)
        _end([process for process in self._family() if _is_task(process)], TASKS_PATIENCE_S)
        _end(servers, SERVER_PATIENCE_S)
        for process in self._family():
            stop(process, (signal.SIGKILL, 10))

    def _family(self) -> list[Process]:
        """Return every live process of Airflow: each component has its own session."""
        return [process for leader in self.components.values() for process in session(leader.pid)]


def choose_ports(preferred: int | None = PORT) -> Ports:
    """Return a free port for the pages; `preferred` if it is free."""
    return Ports(free_port(preferred))


def log_of(folder: Path, component: str) -> Path:
    return folder / "logs" / f"{component}.log"


def start(
    project: Path,
    folder: Path,
    *,
    dags: Path,
    ports: Ports,
    say: Callable[[str], None],
    scheduled: Collection[str] = (),
    settings: Mapping[str, str] = NO_SETTINGS,
) -> Airflow:
    """Start Airflow on `folder`, which is created if missing, and return at once; `wait_until_healthy` waits.

    The servers are those of `os.environ`, whose Airflow settings override ours, and `settings` override both.
    Announces what will happen to those jobs of `scheduled` (with a schedule) that are new to Airflow. Raises
    `ServiceError` if its database cannot be prepared.
    """
    require("airflow")
    (folder / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)
    airflow_settings.passwords(folder)
    env = airflow_settings.environment(project, folder, dags, ports, {**os.environ, **settings})
    airflow_database.make(env, folder, say)
    if new := sorted(set(scheduled) - airflow_database.known_dags(env)):
        say(_what_becomes_of(new, env))
    started = Airflow(folder, ports, {}, env)
    try:
        for component in COMPONENTS:
            _put_aside(started.log(component))
            if component != SCHEDULER:
                started.begin(component)
    except BaseException:
        started.stop()
        raise
    return started


def _what_becomes_of(new: Sequence[str], env: Mapping[str, str]) -> str:
    """Return a sentence about what Airflow does with jobs that have a schedule and are new to it."""
    shown = ", ".join(new[:MOST_NAMED]) + (
        f" and {len(new) - MOST_NAMED} more" if len(new) > MOST_NAMED else ""
    )
    jobs = f"{len(new)} jobs with a schedule are" if len(new) > 1 else "a job with a schedule is"
    if env[airflow_settings.PAUSED].strip().lower() in ("true", "t", "1"):
        return f"{jobs} new to this Airflow and paused until you let them run there: {shown}"
    return (
        f"{jobs} new to this Airflow. Each begins at once, with the run that was due last; at most"
        f" {env[airflow_settings.PARALLELISM]} tasks run at a time. With --paused they wait until you let"
        f" them run: {shown}"
    )


def _put_aside(log: Path) -> None:
    """Rotate a long log; the last one is kept as `<component>.log.1`."""
    if log.exists() and log.stat().st_size > LONG_LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))


def _lets_tasks_begin(url: str) -> bool:
    """Return whether the API for tasks answers; its first answer takes seconds, longer than a task waits."""
    try:
        urllib.request.urlopen(f"{url}/execution/health", timeout=60).close()
    except OSError:
        return False
    return True


def _unwell(url: str) -> set[str]:
    """Return the components of Airflow that are not healthy."""
    try:
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=10) as answer:
            variables = json.load(answer)
    except (OSError, ValueError):
        return {"api-server"}
    return {part for part in HEALTHY if (variables.get(part) or {}).get("status") != "healthy"}


def _end(processes: Sequence[Process], patience_s: float) -> None:
    """Ask all processes at once to end, and wait that long."""
    for process in processes:
        if is_alive(process):
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while any(map(is_alive, processes)) and time.monotonic() < deadline:
        time.sleep(0.05)


def _is_task(process: Process) -> bool:
    """Return whether a process runs a task: only tasks lead process groups of their own."""
    try:
        return os.getpgid(process.pid) == process.pid != os.getsid(process.pid)
    except ProcessLookupError:
        return False
