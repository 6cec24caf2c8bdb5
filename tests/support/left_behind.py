"""Processes that tests started and forgot: those that still know a folder of the tests when the last test has ended."""

from __future__ import annotations

import os
import re
import shlex
import signal
import time
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path

from headwater.metadata.errors import ServiceError
from headwater.services.processes import Process, born, stop

PATIENCE_S = 5  # a process that was told to end may take a moment


def left_behind(folder: Path, patience_s: float = PATIENCE_S) -> dict[Process, str]:
    """Return the living processes of this user that know `folder`, each with its command line.

    A process knows a folder that its command line, its environment or its working folder names. The processes that
    have just been told to end are waited for. There are none to be seen where there is no /proc.
    """
    deadline = time.monotonic() + patience_s
    while (found := dict(_that_know(folder))) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def end_left_behind(folder: Path, patience_s: float = PATIENCE_S) -> list[str]:
    """End what is left behind and return the command lines."""
    found = left_behind(folder, patience_s)
    for process in found:
        try:
            stop(process, (signal.SIGTERM, 2), (signal.SIGKILL, 5))
        except ServiceError:  # the command line is said all the same
            continue
    return list(found.values())


def _that_know(folder: Path) -> Iterator[tuple[Process, str]]:
    name = re.compile(rb"%s(?![\w.-])" % re.escape(os.fsencode(folder)))
    end_with_us = {os.getpid(), getattr(resource_tracker._resource_tracker, "_pid", None)}
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) in end_with_us:
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            known = (
                command
                + b"\0"
                + (entry / "environ").read_bytes()
                + b"\0"
                + os.fsencode((entry / "cwd").readlink())
            )
        except OSError:  # it has just ended, or is another user's
            continue
        birth = born(int(entry.name))
        if command and birth is not None and name.search(known):
            yield (
                Process(int(entry.name), birth),
                shlex.join(command.decode(errors="replace").rstrip("\0").split("\0")),
            )
