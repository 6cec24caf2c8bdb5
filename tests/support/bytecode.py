"""Bytecode of our code and of the tests, kept even where PYTHONDONTWRITEBYTECODE forbids it.

Each command, task of Airflow and reading of its DAGs would compile our modules anew, which takes a third of a second,
and each process of a run all tests. Modules that a test writes while it runs leave none.
"""

from __future__ import annotations

import compileall
import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
ROOMS = ("headwater", "extract", "metadata")


def compile_rooms() -> None:
    """Compile what has changed since the last time."""
    for room in ROOMS:
        compileall.compile_dir(PROJECT / room, quiet=2)


def keep_bytecode() -> None:
    """Have this process keep the bytecode of what it imports."""
    sys.dont_write_bytecode = False


def keep_as_environment_says() -> None:
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
