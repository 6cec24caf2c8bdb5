"""Where Headwater keeps what it makes on this machine: one folder, ignored by git."""

from __future__ import annotations

import os
from pathlib import Path

from metadata.errors import ServiceError

VARIABLE = "HEADWATER_HOME"


def home(project: Path) -> Path:
    """The absolute working folder: $HEADWATER_HOME, else `.headwater` in the project."""
    own = os.environ.get(VARIABLE, "").strip()
    return (Path(own).expanduser() if own else project / ".headwater").absolute()


def make_home(project: Path) -> Path:
    """Make the working folder and its `logs/` where they are missing, and return it.

    Raises `ServiceError` when this user cannot write there.
    """
    folder = home(project)
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServiceError(
            f"{folder} cannot be made: {error.strerror}. Set {VARIABLE} to another folder."
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ServiceError(
            f"{folder} belongs to another user and cannot be written. Set {VARIABLE} to a folder of your own."
        )
    return folder
