"""`headwater` commands as processes of their own, each in its own process group, to be stopped and killed.

They are forked from one process that has imported what takes seconds: `python -m tests.pipeline.starter`. It has
no thread and no connection, reads an order per line and writes an event per line:

    {"order": 1, "arguments": ["run"], "environment": {…}, "output": PATH, "stop": {…} or null}
    {"order": 1, "started": PID}
    {"order": 1, "at": true}              it stands where its `stop` says, and stays there
    {"order": 1, "ended": EXIT STATUS}    a signal's number, negative, when one killed it
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from headwater.garbage import search_seldom
from tests.conftest import PROJECT
from tests.support.quick_dbt import quicken_dbt

PRELOADED = (
    "alembic.command", "boto3", "dbt.adapters.postgres", "dbt.cli.main", "headwater.extract.sources.http_files",
    "headwater.checks.validation", "headwater.cli.commands", "headwater.pipeline.decide", "headwater.pipeline.rebuild",
    "headwater.pipeline.runners.sources", "headwater.services",
)  # fmt: skip
# so that a small file takes the way of a large one, in many pieces
SMALL_PIECES = {
    "headwater.extract.http.client": ("CHUNK", 4096),
    "headwater.extract.files.text_blocks": ("BLOCK", 4096),
}


@dataclass(frozen=True)
class Stop:
    """Where a process is to stand still: at a call of a function, among whose arguments a text stands.

    `at` is `package.module:name` or `package.module:class.name`. `moment` is before or after the call, or halfway:
    then the function is called with the first half of its (last) argument.
    """

    at: str
    says: str = ""
    call: int = 1
    moment: str = "before"


class Command:
    """A command that was started."""

    def __init__(self, starter: Starter, order: int, output: Path) -> None:
        self._starter, self._order, self._output = starter, order, output
        self.pid = int(starter.event(order, "started"))

    @property
    def output(self) -> str:
        """All that it has written to its standard output and error."""
        return self._output.read_text(errors="replace")

    def wait_until_there(self) -> None:
        """Return when it stands where it was told to stop; it must not end before."""
        if self._starter.event(self._order, "at", "ended") is not True:
            raise AssertionError(f"it ended without coming to where it was to stop:\n{self.output}")

    def kill(self, *, may_have_ended: bool = False) -> None:
        """SIGKILL to its process group, and wait until it is gone."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        status = self.wait()
        assert may_have_ended or status == -signal.SIGKILL, (
            f"it had ended by itself, {status}:\n{self.output}"
        )

    def wait(self) -> int:
        """Wait until it ends; its exit status."""
        return int(self._starter.event(self._order, "ended"))


class Starter:
    """The process that commands are forked from. Leave it as a context to end it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._orders = 0
        self._unread: list[dict[str, Any]] = []
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "AWS_", "HEADWATER_"))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(folder / "starter.log").open("wb"),
            cwd=folder,
            # threads of numerical libraries do not survive a fork
            env={**environment, "PYTHONPATH": str(PROJECT), "OPENBLAS_NUM_THREADS": "1", "DO_NOT_TRACK": "1"},
        )

    def __enter__(self) -> Starter:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], stop: Stop | None = None
    ) -> Command:
        """Start `headwater ARGUMENTS` with just these variables more than none of ours."""
        assert self._process.stdin is not None
        self._orders += 1
        output = self._folder / f"{self._orders}.out"
        order = {
            "order": self._orders, "arguments": list(arguments), "environment": dict(environment),
            "output": str(output), "stop": asdict(stop) if stop else None,
        }  # fmt: skip
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return Command(self, self._orders, output)

    def event(self, order: int, *kinds: str) -> Any:
        """Return what is told of the first event of these kinds, of this order; it is waited for."""
        assert self._process.stdout is not None
        while True:
            for event in self._unread:
                kind = next((kind for kind in kinds if kind in event), None)
                if event["order"] == order and kind is not None:
                    if kind != "ended":  # how it ended may be asked again
                        self._unread.remove(event)
                    return event[kind]
            line = self._process.stdout.readline()
            if not line:
                raise AssertionError(f"the starter is gone:\n{(self._folder / 'starter.log').read_text()}")
            self._unread.append(json.loads(line))


def serve() -> None:
    """Fork a process for each order, and tell of its end, until there are no more orders."""
    search_seldom()
    for module in PRELOADED:
        importlib.import_module(module)
    quicken_dbt(setattr)
    ended, payload = os.pipe()
    os.set_blocking(payload, False)
    signal.set_wakeup_fd(payload)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, int] = {}
    unread = b""
    while True:
        ready, _, _ = select.select([0, ended], [], [])
        if ended in ready:
            os.read(ended, 4096)
        while running and (gone := os.waitpid(-1, os.WNOHANG))[0]:
            _tell(running.pop(gone[0]), ended=os.waitstatus_to_exitcode(gone[1]))
        if 0 in ready:
            chunk = os.read(0, 1 << 16)
            if not chunk:
                return
            *lines, unread = (unread + chunk).split(b"\n")
            for line in lines:
                order = json.loads(line)
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    _become(order)
                running[pid] = order["order"]
                _tell(order["order"], started=pid)


def _become(order: Mapping[str, Any]) -> NoReturn:
    """Be the command, in a new process group."""
    os.setsid()
    events = os.dup(1)
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(order["environment"])
    for module, (name, value) in SMALL_PIECES.items():
        setattr(importlib.import_module(module), name, value)
    if order["stop"]:
        _plant(Stop(**order["stop"]), order["order"], events)
    from headwater.cli.commands import app

    status = 70
    try:
        app(order["arguments"])
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:  # noqa: BLE001  (a fork must not go on as the starter, whatever happens)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # nothing of the starter's is to be cleaned up here


def _plant(stop: Stop, order: int, events: int) -> None:
    """Put a function in the place of another that stands still where it is told to."""
    module, _, path = stop.at.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    proper, calls = getattr(owner, name), 0

    def stand_still() -> None:
        _tell(order, events, at=True)
        threading.Event().wait()

    def stopping(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        if stop.says in " ".join(map(str, (*arguments, *named.values()))):
            calls += 1
            if calls == stop.call and stop.moment == "before":
                stand_still()
            if calls == stop.call and stop.moment == "halfway":
                *first, last = arguments
                proper(*first, last[: len(last) // 2], **named)
                stand_still()
            if calls == stop.call and stop.moment == "after":
                proper(*arguments, **named)
                stand_still()
        return proper(*arguments, **named)

    setattr(owner, name, stopping)


def _tell(order: int, to: int = 1, **event: Any) -> None:
    os.write(to, json.dumps({"order": order, **event}).encode() + b"\n")


if __name__ == "__main__":
    serve()
