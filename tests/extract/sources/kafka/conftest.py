"""A broker for the whole session, and extractions of its topics."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.extract.run import ExtractSummary, extract_source
from headwater.metadata.static.model import Source
from tests.support.broker import Cluster, running


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A broker for the whole session."""
    with running() as cluster:
        yield cluster


class Reading:
    """Extractions of one source."""

    def __init__(self, engine: Engine, store: ObjectStore, job_inst_id: int) -> None:
        self.engine, self.store, self.job_inst_id = engine, store, job_inst_id

    def extract(self, source: Source) -> ExtractSummary:
        return extract_source(self.engine, self.store, source, self.job_inst_id, lambda *_, **__: None)

    def lines(self) -> list[dict[str, Any]]:
        """Every message that landed, in the order of the deliveries."""
        return [
            json.loads(line)
            for (address,) in self.query(
                "select delivery_filename from metadata.delivery order by delivery_sqn"
            )
            for line in gzip.decompress(self.store.get(self.store.key(address))).splitlines()
        ]

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement))]


@pytest.fixture
def reading(database: Engine, store: ObjectStore, job_inst_id: int) -> Reading:
    """Extractions into the test's database."""
    return Reading(database, store, job_inst_id)
