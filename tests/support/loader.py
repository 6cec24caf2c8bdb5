"""Loading contents into raw, and looking at what is there."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.extract.raw.load import Counts
from headwater.extract.raw.pending import load_delivery
from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.static.model import Source
from tests.support.sources import land_bytes


class Loader:
    """Loads contents into raw and reads back what is there."""

    def __init__(self, engine: Engine, store: ObjectStore, job_inst_id: int) -> None:
        self.engine, self.store, self.job_inst_id = engine, store, job_inst_id

    def land(self, source: Source, content: bytes, name: str = "places.csv") -> Delivery:
        return land_bytes(self.engine, self.store, source, content, name, self.job_inst_id)

    def load(self, source: Source, content: bytes, name: str = "places.csv") -> Counts:
        delivery = self.land(source, content, name)
        counts = load_delivery(self.engine, self.store, source, delivery, self.job_inst_id)
        assert counts is not None
        return counts

    def forget_definition(self) -> None:
        """Let the next load be of any definition."""
        self.execute("delete from metadata.source_definition")

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        names = ", ".join(_quoted(name) for name in columns)
        return self.query(f"select {names} from raw.places order by delivery_sqn, line_number")

    def execute(self, statement: str) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]


def _quoted(name: str) -> str:
    """A column, perhaps with a cast behind it."""
    column, _, cast = name.partition("::")
    quoted = column.replace('"', '""').replace("%", "%%")
    return f'"{quoted}"{cast and "::" + cast}'
