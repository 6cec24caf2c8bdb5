"""The folder below which tests write: in memory where the machine has room, since Postgres copies a database there in a
tenth of the time."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ENOUGH = 6 << 30  # bytes; a whole run of the long tests has never needed half of it


def folder_in_memory(memory: Path = MEMORY, enough: int = ENOUGH) -> Path | None:
    """Return the folder in memory, None where there is none, too little of it, or programs may not be run from it."""
    try:
        if shutil.disk_usage(memory).free < enough:
            return None
        with tempfile.TemporaryDirectory(dir=memory) as folder:
            script = Path(folder, "script")
            script.write_text("#!/bin/sh\n")
            script.chmod(0o700)
            subprocess.run([script], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return memory


def write_in_memory() -> None:
    """Have pytest make its folders in memory, unless the environment names another place; workers inherit it."""
    if (folder := folder_in_memory()) is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(folder))
