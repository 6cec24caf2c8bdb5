"""Dry runs in the background: a few at once, each in a separate process; pages poll their progress.

They belong to one process of the api-server and end with it, even after a kill. A separate process isolates
dbt, and long dry runs can be stopped.
"""

from __future__ import annotations

import atexit
import contextvars
import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from headwater.dbt_project.dry_run import DryRunResult, dry_run_from_json
from headwater.metadata.environment import overlay
from headwater.metadata.redaction import redact
from headwater.metadata.visible import in_line
from headwater.project import VARIABLE as PROJECT
from headwater.project import Project

log = logging.getLogger(__name__)

AT_ONCE = 2  # a dry run takes some hundred MB
MOST_WAITING = 20
LONGEST_S = 3600
KEPT_S = 900  # of a result without requests
UNWATCHED_S = 120  # without a page that polls it
STOP_S = 5

Start = Callable[[str, int], "subprocess.Popen[str]"]  # of a decision about a delivery


@dataclass
class DryRun:
    """The effect of a decision on history, as far as it is known. `message` says why numbers are missing."""

    decision: str
    delivery_sqn: int
    user_id: str
    why: str
    project: str = ""  # its folder, where several share this process
    state: str = "waiting"  # then running, then done
    progress: str = "Waiting for another dry run to end."
    found: DryRunResult | None = None
    message: str | None = None
    number: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    begun_at: float = field(default_factory=time.monotonic)
    ended_at: float | None = None
    asked_at: float = field(default_factory=time.monotonic)

    @property
    def is_done(self) -> bool:
        """Return whether it has ended."""
        return self.state == "done"

    @property
    def seconds(self) -> int:
        """Return its duration so far."""
        return round((self.ended_at or time.monotonic()) - self.begun_at)


class DryRuns:
    """The dry runs of this process; `start` starts the program of a dry run, with three pipes."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._runs: dict[str, DryRun] = {}
        self._children: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(AT_ONCE)
        self._is_ending = False
        atexit.register(self.end)

    def begin(self, decision: str, delivery_sqn: int, user_id: str, why: str) -> DryRun:
        """Start a dry run and return at once. Returns a running one of the same user, delivery and decision."""
        with self._lock:
            self._forget()
            for run in self._runs.values():
                same = (run.decision, run.delivery_sqn, run.user_id, run.project)
                if not run.is_done and same == (decision, delivery_sqn, user_id, _at_work()):
                    run.why, run.asked_at = why, time.monotonic()
                    return run
            run = DryRun(decision, delivery_sqn, user_id, why, _at_work())
            self._runs[run.number] = run
            if sum(not one.is_done for one in self._runs.values()) > MOST_WAITING:
                _end_with(run, message="Very many dry runs are waiting just now. Try again in some minutes.")
                return run
        context = contextvars.copy_context()  # the thread works for the project of the request
        threading.Thread(
            target=context.run, args=(self._carry_out, run), daemon=True, name=f"dry run {run.number}"
        ).start()
        return run

    def find(self, number: str, delivery_sqn: int, user_id: str) -> DryRun | None:
        """Return a dry run by its number, for the user who began it; None if it no longer exists."""
        with self._lock:
            self._forget()
            run = self._runs.get(number)
            asked = (delivery_sqn, user_id, _at_work())
            if run is None or (run.delivery_sqn, run.user_id, run.project) != asked:
                return None
            run.asked_at = time.monotonic()
            return run

    def end(self) -> None:
        """Stop all running ones."""
        self._is_ending = True
        for child in list(self._children):
            _stop(child)

    def _forget(self) -> None:
        now = time.monotonic()
        for number, run in list(self._runs.items()):
            if run.ended_at is not None and now - max(run.ended_at, run.asked_at) > KEPT_S:
                del self._runs[number]

    def _carry_out(self, run: DryRun) -> None:
        while not self._free.acquire(timeout=1):
            if self._is_unwanted(run):
                _end_with(run, message="Nobody has asked for it any more.")
                return
        try:
            _end_with(run, *self._outcome(run))
        except Exception:
            log.exception("the dry run of %s %s failed", run.decision, run.delivery_sqn)
            _end_with(run, message="The dry run failed; the log of the api-server says why.")
        finally:
            self._free.release()

    def _outcome(self, run: DryRun) -> tuple[DryRunResult | None, str | None]:
        run.state, run.progress = "running", "Reading the project."
        child = self._start(run.decision, run.delivery_sqn)
        self._children.add(child)
        complaints: list[str] = []
        answer: list[str] = []
        readers = [
            threading.Thread(target=_follow, args=(child.stderr, run, complaints), daemon=True),
            threading.Thread(
                target=lambda: answer.append(child.stdout.read() if child.stdout else ""), daemon=True
            ),
        ]
        for reader in readers:
            reader.start()
        try:
            why_ended = self._wait(child, run)
            for reader in readers:
                reader.join(STOP_S)
        finally:
            self._children.discard(child)
            for stream in (child.stdin, child.stdout, child.stderr):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()
        if why_ended is not None:
            return None, why_ended
        if child.returncode == 0:
            return dry_run_from_json(json.loads("".join(answer))), None
        return None, _complaint(run, complaints)

    def _wait(self, child: subprocess.Popen[str], run: DryRun) -> str | None:
        """Wait until it has ended or was stopped; return why."""
        while True:
            with suppress(subprocess.TimeoutExpired):
                child.wait(timeout=0.2)
                return None
            if self._is_unwanted(run):
                _stop(child)
                return "It was ended, since no page asked for it any more."
            if run.seconds > LONGEST_S:
                _stop(child)
                return (
                    f"The dry run did not end within {LONGEST_S // 60} minutes, so there are no numbers."
                    f" `headwater {run.decision} {run.delivery_sqn} --dry-run` in a terminal takes the time it needs."
                )

    def _is_unwanted(self, run: DryRun) -> bool:
        return self._is_ending or time.monotonic() - run.asked_at > UNWATCHED_S


def _at_work() -> str:
    return overlay().get(PROJECT, "")


def start_command(project: Project, decision: str, delivery_sqn: int) -> subprocess.Popen[str]:
    """Start our own command, which ends with the process that started it."""
    command = (sys.executable, "-P", "-m", "headwater.cli.tied", decision, str(delivery_sqn))
    return subprocess.Popen(
        [*command, "--dry-run", "--json", "--why", "dry run"],
        cwd=project.root,
        env={**os.environ, **overlay(), PROJECT: str(project.root), "NO_COLOR": "1", "COLUMNS": "10000"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _follow(stream: Iterable[str] | None, run: DryRun, complaints: list[str]) -> None:
    """Pass its output on; the last of it may be the reason of a failure."""
    for line in stream or ():
        message = redact(line.strip())
        if message:
            complaints.append(message)
            del complaints[:-200]
            if not message.startswith("Error: "):
                run.progress = in_line(message[:300])


def _complaint(run: DryRun, complaints: Sequence[str]) -> str:
    errors = [line.removeprefix("Error: ") for line in complaints if line.startswith("Error: ")]
    if errors:
        return errors[-1]
    log.error("the dry run of %s %s failed: %s", run.decision, run.delivery_sqn, "\n".join(complaints))
    return "The dry run failed; the log of the api-server says why."


def _end_with(run: DryRun, found: DryRunResult | None = None, message: str | None = None) -> None:
    run.found, run.message, run.ended_at = found, message, time.monotonic()
    run.state = "done"


def _stop(child: subprocess.Popen[str]) -> None:
    for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with suppress(OSError):
            child.send_signal(sent)
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=STOP_S)
            return
