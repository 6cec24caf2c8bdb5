"""Airflow on this machine: its four processes on a database of its own, started, watched and stopped together.

airflow_settings    what they are told, their keys and passwords
airflow_database    where Airflow keeps what it knows
airflow_component   how one is started: it ends when the one that started it does
airflow_log         their logs as one
airflow_foreground  all of it, for as long as a command runs
airflow_config      what Airflow itself imports when it starts
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from headwater.services import airflow_database, airflow_settings
from headwater.services.airflow_settings import Ports
from headwater.services.processes import Process, free_port, is_alive, log_tail, session, spawn, stop
from metadata.errors import ServiceError

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
PORT = 8080
START_PATIENCE_S = 180
TASKS_PATIENCE_S = 10
SERVER_PATIENCE_S = 20
LONG_LOG_BYTES = 10 << 20
HEALTHY = {"metadatabase", "scheduler", "dag_processor", "triggerer"}


@dataclass(frozen=True)
class Airflow:
    """A started Airflow. `folder` is its own, with the logs of its processes in `logs/<component>.log`."""

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
        """Start a component; one that has ended may begin anew, and what it left behind is ended first."""
        if component in self.components:
            for left in session(self.components[component].pid):
                stop(left, (signal.SIGKILL, 10))
        module = "headwater.services.airflow_component"
        command = [sys.executable, "-P", "-m", module, str(os.getpid()), component]
        self.components[component] = spawn(command, log=self.log(component), env=self.env, cwd=self.folder)

    def dead(self) -> list[str]:
        """The components that have ended."""
        return [name for name, process in self.components.items() if not is_alive(process)]

    def wait_until_healthy(
        self, patience_s: float = START_PATIENCE_S, meanwhile: Callable[[], None] | None = None
    ) -> None:
        """Return when all of Airflow answers that it is well; `meanwhile` is called now and then.

        Raises `ServiceError` when that does not come.
        """
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            self.require_alive()
            if meanwhile is not None:
                meanwhile()
            if not _unwell(self.url):
                return
            time.sleep(0.2)
        unwell = ", ".join(sorted(_unwell(self.url)))
        raise ServiceError(
            f"Airflow does not become healthy at {self.url}: {unwell}. Its logs: {self.folder}/logs"
        )

    def require_alive(self) -> None:
        """Raise `ServiceError`, with the end of its log, when a component has ended."""
        for name in self.dead():
            raise ServiceError(
                f"Airflow's {name} has ended. The end of {self.log(name)}:{log_tail(self.log(name))}"
            )

    def stop(self) -> None:
        """End all that was started, and what that has started. Tasks that run are given a moment, then ended.

        The api-server goes last: what becomes of a task is told to it.
        """
        servers = [self.components[name] for name in COMPONENTS[:1] if name in self.components]
        others = [process for process in self.components.values() if process not in servers]
        _end(others, TASKS_PATIENCE_S)
        _end([process for process in self._family() if _is_task(process)], TASKS_PATIENCE_S)
        _end(servers, SERVER_PATIENCE_S)
        for process in self._family():
            stop(process, (signal.SIGKILL, 10))

    def _family(self) -> list[Process]:
        """Every living process of Airflow: each component has a session of its own."""
        return [process for leader in self.components.values() for process in session(leader.pid)]


def require_installed() -> None:
    """Raise `ServiceError` when this environment has no Airflow."""
    if importlib.util.find_spec("airflow") is None:
        raise ServiceError("Airflow is not installed here. `make airflow` installs it and starts it.")


def choose_ports(preferred: int | None = PORT) -> Ports:
    """Ports that nothing listens on; `preferred` for the pages, when it is free."""
    chosen: list[int] = [free_port(preferred)]
    while len(chosen) < 3:
        port = free_port()
        if port not in chosen:
            chosen.append(port)
    return Ports(*chosen)


def log_of(folder: Path, component: str) -> Path:
    return folder / "logs" / f"{component}.log"


def start(
    project: Path,
    folder: Path,
    *,
    dags: Path,
    ports: Ports,
    say: Callable[[str], None],
) -> Airflow:
    """Start Airflow on `folder`, made when it is missing, and return at once; `wait_until_healthy` waits.

    The servers are those of `os.environ`, whose settings of Airflow go before ours. Raises `ServiceError` when
    its database cannot be made ready.
    """
    require_installed()
    (folder / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)
    airflow_settings.passwords(folder)
    env = airflow_settings.environment(project, folder, dags, ports, os.environ)
    airflow_database.make(env, folder, say)
    started = Airflow(folder, ports, {}, env)
    try:
        for component in COMPONENTS:
            _put_aside(started.log(component))
            started.begin(component)
    except BaseException:
        started.stop()
        raise
    return started


def _put_aside(log: Path) -> None:
    """Begin a long log anew; the last long one is kept as `<component>.log.1`."""
    if log.exists() and log.stat().st_size > LONG_LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))


def _unwell(url: str) -> set[str]:
    """Which of Airflow's parts do not say that they are healthy."""
    try:
        # What tasks speak to takes seconds to answer for the first time, longer than a task waits for it.
        urllib.request.urlopen(f"{url}/execution/health", timeout=60).close()
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=10) as answer:
            told = json.load(answer)
    except (OSError, ValueError):
        return {"api-server"}
    return {part for part in HEALTHY if (told.get(part) or {}).get("status") != "healthy"}


def _end(processes: Sequence[Process], patience_s: float) -> None:
    """Ask all of them at once to end, and wait for it for so long."""
    for process in processes:
        if is_alive(process):
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while any(map(is_alive, processes)) and time.monotonic() < deadline:
        time.sleep(0.05)


def _is_task(process: Process) -> bool:
    """Whether it runs a task: those, unlike what else Airflow starts, lead a group of processes of their own."""
    try:
        return os.getpgid(process.pid) == process.pid != os.getsid(process.pid)
    except ProcessLookupError:
        return False
