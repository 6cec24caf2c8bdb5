"""The variables that say where a project's servers are: those of this process, or those of one project among several.

A process that works for one project has them in `os.environ`, where libpq, dbt and boto3 find them. A process that
answers for several at once, as Airflow's api-server does, works within `overlaid`.
"""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_NOTHING: Mapping[str, str] = {}
_OVERLAY: ContextVar[Mapping[str, str]] = ContextVar("variables of a project", default=_NOTHING)


def overlay() -> Mapping[str, str]:
    """Return the variables that the project at work has of its own in this process; none outside `overlaid`."""
    return _OVERLAY.get()


def variables() -> Mapping[str, str]:
    """Return the variables of the project at work: its own, then those of the process."""
    settings = overlay()
    return ChainMap(dict(settings), os.environ) if settings else os.environ


@contextmanager
def overlaid(settings: Mapping[str, str]) -> Iterator[None]:
    """Work for the project of these variables within the block, in this thread or task alone."""
    token = _OVERLAY.set(settings)
    try:
        yield
    finally:
        _OVERLAY.reset(token)
