"""Events of a delivery: landed, checked, decided. Append-only; on S3 before Postgres, so that a rebuild keeps them.

Texts for people are stored with spelled NULs, because an event that Postgres cannot store would stay on S3
for good.
"""

from __future__ import annotations

import getpass
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, NamedTuple, Protocol
from uuid import UUID, uuid4

import sqlalchemy as sa
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, Engine
from sqlalchemy.dialects.postgresql import insert

from headwater.metadata.errors import StorageError
from headwater.metadata.process.deliveries import GREATEST_SQN, lock_source
from headwater.metadata.process.tables import EVENTS, delivery_event
from headwater.metadata.redaction import redact
from headwater.metadata.storable import storable
from headwater.metadata.visible import shortened

_KEY = re.compile(
    r"events/(?P<source>[^/]+)/(?P<sqn>[0-9]{10,19})/"
    r"[0-9]{8}T[0-9]{12}Z-(?P<event_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-[a-z]+\.json"
)


class EventStore(Protocol):
    """The part of an object store that events need."""

    def put_new(self, key: str, body: bytes) -> bool:
        """Store `body` under `key`; False, and nothing stored, when the key is taken."""


@dataclass(frozen=True)
class DeliveryEvent:
    """One event of a delivery."""

    event_id: UUID
    delivery_sqn: int
    event: str
    checks: tuple[str, ...]
    why: str
    who: str
    event_at: datetime  # the database's clock, UTC; never before what the event follows

    def storable(self) -> DeliveryEvent:
        """Return the event in a form that Postgres can store."""
        checks = tuple(map(storable, self.checks))
        return replace(self, checks=checks, why=storable(self.why), who=storable(self.who))


class EventKey(NamedTuple):
    """The facts in the key of an event."""

    delivery_sqn: int
    event_id: UUID


class _Said(BaseModel):
    """The contents of the S3 object of an event."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    event_id: UUID
    delivery_sqn: Annotated[int, Field(gt=0, le=GREATEST_SQN)]
    event: str
    checks: tuple[str, ...]
    why: str
    who: str
    event_at: AwareDatetime


def whoami() -> str:
    """Return the user of the operating system, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def record_event(
    engine: Engine, store: EventStore, delivery_sqn: int, source: str, event: str, *,
    why: str, checks: Sequence[str] = (), who: str | None = None,
) -> DeliveryEvent:  # fmt: skip
    """Record an event on S3, then in Postgres, in a separate transaction, after running loads of the source.

    A load must not see its pending deliveries change. A crash in between loses nothing: the next run
    registers events that Postgres lacks.
    """
    with engine.begin() as connection:
        lock_source(connection, source)
        return write_event(connection, store, delivery_sqn, source, event, why=why, checks=checks, who=who)


def write_event(
    connection: Connection, store: EventStore, delivery_sqn: int, source: str, event: str, *,
    why: str, checks: Sequence[str] = (), who: str | None = None,
) -> DeliveryEvent:  # fmt: skip
    """Record an event in the caller's transaction; under the source's lock if two processes could record it.

    It is dated after every recorded event of the delivery, whatever the clock shows.
    """
    moment: datetime = connection.execute(
        sa.select(sa.func.metadata.next_event_at(delivery_sqn))
    ).scalar_one()
    happened = DeliveryEvent(
        uuid4(), delivery_sqn, event, tuple(checks), redact(why), who or whoami(), moment.astimezone(UTC)
    ).storable()
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
    """Return whether a delivery was ever replayed, so that raw may contain rows of an earlier load."""
    seen = sa.exists().where(
        delivery_event.c.delivery_sqn == delivery_sqn, delivery_event.c.event == "replayed"
    )
    return bool(connection.execute(sa.select(seen)).scalar())


def was_let_in(connection: Connection, delivery_sqn: int) -> bool:
    """Return whether a delivery was passed or accepted, and not replayed since."""
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
    """Return the S3 key of the event; keys sort by delivery, then by time."""
    moment = happened.event_at.strftime("%Y%m%dT%H%M%S%fZ")
    return f"{events_folder(source, happened.delivery_sqn)}{moment}-{happened.event_id}-{happened.event}.json"


def events_folder(source: str, delivery_sqn: int | None = None) -> str:
    """The prefix of the keys of a source's events, or of those of one of its deliveries."""
    return f"events/{source}/" + ("" if delivery_sqn is None else f"{delivery_sqn:010d}/")


def event_at_key(source: str, key: str) -> EventKey | None:
    """Return the facts in a key; None if it is not the key of an event of the source."""
    found = _KEY.fullmatch(key)
    if found is None or found["source"] != source:
        return None
    return EventKey(int(found["sqn"]), UUID(found["event_id"]))


def to_json(happened: DeliveryEvent) -> bytes:
    """The event as its S3 object holds it."""
    return json.dumps(asdict(happened), default=str, ensure_ascii=False, indent=1).encode()


def from_json(body: bytes) -> DeliveryEvent:
    """The event that `to_json` wrote. Raises `StorageError` when the object is none."""
    try:
        message = _Said.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        why = shortened(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", 200)
        raise StorageError(f"it is not what was written ({why}), expected the object as it was") from None
    if message.event not in EVENTS:
        known = ", ".join(EVENTS)
        raise StorageError(f"its event {shortened(message.event)!r} is not known, expected one of {known}")
    found = DeliveryEvent(**dict(message))
    return replace(found, event_at=found.event_at.astimezone(UTC)).storable()
