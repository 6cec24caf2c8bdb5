"""Servers that are Python modules of ours: started as `python -m MODULE FOLDER PORT` on loopback."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from headwater.metadata.errors import ServiceError
from headwater.services.processes import Process, answers, free_port, is_alive, log_tail, spawn

START_PATIENCE_S = 30
TRIES = 3

S3 = "headwater.services.s3"
PUBLISHER = "headwater.services.publisher"
KAFKA = "headwater.services.kafka"


@dataclass(frozen=True)
class Child:
    """A server that accepts connections on a loopback port."""

    port: int
    process: Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def start(module: str, folder: Path, log: Path, port: int | None = None) -> Child:
    """Start `module` on `folder` and wait until it answers.

    Uses `port` if it is free, else another one. Raises `ServiceError`, with the tail of the log, if it does
    not start.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    project = str(Path(__file__).resolve().parents[2])
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [project, os.environ.get("PYTHONPATH")]))}
    for attempt in range(TRIES):
        chosen = free_port(port if attempt == 0 else None)
        process = spawn(
            [sys.executable, "-m", module, str(folder), str(chosen)], log=log, env=env, cwd=folder
        )
        if wait_until_ready(chosen, process):
            return Child(chosen, process)
    raise ServiceError(f"{module} does not start. The end of {log}:{log_tail(log)}")


def wait_until_ready(port: int, process: Process) -> bool:
    """Return whether the process accepts connections within `START_PATIENCE_S`; False at once if it is dead."""
    deadline = time.monotonic() + START_PATIENCE_S
    while is_alive(process) and time.monotonic() < deadline:
        if answers(port):
            return is_alive(process)  # else another program answered on our port
        time.sleep(0.03)
    return False
