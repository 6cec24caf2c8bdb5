"""The record of the embedded services: `services.json` in the working folder.

It holds for each service its port, which stays the same, and its last known process. A lock beside it lets
only one command at a time start or stop services.
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
    """The record of one service: its port, and its process unless it was stopped."""

    port: int
    process: Process | None

    @property
    def is_up(self) -> bool:
        return self.process is not None and is_alive(self.process)


def read(home: Path) -> dict[str, Remembered]:
    """Return the recorded services; none before the first start. Raises `ServiceError` for a broken file."""
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
    """Write the record atomically."""
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
