"""Quiet task logs: without the info messages of libraries.

`HEADWATER_VERBOSE=1` in the environment of Airflow's processes enables them: `headwater airflow --verbose`.
"""

from __future__ import annotations

import logging
import os

VERBOSE = "HEADWATER_VERBOSE"
CHATTY = (
    "airflow.providers.openlineage",
    "alembic",
    "botocore",
    "cosmos",
    "great_expectations",
    "openlineage",
)


def is_verbose() -> bool:
    """Return whether task logs contain all messages."""
    return os.environ.get(VERBOSE, "").strip().lower() in ("1", "true", "yes")


def hush() -> None:
    """Hide messages of libraries below the level warning from now on, unless verbose."""
    for name in () if is_verbose() else CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
