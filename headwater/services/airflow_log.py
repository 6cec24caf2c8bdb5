"""The logs of Airflow's processes as one log for people, without routine messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from headwater.metadata.redaction import redact

ENTRY = re.compile(r"(?P<at>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)\S* \[(?P<level>\w+) *\] (?P<text>.*)")
ORIGIN = re.compile(r"\s+\[[\w.]+\].*$|\s+loc=\S+.*$")  # the logger's name and what follows it
LOUD = ("warning", "error", "critical")
NOISE = (
    "section/key [",  # a setting that may be left out
    "SimpleAuthManager is active",  # intended: Airflow runs on one person's machine
    "ASGI app factory detected",
    "TI try_number mismatch",  # a late message of an earlier try
    "Starting call to",  # Airflow retries
)
COULD_NOT_BEGIN = "Workload execution failed."  # of a task, which Airflow retries like any failed one
OF_PYTHON = "[py.warnings]"  # messages of libraries about each other
RUN_ENDED = re.compile(
    r"DagRun Finished: dag_id=(\S+), .*?run_id=(\S+), .*?run_duration=([\d.]+), state=(\w+)"
)
TASK_ENDED = re.compile(
    r"TaskInstance Finished: dag_id=(\S+), task_id=(\S+), .*?map_index=(-?\d+), .*?state=(\w+)"
)
TRACE = (
    "Traceback (",
    "The above exception was",
    "During handling of",
)
OURS = "[headwater]"  # the message of a failed task, which Airflow repeats
CUT_SHORT = re.compile(r"Executor \S+ reported that the task instance <TaskInstance: (\S+) .*?\[(\w+)\]")
NO_POOL = re.compile(r"Tasks using non-existent pool '(.+?)' will not be scheduled")
FAILURE = re.compile(
    r"Task failed with exception .*?'exc_type': '(\w+)', 'exc_value': (?P<q>['\"])(.*?)(?P=q), 'exc_"
)
WHOSE = re.compile(r"dag_id=(\S+) .*?task_id=(\S+)")
FILE_READ = re.compile(r"\S+ +(\S+\.py) +(\d+) +(\d+) +[\d.]+s +\S+$")


@dataclass(frozen=True)
class Line:
    """One line of the combined log. `level` is info, warning, error or critical."""

    at: str
    component: str
    level: str
    text: str


class CombinedLog:
    """The new lines of these logs, by component. All of them if `is_verbose`."""

    def __init__(self, logs: Mapping[str, Path], *, is_verbose: bool = False) -> None:
        self._readers = {component: _Reader(path) for component, path in logs.items()}
        self._is_verbose = is_verbose
        self._shown = dict.fromkeys(logs, ("", "info", False))
        self._broken: set[str] = set()
        self._missing_pools: set[str] = set()

    def lines(self) -> Iterator[Line]:
        """Yield the lines since the last call, in order for each component."""
        for component, reader in self._readers.items():
            for raw in reader.lines():
                line = self._line(component, raw)
                if line is not None:
                    yield line

    def _line(self, component: str, raw: str) -> Line | None:
        entry = ENTRY.match(raw)
        if entry is not None:
            at = entry["at"][-8:]
            level, text = entry["level"], entry["text"]
            if not self._is_verbose:
                level, text = _in_short(level, self._pool_that_is_missing(text))
            self._shown[component] = (at, level, bool(text))
        else:  # it continues the last entry
            at, level, is_shown = self._shown[component]
            text = raw.rstrip() if is_shown or self._is_verbose else ""
            if not self._is_verbose and _is_of_trace(raw):
                text = ""
            unread = self._unread_file(raw)
            if unread:
                level, text = "error", unread
        return Line(at, component, level, redact(text)) if text else None

    def _pool_that_is_missing(self, text: str) -> str:
        """Return a message about a missing pool once, although Airflow repeats it every second; other texts
        unchanged.
        """
        found = NO_POOL.match(text)
        if found is None:
            return text
        if found[1] in self._missing_pools:
            return ""
        self._missing_pools.add(found[1])
        return f"Airflow has no pool {found[1]}: the jobs that name it wait. Make it on its page Admin, Pools"

    def _unread_file(self, raw: str) -> str:
        """Report an unreadable DAG file once, from the table that the dag-processor prints regularly."""
        found = FILE_READ.match(raw)
        if found is None:
            return ""
        name, is_broken = found[1], int(found[3]) > 0
        if not is_broken:
            self._broken.discard(name)
        elif name not in self._broken:
            self._broken.add(name)
            return f"{name} cannot be read; the first page of Airflow shows why"
        return ""


class _Reader:
    """The new lines of a file, which may not exist yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = path.stat().st_size if path.exists() else 0

    def lines(self) -> list[str]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._place)
                whole, _, rest = file.read().rpartition(b"\n")
                self._place = file.tell() - len(rest)
        except FileNotFoundError:
            return []
        return whole.decode(errors="replace").splitlines()


def _is_of_trace(raw: str) -> bool:
    """Return whether a line belongs to a stack trace, except for its last line with the error."""
    return not raw.strip() or raw[0].isspace() or raw.startswith(TRACE)


def _in_short(level: str, text: str) -> tuple[str, str]:
    """Return the essential text of an entry with its level; nothing for most entries."""
    run = RUN_ENDED.match(text)
    if run:
        is_well = run[4] == "success"
        ended = "succeeded" if is_well else run[4]
        return "info" if is_well else "error", f"{run[1]} {run[2]}: {ended} after {float(run[3]):.0f} s"
    task = TASK_ENDED.match(text)
    if task and task[4] == "failed":
        index = f"[{task[3]}]" if int(task[3]) >= 0 else ""
        return "error", f"{task[1]}.{task[2]}{index} failed"
    if level not in LOUD or text.startswith(NOISE) or OF_PYTHON in text:
        return level, ""
    if OURS in text:
        return level, ""
    if short := CUT_SHORT.match(text):
        return level, "" if short[
            2
        ] == "queued" else f"{short[1]}: its process ended without a word: killed, or no memory"
    if text.startswith(COULD_NOT_BEGIN):
        return "warning", "a task could not begin, and is tried again:"
    failure, whose = FAILURE.match(text), WHOSE.search(text)
    if failure and whose:
        return level, f"{whose[1]}.{whose[2]}: {failure[1]}: {failure[3]}"
    return level, ORIGIN.sub("", text).strip()
