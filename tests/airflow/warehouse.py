"""The database on which Airflow's jobs work, and the folder from which they get their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg2


class Warehouse:
    """The database that Airflow's jobs work on."""

    def __init__(self, variables: dict[str, str]) -> None:
        self._place: dict[str, Any] = {
            "host": variables["PGHOST"], "port": variables["PGPORT"], "dbname": variables["PGDATABASE"],
            "user": variables["PGUSER"], "passfile": variables["PGPASSFILE"],
        }  # fmt: skip

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of the answer, if it has any."""
        with psycopg2.connect(**self._place) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []


def publish(publisher: Path, source: str, day: int, *lines: str) -> None:
    folder = publisher / source
    folder.mkdir(exist_ok=True)
    (folder / f"{source}-202601{day:02}.csv").write_text("\n".join(lines) + "\n")
