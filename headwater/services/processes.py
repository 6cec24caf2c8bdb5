"""Server processes that outlive the command that started them.

A pid alone says little: the kernel gives it away again. A `Process` is a pid with the moment of its
birth, so that no other process is ever taken for ours, nor stopped in its place.
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

_started: dict[int, subprocess.Popen[bytes]] = {}  # children of this very process: they must be reaped


@dataclass(frozen=True)
class Process:
    """A process on this machine: `born` tells it from every other one that had or gets this pid."""

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
    """Start `command` in a session of its own, its output appended to `log`, and return at once.

    `user` and `group` (numbers) are taken on before the start; only root may ask for it.
    Raises `ServiceError` when the program cannot be started at all.
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
    """Return when process `pid` was born, in words that differ for every process; None when it does not live."""
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
    """`born` where there is no /proc (macOS)."""
    asked = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = asked.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else " ".join(started.split())


def is_alive(process: Process) -> bool:
    """Return whether that very process still runs."""
    return process.born != "" and born(process.pid) == process.born


def stop(process: Process, *signals: tuple[signal.Signals, float]) -> None:
    """Send each signal in turn until the process is gone; beside each, how many seconds it is given.

    Does nothing when it is gone already. Raises `ServiceError` when it belongs to another user or
    does not end.
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
    """The living processes of the session that process `leader` began, by `spawn`, whoever their parents are now."""
    found = []
    for pid in _pids():
        try:
            birth = born(pid) if os.getsid(pid) == leader else None
        except OSError:
            continue  # it has just ended, or is another user's
        if birth is not None:
            found.append(Process(pid, birth))
    return found


def _pids() -> list[int]:
    if Path("/proc/self/stat").exists():
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    listed = subprocess.run(["ps", "-A", "-o", "pid="], capture_output=True, text=True, check=False).stdout
    return [int(pid) for pid in listed.split()]


def free_port(preferred: int | None = None) -> int:
    """`preferred` when nothing listens on it, else a port that the system finds free (loopback, TCP)."""
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
    """Return whether something accepts TCP connections on this loopback port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2):
            return True
    except OSError:
        return False


def log_tail(log: Path) -> str:
    """The last lines of a log, indented, to stand in an error message."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    except OSError:
        lines = []
    return "".join(f"\n    {line}" for line in lines) or "\n    (the log is empty)"
