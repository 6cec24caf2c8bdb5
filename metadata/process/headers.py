"""Headers: the columns of each delivery, for comparison with the next one."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.process.tables import delivery_header


def record_header(connection: Connection, delivery_sqn: int, header: Sequence[str]) -> None:
    """Write the columns of a delivery as its file names them, in place of what stood there."""
    facts = {"column_names": list(header)}
    connection.execute(
        insert(delivery_header)
        .values(delivery_sqn=delivery_sqn, **facts)
        .on_conflict_do_update(index_elements=["delivery_sqn"], set_=facts)
    )


def header_of(connection: Connection, delivery_sqn: int) -> tuple[str, ...] | None:
    """Return the columns of a delivery; None if they are not recorded."""
    found = connection.execute(
        sa.select(delivery_header.c.column_names).where(delivery_header.c.delivery_sqn == delivery_sqn)
    ).scalar()
    return None if found is None else tuple(found)


def header_before(connection: Connection, of: Delivery) -> tuple[int, tuple[str, ...]] | None:
    """Return number and columns of the last delivery before one that is effective, or will be if it passes."""
    row = connection.execute(
        sa.text(
            "select state.delivery_sqn, column_names from metadata.delivery_state as state"
            " inner join metadata.delivery_header using (delivery_sqn)"
            " where source = :source and verdict <> 'halted' and not is_withdrawn and not is_superseded"
            ' and (delivery_date, publisher_name collate "C") < (:delivery_date, :publisher_name)'
            ' order by delivery_date desc, publisher_name collate "C" desc, delivery_sqn desc limit 1'
        ),
        {
            "source": of.source,
            "delivery_date": of.delivery_date,
            "publisher_name": of.publisher_name,
        },
    ).first()
    return None if row is None else (row.delivery_sqn, tuple(row.column_names))
