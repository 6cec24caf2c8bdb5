"""Signs of life of job instances: a lock of the process, which Postgres releases when the process ends."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.metadata.connection import hang_up


class Life:
    """A connection whose advisory locks show that job instances of this process are alive."""

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def show(self, job_inst_id: int) -> None:
        """Show that a job instance is alive."""
        self._connection.execute(life_lock("pg_advisory_lock", job_inst_id))

    def end(self) -> None:
        """Release the locks. The connection may be dead: it was idle since the run began."""
        hang_up(self._connection)


def life_lock(function: str, job_inst_id: int) -> sa.Select[Any]:
    """Return the statement that calls one of Postgres' advisory lock functions with the lock of a job instance."""
    name = sa.func.hashtextextended(f"headwater job instance {job_inst_id}", 0)
    return sa.select(getattr(sa.func, function)(name))
