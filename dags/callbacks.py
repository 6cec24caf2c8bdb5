"""What is told when a run does not go well."""

from __future__ import annotations

from typing import Any


def tell_failure(context: Any) -> None:
    """Called by Airflow when a run of a job has failed."""
