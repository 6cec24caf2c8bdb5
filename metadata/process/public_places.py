"""Hosts of publishers that were public, recorded for all processes."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from headwater.metadata.process.tables import public_place

Place = tuple[str, int]  # host and port


def public_places(connection: Connection, source: str) -> set[Place]:
    """Return the hosts of a source that were public at their first request."""
    asked = sa.select(public_place.c.host, public_place.c.port).where(public_place.c.source == source)
    return {(row.host, row.port) for row in connection.execute(asked)}


def remember_public(connection: Connection, source: str, places: Collection[Place]) -> None:
    """Record hosts; existing ones stay."""
    if not places:
        return
    rows = [
        {"source": source, "host": host, "port": port, "seen_at": sa.func.now()}
        for host, port in sorted(places)
    ]
    connection.execute(insert(public_place).values(rows).on_conflict_do_nothing())
