"""Measurement: alternating ways, seconds, and the peak memory of processes. Standard library only."""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def by_turns(ways: Mapping[str, Callable[[], T]], repeats: int) -> dict[str, list[T]]:
    """Run every way once, in order, then again, so that a temporary disturbance affects all of them."""
    found: dict[str, list[T]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            found[name].append(way())
    return found


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that the work takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def median(numbers: Iterable[float]) -> float:
    """Return the median."""
    ordered = sorted(numbers)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def run_watched(*command: str) -> tuple[str, float, float]:
    """Run a program; return its output, its seconds, and the peak MiB of it and its children together.

    Shared memory counts for each process.
    """
    begin = time.perf_counter()
    with tempfile.TemporaryFile("w+") as message, tempfile.TemporaryFile("w+") as complained:
        process = subprocess.Popen(command, stdout=message, stderr=complained)
        peak, ended = [0.0], threading.Event()
        watch = threading.Thread(target=_watch, args=(process.pid, peak, ended))
        watch.start()
        code = process.wait()
        took = time.perf_counter() - begin
        ended.set()
        watch.join()
        message.seek(0), complained.seek(0)
        if code != 0:
            raise SystemExit(f"{' '.join(command)} failed:\n{complained.read()[-2000:]}")
        return message.read(), took, peak[0]


def _watch(pid: int, peak: list[float], ended: threading.Event) -> None:
    while not ended.wait(0.05):
        peak[0] = max(peak[0], sum(_mib(one) for one in _tree(pid)))


def _tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    try:
        children = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return [pid]
    return [pid, *(one for some in children for child in some for one in _tree(int(child)))]


def _mib(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024
    except (OSError, IndexError):
        return 0.0


def peak_mib() -> float:
    """Return the peak memory of this process. Avoids ru_maxrss on Linux, where a process inherits it."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except (OSError, IndexError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
