"""Airflow in the foreground: started with everything it needs, watched, and stopped with the command."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType

from headwater.home import locked
from headwater.services import AIRFLOW, airflow, airflow_settings, ensure_up, state
from headwater.services.airflow import Airflow
from headwater.services.airflow_log import CombinedLog, Line
from headwater.services.airflow_settings import Ports
from headwater.services.processes import LOOPBACK, Process, born
from headwater.services.state import Remembered

EVERY_S = 0.3
ASK_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class AlreadyRunning(Exception):  # noqa: N818  # it says what is so
    """Airflow is already running on this working folder."""

    def __init__(self, url: str, pid: int) -> None:
        super().__init__(f"Airflow runs already at {url} (process {pid}). `headwater down` stops it.")


def run(
    project: Path,
    port: int | None,
    *,
    say: Callable[[str], None],
    show: Callable[[Line], None],
    ready: Callable[[Airflow], None],
    scheduled: Collection[str] = (),
    is_paused: bool = False,
    is_verbose: bool = False,
    more: Mapping[str, str] = airflow.NO_SETTINGS,
) -> None:
    """Run Airflow until a KeyboardInterrupt, see `asked_to_end`.

    Calls `say` with progress and with what will happen to the jobs of `scheduled`, see `airflow.start`;
    `show` with the lines of the combined log; `ready` when all is healthy. `more` are settings of Airflow's processes.
    Raises `AlreadyRunning`, and `ServiceError` if it does not start or a component ends by itself.
    """
    home = ensure_up(project).home
    ports = _claim(home, port or airflow.PORT)
    wanted = port or airflow.PORT
    if ports.api != wanted:
        say(f"port {wanted} is taken; Airflow gets {ports.api}")
    settings = (
        dict(more)
        | ({airflow_settings.PAUSED: "True"} if is_paused else {})
        | ({airflow_settings.VERBOSE: "1", airflow_settings.LEVELS: ""} if is_verbose else {})
    )
    started: Airflow | None = None
    try:
        started = airflow.start(
            project, home / "airflow", dags=project / "dags", ports=ports, say=say,
            scheduled=scheduled, settings=settings,
        )  # fmt: skip
        log = CombinedLog({name: started.log(name) for name in airflow.COMPONENTS}, is_verbose=is_verbose)
        say("starting Airflow, which takes some 20 s")
        started.wait_until_healthy(meanwhile=lambda: _show(log, show))
        ready(started)
        while True:
            started.require_alive()
            _show(log, show)
            time.sleep(EVERY_S)
    except KeyboardInterrupt:
        say("stopping Airflow")
    finally:
        with _undisturbed():
            if started is not None:
                started.stop()


def _show(log: CombinedLog, show: Callable[[Line], None]) -> None:
    for line in log.lines():
        show(line)


def _claim(home: Path, port: int) -> Ports:
    """Record the ports of an Airflow of this process, by which other commands find it. Raises `AlreadyRunning`."""
    with locked(home):
        remembered = state.read(home)
        before = remembered.get(AIRFLOW)
        if before is not None and before.process is not None and before.is_up:
            raise AlreadyRunning(f"http://{LOOPBACK}:{before.port}", before.process.pid)
        ports = airflow.choose_ports(port)
        me = Process(os.getpid(), born(os.getpid()) or "")
        state.write(home, {**remembered, AIRFLOW: Remembered(ports.api, me)})
    return ports


def asked_to_end() -> AbstractContextManager[None]:
    """Raise KeyboardInterrupt within the block when a signal asks this process to end.

    Also enables Ctrl-C, which a process that a script started with `&` ignores, together with its children.
    """

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    return _handled(end)


def _undisturbed() -> AbstractContextManager[None]:
    """Ignore signals within the block, so that an impatient second Ctrl-C leaves nothing running."""
    return _handled(signal.SIG_IGN)


@contextmanager
def _handled(by: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    """Handle the signals that ask a process to end with `by` within the block."""
    before = {number: signal.signal(number, by) for number in ASK_TO_END}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
