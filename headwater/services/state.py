"""The memory of the embedded services: `services.json` in the working folder.

Per service its port, kept for good so that addresses stay the same, and its process while one was
last known. A lock beside it lets one command at a time start or stop anything.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headwater.metadata.errors import ServiceError
from headwater.services.processes import Process, is_alive

FILE = "services.json"


@dataclass(frozen=True)
class Remembered:
    """One service: its port, and its process unless it was stopped."""

    port: int
    process: Process | None

    @property
    def is_up(self) -> bool:
        return self.process is not None and is_alive(self.process)


def read(home: Path) -> dict[str, Remembered]:
    """Return what is remembered, by service; nothing before the first start. A broken file is a `ServiceError`."""
    path = home / FILE
    try:
        return {name: _entry(entry) for name, entry in json.loads(path.read_text()).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ServiceError(
            f"{path} cannot be read ({error!r}). Stop the servers that it names by their pid, then delete it."
        ) from error


def write(home: Path, services: Mapping[str, Remembered]) -> None:
    """Remember this, whole or not at all."""
    variables = {
        name: {
            "port": one.port,
            "pid": one.process and one.process.pid,
            "born": one.process and one.process.born,
        }
        for name, one in services.items()
    }
    unfinished = home / f"{FILE}.{os.getpid()}"
    unfinished.write_text(json.dumps(variables, indent=2) + "\n")
    unfinished.replace(home / FILE)


def _entry(variables: Mapping[str, object]) -> Remembered:
    port, pid, born = variables["port"], variables["pid"], variables["born"]
    if not isinstance(port, int):
        raise TypeError(f"port {port!r}")
    return Remembered(port, Process(pid, str(born)) if isinstance(pid, int) else None)
