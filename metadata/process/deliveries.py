"""Deliveries: their registration, their facts, and their progress through the layers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import distinct_on, insert

from headwater.metadata.process.tables import delivery, delivery_status

GREATEST_SQN = 10**15  # greatest accepted number: a greater one would leave no numbers for later deliveries
Fingerprint = Mapping[str, Any]  # a publisher's facts about a file: etag, last_modified, size


@dataclass(frozen=True)
class NewDelivery:
    """A delivery that a publisher offers and that is not landed yet. `delivery_date` is aware, in UTC."""

    source: str
    publisher_name: str
    delivery_type: str
    delivery_date: datetime
    fingerprint: Fingerprint


@dataclass(frozen=True)
class Delivery:
    """A landed delivery: the immutable facts that its manifest holds too."""

    delivery_sqn: int
    source: str
    publisher_name: str
    delivery_filename: str  # s3://bucket/key
    delivery_type: str
    delivery_date: datetime
    process_date: datetime
    content_sha256: str
    file_size: int  # bytes
    fingerprint: Fingerprint
    job_inst_id: int | None
    watermark_from: Mapping[str, Any] | None = None  # of a window of what changed: what was asked for
    watermark_to: Mapping[str, Any] | None = (
        None  # the greatest that its records hold: the next window begins there
    )
    part: Mapping[str, str] | None = None  # the part in its name: partition attribute → its text


_FACTS = [delivery.c[name] for name in Delivery.__dataclass_fields__]


def lock_source(connection: Connection, source: str) -> None:
    """Wait for, and hold until the end of the transaction, the exclusive right to write layers of `source`."""
    connection.execute(sa.text("select metadata.lock_source(:source)"), {"source": source})


def next_delivery_sqn(connection: Connection) -> int:
    """A number that no delivery has; gaps are fine."""
    sqn: int = connection.execute(sa.text("select nextval('metadata.delivery_sqn_seq')")).scalar_one()
    return sqn


def register(connection: Connection, landed: Delivery) -> bool:
    """Write the row of a landed delivery; False when it was there. Later numbers begin above it."""
    row = connection.execute(
        insert(delivery).values(asdict(landed)).on_conflict_do_nothing().returning(delivery.c.delivery_sqn)
    ).first()
    connection.execute(
        sa.text(
            "select setval('metadata.delivery_sqn_seq', :sqn)"
            " from metadata.delivery_sqn_seq where last_value < :sqn"
        ),
        {"sqn": landed.delivery_sqn},
    )
    return row is not None


def known_fingerprints(
    connection: Connection, source: str, offered: Collection[tuple[str, datetime]]
) -> dict[tuple[str, datetime], dict[str, Any]]:
    """Return (publisher_name, delivery_date) → the fingerprint of the newest landing, for offers.

    Omits a halted delivery without a fingerprint: only its content can show whether it was corrected.
    """
    names, dates = zip(*offered, strict=True) if offered else ((), ())
    ask = sa.text(
        "with offered as (select * from unnest(cast(:names as text[]), cast(:dates as timestamptz[]))"
        "   as told (publisher_name, delivery_date)),"
        " newest as (select distinct on (publisher_name, delivery_date) publisher_name, delivery_date, delivery_sqn,"
        "   fingerprint from metadata.delivery join offered using (publisher_name, delivery_date)"
        "   where source = :source order by publisher_name, delivery_date, delivery_sqn desc)"
        " select publisher_name, delivery_date, fingerprint from newest where fingerprint <> '{}' or not exists"
        "   (select from metadata.delivery_state as state where state.delivery_sqn = newest.delivery_sqn"
        "     and state.verdict = 'halted')"
    )
    rows = connection.execute(ask, {"source": source, "names": list(names), "dates": list(dates)})
    return {(row.publisher_name, row.delivery_date): row.fingerprint for row in rows}


def newest_content(
    connection: Connection, source: str, publisher_name: str, delivery_date: datetime
) -> str | None:
    """Return the sha256 (hex) of the newest landing of one identity; None if there is none."""
    found: str | None = connection.execute(
        sa.select(delivery.c.content_sha256)
        .where(
            delivery.c.source == source,
            delivery.c.publisher_name == publisher_name,
            delivery.c.delivery_date == delivery_date,
        )
        .order_by(delivery.c.delivery_sqn.desc())
        .limit(1)
    ).scalar()
    return found


def landed(connection: Connection, delivery_sqn: int) -> Delivery:
    """Return the facts of an existing delivery by its number."""
    facts = sa.select(*_FACTS).where(delivery.c.delivery_sqn == delivery_sqn)
    return Delivery(**connection.execute(facts).mappings().one())


def newest_landed(connection: Connection, source: str) -> list[Delivery]:
    """Return the deliveries of a source, of any status, in landing order.

    Of those with the same name and watermark only the newest, so that many readings of a table are one row.
    """
    alike = (delivery.c.publisher_name, delivery.c.watermark_to)
    newest = (
        sa.select(*_FACTS)
        .where(delivery.c.source == source)
        .ext(distinct_on(*alike))
        .order_by(*alike, delivery.c.delivery_date.desc(), delivery.c.delivery_sqn.desc())
        .subquery()
    )
    facts = sa.select(newest).order_by(newest.c.delivery_sqn)
    return [Delivery(**row) for row in connection.execute(facts).mappings()]


def newest_named(deliveries: Iterable[Delivery], publisher_name: str) -> Delivery | None:
    """Return the newest delivery of one name, None if there is none."""
    named = [one for one in deliveries if one.publisher_name == publisher_name]
    return max(named, key=lambda one: (one.delivery_date, one.delivery_sqn), default=None)


def count_landed(connection: Connection, source: str) -> int:
    """Return the number of deliveries of a source, of any status."""
    ask = sa.select(sa.func.count()).select_from(delivery).where(delivery.c.source == source)
    return int(connection.execute(ask).scalar_one())


def raw_pending(connection: Connection, source: str) -> list[Delivery]:
    """Return landed deliveries that raw does not hold yet, in the order in which they apply."""
    return pending(connection, source, "raw")


def still_lacks_rows(connection: Connection, of: Delivery) -> bool:
    """Return whether a pending delivery is still pending in raw: not loaded, refused or withdrawn since.

    Queries only this delivery, since the pending deliveries depend on all of the source.
    """
    ask = sa.text(
        "select staging.status is not distinct from 'recalled' or (not is_withdrawn and verdict <> 'halted')"
        " from metadata.delivery_state as state"
        " left join metadata.delivery_status as staging"
        "   on staging.delivery_sqn = state.delivery_sqn and staging.layer = 'staging'"
        " where source = :source and publisher_name = :publisher_name and delivery_date = :delivery_date"
        "   and state.delivery_sqn = :delivery_sqn and staging.status is distinct from 'loaded'"
        "   and not exists (select from metadata.delivery_status as raw where raw.delivery_sqn = state.delivery_sqn"
        "     and raw.layer = 'raw' and raw.status = 'loaded')"
    )
    identity = {name: getattr(of, name) for name in ("source", "publisher_name", "delivery_date")}
    return bool(connection.execute(ask, {**identity, "delivery_sqn": of.delivery_sqn}).scalar())


def pending(connection: Connection, source: str, layer: str) -> list[Delivery]:
    """Return the deliveries that `layer` has still to process, in order of (delivery_date, publisher_name)."""
    sqns: list[int] = connection.execute(
        sa.text("select metadata.pending_deliveries(:source, :layer)"), {"source": source, "layer": layer}
    ).scalar_one()
    rows = connection.execute(sa.select(*_FACTS).where(delivery.c.delivery_sqn.in_(sqns))).mappings()
    found = {row["delivery_sqn"]: Delivery(**row) for row in rows}
    return [found[sqn] for sqn in sqns]


def purgeable(connection: Connection, source: str, layer: str, keep: int) -> list[int]:
    """Return the deliveries whose rows raw or staging may delete, older than the `keep`-th newest."""
    ask = sa.text("select metadata.purgeable_deliveries(:source, :layer, :keep)")
    sqns: list[int] = connection.execute(ask, {"source": source, "layer": layer, "keep": keep}).scalar_one()
    return sqns


def has_verdict(connection: Connection, delivery_sqn: int) -> bool:
    """Return whether a delivery was checked, and not replayed since."""
    ask = sa.text("select verdict <> 'pending' from metadata.delivery_state where delivery_sqn = :sqn")
    return bool(connection.execute(ask, {"sqn": delivery_sqn}).scalar())


def record_layer(
    connection: Connection,
    delivery_sqn: int,
    layer: str,
    *,
    status: str,
    job_inst_id: int,
    **counts: int | None,
) -> None:
    """Record the status of a delivery in a layer, replacing the previous one.

    `counts` are columns of delivery_status: file_size (bytes), record_count, parsed_count, fallen_out_count …
    Call it in the transaction that writes the layer's rows.
    """
    facts = {"status": status, "job_inst_id": job_inst_id, "status_at": sa.func.clock_timestamp(), **counts}
    connection.execute(
        insert(delivery_status)
        .values(delivery_sqn=delivery_sqn, layer=layer, **facts)
        .on_conflict_do_update(index_elements=["delivery_sqn", "layer"], set_=facts)
    )
