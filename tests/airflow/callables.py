"""The function that a job of the tests calls."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Engine


def note(engine: Engine, job_inst_id: int, job_inst_task_id: int) -> str:
    """Leave a note of having been called."""
    with engine.begin() as connection:
        text = f"callable {job_inst_id} {job_inst_task_id}"
        connection.execute(sa.text("insert into scratch.notes (note) values (:note)"), {"note": text})
    return "noted"
