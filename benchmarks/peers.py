"""The environment of the tools that the benchmarks compare with, created if it is missing."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).with_name("peers.lock")


def peers(home: Path, lock: Path = LOCK) -> Path:
    """Return the folder of the programs of a lock, below the working folder `home`; a changed lock creates it again."""
    folder = home / lock.stem
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = folder / "lock.sha256"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"installing what to compare with into {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
        ]
        command = [str(folder / "bin" / "python"), *install, "-r", str(lock)]
        # pip's messages on standard output would mix with the results
        subprocess.run(command, check=True, stdout=sys.stderr)
        stamp.write_text(wanted)
    return folder / "bin"
