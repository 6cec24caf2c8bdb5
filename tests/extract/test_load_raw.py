"""Raw loading: every record of a file is a row, as it came; a file that breaks its format leaves nothing."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from extract.load_raw import Counts
from extract.run import load_delivery
from extract.store import ObjectStore
from metadata.static.model import Source
from tests.extract.sources import land_bytes, make_source


class Loader:
    """Loads contents into raw and reads back what is there."""

    def __init__(self, engine: Engine, store: ObjectStore, job_inst_id: int) -> None:
        self.engine, self.store, self.job_inst_id = engine, store, job_inst_id

    def load(self, source: Source, content: bytes, name: str = "places.csv") -> Counts:
        delivery = land_bytes(self.engine, self.store, source, content, name, self.job_inst_id)
        counts = load_delivery(self.engine, self.store, source, delivery, self.job_inst_id)
        assert counts is not None
        return counts

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        names = ", ".join(f'"{name}"' for name in columns)
        with self.engine.connect() as connection:
            found = connection.exec_driver_sql(
                f"select {names} from raw.places order by delivery_sqn, line_number"
            )
            return [tuple(row) for row in found]


@pytest.fixture
def loader(database: Engine, store: ObjectStore, job_inst_id: int) -> Loader:
    return Loader(database, store, job_inst_id)


def test_records_become_rows_with_their_lines(loader: Loader) -> None:
    counts = loader.load(make_source(), b'id,name\n1,Ulm\n\n2,\n3,"a\nb"\r\n4,"x""y"\n')
    assert counts == Counts(parsed=4, written=4)
    assert loader.rows("line_number", "id", "name") == [
        (2, "1", "Ulm"),
        (4, "2", ""),
        (5, "3", "a\nb"),
        (7, "4", 'x"y'),
    ]
