"""Landing: a publisher's file becomes an object on S3, then a manifest, then rows in Postgres.

In this order a crash loses nothing, and nothing partial takes effect: the object, the manifest (from then on
the delivery is landed), the rows, the event. An object without a manifest is ignored. A manifest is
permanent, so Postgres first tests the rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.landing.manifest import manifest_key, object_key, to_json
from headwater.extract.landing.register import (
    record_landed,
    register_landed,
    register_manifests,
    require_writable,
)
from headwater.extract.landing.store import ObjectStore
from headwater.extract.offers.fit_offer import fit_offer
from headwater.extract.offers.offer import LimitedSink, Offer
from headwater.extract.offers.part_in_name import part_in_name
from headwater.metadata.errors import DeliveryIncomplete, ExtractError, StorageError
from headwater.metadata.process.deliveries import (
    GREATEST_SQN,
    Delivery,
    count_landed,
    lock_source,
    newest_content,
    next_delivery_sqn,
)
from headwater.metadata.progress import transfer
from headwater.metadata.static.model import Source


# long: one order of steps, in which each line says what a crash after it leaves
def land(
    engine: Engine,
    store: ObjectStore,
    source: Source,
    offer: Offer,
    job_inst_id: int,
    *,
    landed_before: int | None = None,
) -> Delivery | None:
    """Fetch an offer and store it as a new delivery; None if its content equals the newest of its identity.

    `landed_before` is for a caller that lands alone and has registered the manifests on S3: the number of
    deliveries of the source then. If the number has changed, because the lock was lost with its connection,
    nothing is landed. Memory does not grow with the file. Raises `ExtractError` if the publisher or S3 fails,
    and in that case; nothing is then landed.
    """
    delivery_sqn = claim_sqn(engine, store, source.name)
    key = object_key(source.name, delivery_sqn, offer.publisher_name)
    moving = transfer(f"{source.name}: landing {offer.publisher_name}", offer.fingerprint.get("size"))
    with store.upload(key) as upload, moving as moved:
        fetched = fit_offer(source, offer.fetch(offer, LimitedSink(upload, source, moved)))
        if not upload.complete():
            raise StorageError(f"{store.address(key)} is there already, and objects are never overwritten")
    landed = Delivery(
        delivery_sqn=delivery_sqn,
        source=source.name,
        publisher_name=fetched.publisher_name,
        delivery_filename=store.address(key),
        delivery_type=source.delivery_type,
        delivery_date=fetched.delivery_date,
        process_date=datetime.now(UTC),
        content_sha256=upload.sha256,
        file_size=upload.size,
        fingerprint=fetched.fingerprint,
        job_inst_id=job_inst_id,
        watermark_from=fetched.watermark_from,
        watermark_to=fetched.watermark_to,
        part=part_in_name(source, fetched.publisher_name),
    )
    with engine.begin() as connection:
        lock_source(connection, source.name)
        if landed_before is None:  # another process may have died during our fetch
            register_manifests(connection, store, source.name, job_inst_id)
        elif count_landed(connection, source.name) != landed_before:
            raise DeliveryIncomplete(
                f"{source.name}: another process has landed deliveries of it meanwhile: run again, which sees them"
            )
        try:
            require_writable(connection, landed, job_inst_id)
        except ExtractError:
            _forget(store, key)
            raise
        if (
            newest_content(connection, source.name, landed.publisher_name, landed.delivery_date)
            == upload.sha256
        ):
            _forget(store, key)
            return None
        manifest = to_json(landed, key)
        if not store.put_new(manifest_key(source.name, delivery_sqn), manifest):
            raise StorageError(f"{store.address(manifest_key(source.name, delivery_sqn))} is there already")
        register_landed(connection, landed, job_inst_id)
        record_landed(connection, store, source.name, delivery_sqn)
    if fetched.on_landed is not None:
        fetched.on_landed()
    return landed


def _forget(store: ObjectStore, key: str) -> None:
    """Delete an object that did not land. If deletion is forbidden it stays, and is ignored without a manifest."""
    with suppress(StorageError):
        store.delete(key)


def claim_sqn(engine: Engine, store: ObjectStore, source: str) -> int:
    """Claim an unused delivery_sqn on S3, since a new database would count from 1 again."""
    while True:
        with engine.begin() as connection:
            delivery_sqn = next_delivery_sqn(connection)
        if store.put_new(_claim_key(delivery_sqn), f"{source} {uuid4()}".encode()):
            return delivery_sqn
        greatest = max(_claimed(store.list("delivery_sqns/")), default=1)
        with engine.begin() as connection:
            connection.execute(
                sa.text(
                    "select setval('metadata.delivery_sqn_seq', greatest(last_value, :greatest))"
                    " from metadata.delivery_sqn_seq"
                ),
                {"greatest": greatest},
            )


def _claimed(keys: Iterable[str]) -> Iterator[int]:
    """Return the claimed numbers; objects with other names are no claims."""
    for key in keys:
        name = key.rpartition("/")[2]
        if re.fullmatch("[0-9]{10,19}", name) and _claim_key(int(name)) == key and int(name) <= GREATEST_SQN:
            yield int(name)


def _claim_key(delivery_sqn: int) -> str:
    return f"delivery_sqns/{delivery_sqn:010d}"
