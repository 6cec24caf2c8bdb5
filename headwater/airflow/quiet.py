"""Quiet logs of tasks: without what libraries say of themselves. Their warnings stay.

`HEADWATER_VERBOSE=1` in the environment of Airflow's processes lets them say all: `headwater airflow --verbose`.
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
    """Return whether logs of tasks hold all that is said."""
    return os.environ.get(VERBOSE, "").strip().lower() in ("1", "true", "yes")


def hush() -> None:
    """Let libraries say no less than a warning from now on, unless everything is asked for."""
    for name in () if is_verbose() else CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
