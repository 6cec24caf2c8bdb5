"""A source of the project that Airflow runs: what its publisher publishes, and what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg2


class Source:
    """A source of CSV files with one header, in the database that Airflow's jobs work on."""

    def __init__(self, name: str, header: str, variables: dict[str, str], publisher: Path) -> None:
        self.name, self._header, self._folder = name, header, publisher / name
        self._place: dict[str, Any] = {
            "host": variables["PGHOST"], "port": variables["PGPORT"], "user": variables["PGUSER"],
            "dbname": variables["PGDATABASE"], "passfile": variables["PGPASSFILE"],
        }  # fmt: skip
        self._folder.mkdir(exist_ok=True)

    def publish(self, name: str, *lines: str) -> None:
        """Have the publisher publish a file."""
        (self._folder / name).write_text("\n".join([self._header, *lines]) + "\n")

    def connect(self) -> Any:
        """A connection of one's own."""
        return psycopg2.connect(**self._place)

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of the answer, if it has any."""
        connection = self.connect()
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def sqn(self, name: str) -> int:
        """The number of the delivery of that name."""
        ((found,),) = self.query(
            "select delivery_sqn from metadata.delivery where source = %s and publisher_name = %s",
            self.name,
            name,
        )
        return int(found)

    def history(self, *columns: str) -> list[tuple[Any, ...]]:
        """Every version, by its beginning."""
        return self.query(
            f"select {', '.join(columns)} from historical.{self.name} order by valid_from, {columns[0]}"
        )

    def events(self, sqn: int) -> list[tuple[Any, ...]]:
        """Return what was decided about a delivery, by whom and why."""
        return self.query(
            "select event, who, why from metadata.delivery_event where delivery_sqn = %s"
            " and event in ('withdrawn', 'restored', 'accepted', 'replayed') order by event_at",
            sqn,
        )
