"""Airflow for as long as the command runs: started with all that it needs, watched, and stopped with it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from headwater.services import AIRFLOW, airflow, ensure_up, state
from headwater.services.airflow import Airflow
from headwater.services.airflow_log import CombinedLog, Line
from headwater.services.airflow_settings import Ports
from headwater.services.processes import LOOPBACK, Process, born
from headwater.services.state import Remembered

EVERY_S = 0.3


class AlreadyRunning(Exception):  # noqa: N818  # it says what is so
    """Airflow runs already on this working folder."""

    def __init__(self, url: str, pid: int) -> None:
        super().__init__(f"Airflow runs already at {url} (process {pid}). `headwater down` stops it.")


class _Ended(BaseException):
    """Somebody asks this command to end."""


def run(
    project: Path,
    port: int | None,
    *,
    say: Callable[[str], None],
    show: Callable[[Line], None],
    ready: Callable[[Airflow], None],
    is_verbose: bool = False,
) -> None:
    """Run Airflow until somebody ends it, by Ctrl-C or a signal.

    `say` is told what is done, `show` the lines of the combined log, `ready` when all is healthy. Raises
    `AlreadyRunning`, and `ServiceError` when it does not start or a part of it ends by itself.
    """
    home = ensure_up(project).home
    ports = _claim(home, port or airflow.PORT)
    wanted = port or airflow.PORT
    if ports.api != wanted:
        say(f"port {wanted} is taken; Airflow gets {ports.api}")
    with _asked_to_end():
        started: Airflow | None = None
        try:
            started = airflow.start(project, home / "airflow", dags=project / "dags", ports=ports, say=say)
            log = CombinedLog({name: started.log(name) for name in started.components}, is_verbose=is_verbose)
            say("starting Airflow, which takes some 20 s")
            started.wait_until_healthy(meanwhile=lambda: _show(log, show))
            ready(started)
            while True:
                started.require_alive()
                _show(log, show)
                time.sleep(EVERY_S)
        except (_Ended, KeyboardInterrupt):
            say("stopping Airflow")
        finally:
            with _undisturbed():
                if started is not None:
                    started.stop()


def _show(log: CombinedLog, show: Callable[[Line], None]) -> None:
    for line in log.lines():
        show(line)


def _claim(home: Path, port: int) -> Ports:
    """Ports for an Airflow of this process, by which others find it. Raises `AlreadyRunning`."""
    with state.locked(home):
        remembered = state.read(home)
        before = remembered.get(AIRFLOW)
        if before is not None and before.process is not None and before.is_up:
            raise AlreadyRunning(f"http://{LOOPBACK}:{before.port}", before.process.pid)
        ports = airflow.choose_ports(port)
        me = Process(os.getpid(), born(os.getpid()) or "")
        state.write(home, {**remembered, AIRFLOW: Remembered(ports.api, me)})
    return ports


@contextmanager
def _asked_to_end() -> Iterator[None]:
    """Within, a signal that asks this process to end raises `_Ended`."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise _Ended

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Within, nobody's impatience leaves anything running."""
    before = {
        number: signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
