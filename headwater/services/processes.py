"""Server processes that outlive the command that started them.

The kernel reuses pids. So a `Process` is a pid with the time of its birth, and Headwater never takes, or
stops, another process for its own.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headwater.metadata.errors import ServiceError

LOOPBACK = "127.0.0.1"
LOG_TAIL_LINES = 15

_started: dict[int, subprocess.Popen[bytes]] = {}  # children of this process, which must be reaped


@dataclass(frozen=True)
class Process:
    """A process on this machine: `born` distinguishes it from every other process with the same pid."""

    pid: int
    born: str


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path,
    user: int | None = None,
    group: int | None = None,
) -> Process:
    """Start `command` in a new session, append its output to `log`, and return at once.

    The process switches to `user` and `group` (numbers) before the start, which only root may do. Raises
    `ServiceError` if the program cannot be started.
    """
    try:
        with log.open("ab") as output:
            child = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
            )
    except OSError as error:
        raise ServiceError(f"{command[0]} cannot be started: {error}") from error
    _started[child.pid] = child
    return Process(child.pid, born(child.pid) or "")


def born(pid: int) -> str | None:
    """Return the birth time of process `pid`, as a text that is unique per process; None if it is dead."""
    child = _started.get(pid)
    if child is not None and child.poll() is not None:
        del _started[pid]
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None if Path("/proc/self/stat").exists() else _born_by_ps(pid)
    state, ticks_since_boot = fields[0], fields[19]
    return None if state in "ZX" else f"{boot}/{ticks_since_boot}"


def _born_by_ps(pid: int) -> str | None:
    """Return `born` on systems without /proc (macOS)."""
    asked = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = asked.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else " ".join(started.split())


def is_alive(process: Process) -> bool:
    """Return whether this process still runs."""
    return process.born != "" and born(process.pid) == process.born


def stop(process: Process, *signals: tuple[signal.Signals, float]) -> None:
    """Send each signal in turn, with the given number of seconds after each, until the process is gone.

    Does nothing if it is already gone. Raises `ServiceError` if it belongs to another user or does not end.
    """
    for number, patience in signals:
        if not is_alive(process):
            return
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return
        except PermissionError:
            raise ServiceError(f"process {process.pid} belongs to another user, who must stop it") from None
        deadline = time.monotonic() + patience
        while is_alive(process) and time.monotonic() < deadline:
            time.sleep(0.02)
    if is_alive(process):
        raise ServiceError(f"process {process.pid} does not end")


def session(leader: int) -> list[Process]:
    """Return the live processes of the session that `leader` began (see `spawn`), whoever their parents are now."""
    found = []
    for pid in _pids():
        try:
            birth = born(pid) if os.getsid(pid) == leader else None
        except OSError:
            continue  # it has just ended, or belongs to another user
        if birth is not None:
            found.append(Process(pid, birth))
    return found


def _pids() -> list[int]:
    if Path("/proc/self/stat").exists():
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    listed = subprocess.run(["ps", "-A", "-o", "pid="], capture_output=True, text=True, check=False).stdout
    return [int(pid) for pid in listed.split()]


def free_port(preferred: int | None = None) -> int:
    """Return `preferred` if nothing listens on it, else a free port from the system (loopback, TCP)."""
    for port in (preferred, 0):
        if port is None:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServiceError(f"no TCP port is free on {LOOPBACK}")


def answers(port: int) -> bool:
    """Return whether a program accepts TCP connections on this loopback port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2):
            return True
    except OSError:
        return False


def log_tail(log: Path) -> str:
    """Return the last lines of a log, indented, for an error message."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    except OSError:
        lines = []
    return "".join(f"\n    {line}" for line in lines) or "\n    (the log is empty)"
