"""The working folder for files that Headwater creates on this machine: ignored by git, closed to other accounts.

It contains the data, passwords and keys of the embedded servers, logs, and pages with rows of deliveries.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.metadata.environment import variables
from headwater.metadata.errors import ServiceError

VARIABLE = "HEADWATER_HOME"
NAME = ".headwater"
OWNER_ALONE = 0o700
PARTS = ("logs", "s3", "pg", "kafka", "demo", "docs", "data_docs", "airflow")
DEMO_SITE = "demo/site"  # the pages of the demo's publishers, below the working folder
LOCK = "services.lock"
MARKS = ("services.json", "services.lock")  # a folder that has one is no other program's


def home(project: Path) -> Path:
    """Return the absolute working folder: $HEADWATER_HOME, else `.headwater` in the project."""
    named = variables().get(VARIABLE, "").strip()
    return (Path(named).expanduser() if named else project / NAME).absolute()


def make_home(project: Path) -> Path:
    """Create the working folder and its `logs/` if they are missing, close it to other accounts, and return it.

    A folder of another program that the user names stays open; our files in it are closed. Raises
    `ServiceError` if this user cannot write there.
    """
    folder = home(project)
    try:
        for path in (folder, folder / "logs"):
            path.mkdir(mode=OWNER_ALONE, parents=True, exist_ok=True)
        _close(folder)
    except OSError as error:
        raise ServiceError(
            f"{folder} cannot be made: {error.strerror}. Set {VARIABLE} to another folder."
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ServiceError(
            f"{folder} belongs to another user and cannot be written. Set {VARIABLE} to a folder of your own."
        )
    return folder


@contextmanager
def locked(folder: Path, name: str = LOCK) -> Iterator[None]:
    """Hold the lock `name`; by default the right to start and stop the recorded services of `folder`."""
    path = folder / name
    try:
        lock = path.open("a")
    except PermissionError:
        raise ServiceError(
            f"{path} belongs to another user. Set HEADWATER_HOME to a folder of your own."
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _close(folder: Path) -> None:
    is_ours = folder.name == NAME or any((folder / mark).exists() for mark in MARKS)
    is_new = [path.name for path in folder.iterdir()] == ["logs"]
    for path in ([folder] if is_ours or is_new else []) + [folder / part for part in PARTS]:
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        is_shared = found.st_mode & stat.S_ISVTX  # as /tmp is
        if found.st_mode & 0o077 and not is_shared and os.geteuid() in (0, found.st_uid):
            path.chmod(OWNER_ALONE)
