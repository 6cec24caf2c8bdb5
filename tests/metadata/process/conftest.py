"""Deliveries of the tests' own, registered and said of without any file behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.metadata.process import deliveries
from headwater.metadata.process.events import DeliveryEvent, register_event

SOURCE = "places"


def at(day: int) -> datetime:
    """A day of January 2026."""
    return datetime(2026, 1, day, tzinfo=UTC)


def delivery(sqn: int, name: str = "a.csv", day: int = 1, **more: Any) -> deliveries.Delivery:
    """A landed delivery."""
    facts: dict[str, Any] = {
        "delivery_sqn": sqn, "source": SOURCE, "publisher_name": name, "delivery_filename": f"s3://bucket/{sqn}",
        "delivery_type": "snapshot", "delivery_date": at(day), "process_date": at(28), "content_sha256": f"{sqn:064x}",
        "file_size": 1, "fingerprint": {"size": sqn}, "job_inst_id": None,
    }  # fmt: skip
    return deliveries.Delivery(**(facts | more))


@dataclass
class Ledger:
    """Process metadata of a database, written as the layers would."""

    database: Engine
    event_count: int = field(default=0)

    def land(self, sqn: int, name: str = "a.csv", day: int = 1) -> int:
        with self.database.begin() as connection:
            assert deliveries.register(connection, delivery(sqn, name, day))
        return sqn

    def say(self, sqn: int, *events: str, checks: tuple[str, ...] = ()) -> None:
        """Events, each a second after the one before."""
        with self.database.begin() as connection:
            for event in events:
                self.event_count += 1
                moment = at(1) + timedelta(seconds=self.event_count)
                happened = DeliveryEvent(
                    UUID(int=self.event_count), sqn, event, checks, "a test", "a test", moment
                )
                assert register_event(connection, happened)

    def reach(self, sqn: int, *layers: str) -> None:
        """Be loaded in these layers."""
        with self.database.begin() as connection:
            job: int = connection.execute(sa.text("select metadata.this_job_inst('a job')")).scalar_one()
            for layer in layers:
                counts = {"record_count": 0}
                if layer == "historical":
                    changes = ("new", "changed", "unchanged", "ignored", "overtaken", "delete_mark")
                    counts |= {f"{change}_count": 0 for change in changes}
                deliveries.record_layer(connection, sqn, layer, status="loaded", job_inst_id=job, **counts)

    def state(self, sqn: int) -> Any:
        """The delivery's row of delivery_state."""
        with self.database.connect() as connection:
            statement = sa.text("select * from metadata.delivery_state where delivery_sqn = :sqn")
            return connection.execute(statement, {"sqn": sqn}).one()

    def pending(self, layer: str) -> list[int]:
        with self.database.connect() as connection:
            return [found.delivery_sqn for found in deliveries.pending(connection, SOURCE, layer)]

    def all_pending(self) -> dict[str, list[int]]:
        """Layer → what it has still to process, where there is something."""
        found = {layer: self.pending(layer) for layer in ("raw", "staging", "checks", "historical")}
        return {layer: sqns for layer, sqns in found.items() if sqns}


@pytest.fixture
def ledger(database: Engine) -> Ledger:
    """Process metadata without any delivery."""
    return Ledger(database)
