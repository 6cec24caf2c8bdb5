"""Registration: each run first writes the rows of manifests and events that only S3 has.

An object is accepted only if it agrees with its key. An object with a foreign key is skipped with a warning.
An object that contradicts its key, or that Postgres refuses, is reported; all others of its source are
registered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

import psycopg2
import sqlalchemy as sa
from psycopg2.errors import ProgramLimitExceeded
from sqlalchemy import Connection, Engine

from headwater.extract.landing.manifest import manifest_at, manifest_sqn
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.errors import ArchiveBroken, PublisherError, StorageError
from headwater.metadata.process import events
from headwater.metadata.process.deliveries import Delivery, lock_source, record_layer, register
from headwater.metadata.process.source_changes import require_no_change
from headwater.metadata.process.tables import delivery, delivery_event
from headwater.metadata.visible import shortened

Warn = Callable[[str], None]

# what Postgres says of a row that it cannot have, and not of itself or of the connection
_REFUSALS = (psycopg2.DataError, psycopg2.IntegrityError, ProgramLimitExceeded)


@dataclass
class _Read:
    """The objects below a prefix that the database did not know: read, or why not."""

    registered: list[Delivery] = field(default_factory=list)
    problems: dict[int, list[str]] = field(default_factory=dict)  # by the delivery_sqn of their keys
    strays: list[str] = field(default_factory=list)  # addresses
    hides_deliveries: bool = False

    def failed(self, delivery_sqn: int, problem: str) -> None:
        """Put on record that an object of a delivery cannot be registered."""
        self.problems.setdefault(delivery_sqn, []).append(problem)

    def broken(self, source: str, *others: _Read) -> ArchiveBroken | None:
        """Return what to say of all that cannot be registered, None where there is nothing."""
        reads = (self, *others)
        problems = [message for read in reads for found in read.problems.values() for message in found]
        if not problems:
            return None
        registered = [one for read in reads for one in read.registered]
        hides = any(read.hides_deliveries for read in reads)
        return ArchiveBroken(source, problems, registered=registered, hides_deliveries=hides)


class _RowRefusedError(Exception):
    """Postgres does not take a row; the message is what it says."""


def register_archive(
    engine: Engine, store: ObjectStore, source: str, job_inst_id: int, warn: Warn = lambda _: None
) -> list[Delivery]:
    """Write the missing rows of the manifests and events of `source`; return the written deliveries.

    Calls `warn` for foreign objects. Raises `ArchiveBroken` if some contradict their key or the database,
    after all others were registered; `StorageError` if S3 does not answer; `HeadwaterError` while the source is being
    renamed or removed.
    """
    with engine.begin() as connection:
        lock_source(connection, source)
        require_no_change(connection, source)
        manifests = _register_manifests(connection, store, source, job_inst_id)
        happened = _register_events(connection, store, source, manifests)
        for delivery_sqn in _without_landed_event(connection, source):
            if delivery_sqn not in happened.problems:  # one of those may say that it landed
                record_landed(connection, store, source, delivery_sqn)
    for what, read in (("manifest", manifests), ("event", happened)):
        if read.strays:
            more = f" and {len(read.strays) - 1} more" if len(read.strays) > 1 else ""
            warn(
                f"{shortened(read.strays[0], 200)}{more}: passed over, by its name no {what} of ours. Expected"
                f" nothing else below {what}s/: move it elsewhere"
            )
    if broken := manifests.broken(source, happened):
        raise broken
    return manifests.registered


def register_events_of(connection: Connection, store: ObjectStore, source: str, delivery_sqn: int) -> None:
    """Write the missing rows of the events of one delivery, because the next decision has to follow them.

    The caller holds the source's lock. An event that cannot be registered is left to the next run, which
    reports it.
    """
    _register_events(connection, store, source, _Read(), delivery_sqn)


def register_manifests(
    connection: Connection, store: ObjectStore, source: str, job_inst_id: int
) -> list[Delivery]:
    """Write the rows of deliveries that have a manifest and no row. The caller holds the source's lock.

    Raises `ArchiveBroken` when it is not known of which delivery a manifest speaks.
    """
    read = _register_manifests(connection, store, source, job_inst_id)
    if read.hides_deliveries and (broken := read.broken(source)):
        raise broken
    return read.registered


def require_writable(connection: Connection, landed: Delivery, job_inst_id: int) -> None:
    """Raise `PublisherError` if Postgres would refuse the rows of a delivery; writes nothing.

    It runs before the manifest is written, because a manifest is permanent.
    """
    try:
        with _refused_by_postgres(connection, is_kept=False):
            register_landed(connection, landed, job_inst_id)
    except _RowRefusedError as refused:
        raise PublisherError(
            f"{landed.source}: what the publisher tells of {shortened(landed.publisher_name)!r} cannot be put on record"
            f" ({refused}), expected a name, a date and a fingerprint that can. Nothing of it is landed"
        ) from None


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


def _register_manifests(connection: Connection, store: ObjectStore, source: str, job_inst_id: int) -> _Read:
    read, known = _Read(), _known(connection, source)
    for key in store.list(f"manifests/{source}/"):
        delivery_sqn = manifest_sqn(source, key)
        if delivery_sqn is None:
            read.strays.append(store.address(key))
        elif delivery_sqn not in known:
            body = store.get(key)
            try:
                landed = manifest_at(key, body, store)
                with _refused_by_postgres(connection):
                    register_landed(connection, landed, job_inst_id)
                read.registered.append(landed)
            except _RowRefusedError as refused:
                read.failed(delivery_sqn, f"{store.address(key)}: {refused}")
            except StorageError as error:
                read.failed(delivery_sqn, f"{store.address(key)}: {error}")
                read.hides_deliveries = True
    return read


def _register_events(
    connection: Connection, store: ObjectStore, source: str, manifests: _Read, of: int | None = None
) -> _Read:
    read, deliveries = _Read(), _known(connection, source)
    of_source = sa.select(delivery_event.c.event_id).join(delivery).where(delivery.c.source == source)
    known: set[UUID] = set(connection.scalars(of_source))
    for key in store.list(events.events_folder(source, of)):
        in_key = events.event_at_key(source, key)
        if in_key is None:
            read.strays.append(store.address(key))
        elif in_key.event_id not in known and in_key.delivery_sqn not in manifests.problems:
            body = store.get(key)
            try:
                happened = events.from_json(body)
                _require_agreement(source, key, happened, deliveries)
                with _refused_by_postgres(connection):
                    events.register_event(connection, happened)
            except (_RowRefusedError, StorageError) as error:
                read.failed(in_key.delivery_sqn, f"{store.address(key)}: {error}")
    return read


def _require_agreement(
    source: str, key: str, happened: events.DeliveryEvent, deliveries: Collection[int]
) -> None:
    """Raise `StorageError` unless an event is the one of its key, and of a delivery that there is."""
    if events.event_key(source, happened) != key:
        raise StorageError(
            f"it records {happened.event}, {happened.event_id}, of delivery {happened.delivery_sqn} at"
            f" {happened.event_at}, expected the event of its key"
        )
    if happened.delivery_sqn not in deliveries:
        raise StorageError(f"it names delivery {happened.delivery_sqn}, which has no manifest")


@contextmanager
def _refused_by_postgres(connection: Connection, *, is_kept: bool = True) -> Iterator[None]:
    """Write the rows of the body, or only try to. Raises `_RowRefusedError` when Postgres does not take them."""
    attempt = connection.begin_nested()
    try:
        yield
        if is_kept:
            attempt.commit()
    except sa.exc.DBAPIError as error:
        if not isinstance(error.orig, _REFUSALS):
            raise
        raise _RowRefusedError(_first_line(error.orig)) from None
    except (
        sa.exc.StatementError,
        ValueError,
        TypeError,
    ) as error:  # psycopg2's own, before anything was sent
        raise _RowRefusedError(_first_line(error)) from None
    finally:
        if attempt.is_active:
            attempt.rollback()


def _first_line(error: BaseException) -> str:
    return shortened(str(error).strip().partition("\n")[0], 200)


def _known(connection: Connection, source: str) -> set[int]:
    return set(connection.scalars(sa.select(delivery.c.delivery_sqn).where(delivery.c.source == source)))


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
