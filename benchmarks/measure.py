"""Measuring: ways to do the same by turns, and the most memory that a process had. Standard library only."""

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
    """Go every way once, in order, then again: what disturbs the machine for a while disturbs all of them."""
    found: dict[str, list[T]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            found[name].append(way())
    return found


def timed(work: Callable[[], object]) -> float:
    """Seconds that the work takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def median(numbers: Iterable[float]) -> float:
    """The middle one, or the mean of the two in the middle."""
    ordered = sorted(numbers)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def run_watched(*command: str) -> tuple[str, float, float]:
    """Run a program; what it wrote, its seconds, and the most MiB that it and all that it started had at a time.

    Memory that several of them share counts for each.
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
    """A process, and those that it and its threads started."""
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
    """The most memory that this process ever had. Not ru_maxrss where it can be helped: Linux inherits that."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except (OSError, IndexError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
