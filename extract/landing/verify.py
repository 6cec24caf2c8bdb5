"""Verification of the archive: S3 has every delivery of a source, with its original content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Engine, Row

from headwater.extract.landing.source_archive import landed_objects
from headwater.extract.landing.store import PART_SIZE, ObjectStore
from headwater.metadata.errors import StorageError
from headwater.metadata.process.tables import delivery

AT_ONCE = 4  # objects that are read at the same time


class Content(NamedTuple):
    """The content of an object: its size in bytes and its digest (hex)."""

    file_size: int
    sha256: str


def verify_archive(engine: Engine, store: ObjectStore, source: str) -> int:
    """Read every landed object of a source and compare its digest with the manifest's; returns how many there are.

    Raises `StorageError` when S3 lacks one, or has another content under its key.
    """
    facts = (
        sa.select(
            delivery.c.delivery_sqn,
            delivery.c.publisher_name,
            delivery.c.delivery_filename,
            delivery.c.content_sha256,
        )
        .where(delivery.c.source == source)
        .order_by(delivery.c.delivery_sqn)
    )
    with engine.connect() as connection:
        known = connection.execute(facts).all()
    _require_there(store, source, known)
    found = zip(known, contents(store, [one.delivery_filename for one in known]), strict=True)
    changed = [(one, content.sha256) for one, content in found if content.sha256 != one.content_sha256]
    if changed:
        first, digest = changed[0]
        raise StorageError(
            f"{source}: {len(changed)} of {len(known)} deliveries on S3 are not what landed, first delivery"
            f" {first.delivery_sqn} ({first.publisher_name}), {first.delivery_filename}: sha256 {digest}, expected"
            f" {first.content_sha256}. Put the object back as it was, from a copy or an earlier version of the bucket."
        )
    return len(known)


def contents(store: ObjectStore, addresses: Sequence[str]) -> Iterator[Content]:
    """Read objects as streams, several at a time, and yield their contents in order. Raises `StorageError`."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(lambda address: _content(store, address), addresses)


def _require_there(store: ObjectStore, source: str, known: Sequence[Row[tuple[int, str, str, str]]]) -> None:
    there = landed_objects(store, source, [one.delivery_filename for one in known])
    if lacking := [one.delivery_filename for one in known if one.delivery_filename not in there]:
        raise StorageError(
            f"{source}: S3 lacks {len(lacking)} of {len(known)} deliveries, first {lacking[0]}. Put it back, from a"
            " copy or an earlier version of the bucket."
        )


def _content(store: ObjectStore, address: str) -> Content:
    digest, file_size = hashlib.sha256(), 0
    with store.open(store.key(address)) as stored:
        while chunk := stored.read(PART_SIZE):
            digest.update(chunk)
            file_size += len(chunk)
    return Content(file_size, digest.hexdigest())
