"""dbt's own memory of a project that it has parsed, handed on to a new subset of the project.

dbt compares each file with its memory and parses only what differs. A subset that is parsed for the first time has no
memory, but shares the macros with every other subset, and they take three quarters of the time. So it begins with the
memory of another one: dbt forgets the models that the subset lacks, and parses those that are new.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

STATE = Path("target", "partial_parse.msgpack")


def begin_with_known_state(place: Path, home: Path) -> None:
    """Give dbt in `place`, where it has parsed nothing yet, the state of a subset of the project in `home`."""
    state = place / STATE
    if state.exists() or (known := known_state(home)) is None:
        return
    unfinished = state.with_name(f"{state.name}.{os.getpid()}")  # another process may begin there, too
    with suppress(OSError):  # without it dbt is slower; where it cannot write either, dbt itself says so
        state.parent.mkdir(exist_ok=True)
        shutil.copyfile(known, unfinished)
        unfinished.replace(state)


def known_state(home: Path) -> Path | None:
    """Return the smallest state of a subset, of which dbt has the least to forget; None before the first parse.

    A state that another release of dbt or another connection has left is no harm: dbt does not use it.
    """
    return min((home / "dbt").glob(f"*/{STATE}"), key=lambda state: state.stat().st_size, default=None)
