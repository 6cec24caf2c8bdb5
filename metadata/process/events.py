"""Events of a delivery: landed, judged, decided about. Append-only; on S3 before Postgres, so a rebuild keeps them."""

from __future__ import annotations

import getpass
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.dialects.postgresql import insert

from metadata.errors import StorageError
from metadata.process.deliveries import lock_source
from metadata.process.tables import delivery_event
from metadata.redaction import redact


class EventStore(Protocol):
    """What events need of an object store."""

    def put_new(self, key: str, body: bytes) -> bool:
        """Store `body` under `key`; False, and nothing stored, when the key is taken."""


@dataclass(frozen=True)
class DeliveryEvent:
    """One thing that happened to a delivery, or was decided about it."""

    event_id: UUID
    delivery_sqn: int
    event: str
    checks: tuple[str, ...]
    why: str
    who: str
    event_at: datetime  # the database's clock, UTC


def whoami() -> str:
    """Who acts, for the record: the user of the operating system."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def record_event(
    engine: Engine, store: EventStore, delivery_sqn: int, source: str, event: str, *,
    why: str, checks: Sequence[str] = (), who: str | None = None,
) -> DeliveryEvent:  # fmt: skip
    """Record an event on S3, then in Postgres, in a transaction of its own, once nobody writes layers of the source.

    A load that fixed what is pending must not see it change. Dying in between loses nothing: the next run registers
    events that Postgres does not know.
    """
    with engine.begin() as connection:
        lock_source(connection, source)
        return write_event(connection, store, delivery_sqn, source, event, why=why, checks=checks, who=who)


def write_event(
    connection: Connection, store: EventStore, delivery_sqn: int, source: str, event: str, *,
    why: str, checks: Sequence[str] = (), who: str | None = None,
) -> DeliveryEvent:  # fmt: skip
    """The same in the caller's transaction: where two processes may come to say it, under the source's lock."""
    now: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    happened = DeliveryEvent(
        uuid4(), delivery_sqn, event, tuple(checks), redact(why), who or whoami(), now.astimezone(UTC)
    )
    if not store.put_new(event_key(source, happened), to_json(happened)):
        raise StorageError(
            f"{event_key(source, happened)} is there already, and events are never overwritten"
        )
    register_event(connection, happened)
    return happened


def register_event(connection: Connection, happened: DeliveryEvent) -> bool:
    """Write an event's row; False when it was there."""
    values = {**asdict(happened), "checks": list(happened.checks)}
    row = connection.execute(
        insert(delivery_event).values(values).on_conflict_do_nothing().returning(delivery_event.c.event_id)
    ).first()
    return row is not None


def was_replayed(connection: Connection, delivery_sqn: int) -> bool:
    """Whether a delivery was ever sent through the layers again, so that rows of an earlier time may lie in raw."""
    seen = sa.exists().where(
        delivery_event.c.delivery_sqn == delivery_sqn, delivery_event.c.event == "replayed"
    )
    return bool(connection.execute(sa.select(seen)).scalar())


def was_let_in(connection: Connection, delivery_sqn: int) -> bool:
    """Whether a delivery was passed or accepted, and not sent to be judged again since."""
    event = delivery_event.c
    replayed = sa.select(sa.func.max(event.event_at)).where(
        event.delivery_sqn == delivery_sqn, event.event == "replayed"
    )
    seen = sa.exists().where(
        event.delivery_sqn == delivery_sqn,
        event.event.in_(("passed", "accepted")),
        event.event_at > sa.func.coalesce(replayed.scalar_subquery(), sa.text("'-infinity'")),
    )
    return bool(connection.execute(sa.select(seen)).scalar())


def event_key(source: str, happened: DeliveryEvent) -> str:
    """Where the event lies on S3; it sorts by delivery, then by time."""
    moment = happened.event_at.strftime("%Y%m%dT%H%M%S%fZ")
    return f"events/{source}/{happened.delivery_sqn:010d}/{moment}-{happened.event_id}-{happened.event}.json"


def to_json(happened: DeliveryEvent) -> bytes:
    """The event as its S3 object holds it."""
    return json.dumps(asdict(happened), default=str, ensure_ascii=False, indent=1).encode()


def from_json(body: bytes) -> DeliveryEvent:
    """The event that `to_json` wrote."""
    said = json.loads(body)
    return DeliveryEvent(
        event_id=UUID(said["event_id"]),
        delivery_sqn=said["delivery_sqn"],
        event=said["event"],
        checks=tuple(said["checks"]),
        why=said["why"],
        who=said["who"],
        event_at=datetime.fromisoformat(said["event_at"]),
    )
