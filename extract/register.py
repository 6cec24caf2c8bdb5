"""Registering: each run first writes the rows that S3 has facts for and the database has not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from extract.manifest import from_json, manifest_sqn
from extract.store import ObjectStore
from metadata.errors import StorageError
from metadata.process import events
from metadata.process.deliveries import Delivery, lock_source, record_layer, register
from metadata.process.tables import delivery, delivery_event

T = TypeVar("T")


def register_archive(engine: Engine, store: ObjectStore, source: str, job_inst_id: int) -> list[Delivery]:
    """Write the rows of the manifests and events of `source` that have none; returns the deliveries written.

    Raises `StorageError` when the archive contradicts itself or the database.
    """
    with engine.begin() as connection:
        lock_source(connection, source)
        written = register_manifests(connection, store, source, job_inst_id)
        _register_events(connection, store, source)
        for delivery_sqn in _without_landed_event(connection, source):
            record_landed(connection, store, source, delivery_sqn)
    return written


def register_manifests(
    connection: Connection, store: ObjectStore, source: str, job_inst_id: int
) -> list[Delivery]:
    """Write the rows of deliveries that have a manifest and no row. The caller holds the source's lock."""
    known = _known(connection, source)
    written = []
    for key in store.list(f"manifests/{source}/"):
        if manifest_sqn(key) not in known:
            landed = _parsed(store, key, lambda body: from_json(body, store))
            register_landed(connection, landed, job_inst_id)
            written.append(landed)
    return written


def register_landed(connection: Connection, landed: Delivery, job_inst_id: int) -> None:
    """Write the rows of one landed delivery. Raises `StorageError` when its number belongs to another one."""
    if not register(connection, landed):
        raise StorageError(
            f"{landed.source}: delivery {landed.delivery_sqn} of {landed.publisher_name} is on S3, but the "
            "database has another delivery of that number: expected one database for one bucket"
        )
    record_layer(
        connection,
        landed.delivery_sqn,
        "landed",
        status="loaded",
        job_inst_id=job_inst_id,
        file_size=landed.file_size,
    )


def record_landed(connection: Connection, store: ObjectStore, source: str, delivery_sqn: int) -> None:
    """Record the event that begins a delivery's life. The caller holds the source's lock: it happens once."""
    events.write_event(connection, store, delivery_sqn, source, "landed", why="landed by the extractor")


def _register_events(connection: Connection, store: ObjectStore, source: str) -> None:
    deliveries = _known(connection, source)
    of_source = sa.select(delivery_event.c.event_id).join(delivery).where(delivery.c.source == source)
    known: set[UUID] = set(connection.scalars(of_source))
    for key in store.list(f"events/{source}/"):
        if _event_id(key) in known:
            continue
        happened = _parsed(store, key, events.from_json)
        if happened.delivery_sqn not in deliveries:
            raise StorageError(
                f"{store.address(key)} speaks of delivery {happened.delivery_sqn}, which has no manifest"
            )
        events.register_event(connection, happened)


def _parsed(store: ObjectStore, key: str, parse: Callable[[bytes], T]) -> T:
    """What an object says. Raises `StorageError` when it is not what was written."""
    body = store.get(key)
    try:
        return parse(body)
    except StorageError as error:
        raise StorageError(f"{store.address(key)}: {error}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StorageError(
            f"{store.address(key)} is not what was written ({error}), expected the object as it was"
        ) from None


def _known(connection: Connection, source: str) -> set[int]:
    return set(connection.scalars(sa.select(delivery.c.delivery_sqn).where(delivery.c.source == source)))


def _event_id(key: str) -> UUID:
    """The event's id in its key, `…/<moment>-<id>-<event>.json`."""
    return UUID(key.rpartition("/")[2].partition("-")[2][:36])


def _without_landed_event(connection: Connection, source: str) -> list[int]:
    landed = sa.select(delivery_event.c.delivery_sqn).where(
        delivery_event.c.delivery_sqn == delivery.c.delivery_sqn, delivery_event.c.event == "landed"
    )
    return list(
        connection.scalars(
            sa.select(delivery.c.delivery_sqn)
            .where(delivery.c.source == source, ~landed.exists())
            .order_by(delivery.c.delivery_sqn)
        )
    )
