"""Results of checks before a delivery is in raw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.metadata.process.tables import data_quality_checks
from headwater.metadata.storable import storable, storable_all


def record_refusal(
    connection: Connection,
    delivery_sqn: int,
    check: str,
    observed: str,
    found: Sequence[Any],
    job_inst_id: int,
) -> None:
    """Record that a delivery failed a critical check before raw, replacing all earlier findings."""
    table = data_quality_checks
    connection.execute(sa.delete(table).where(table.c.delivery_sqn == delivery_sqn))
    connection.execute(
        sa.insert(table).values(
            delivery_sqn=delivery_sqn,
            check_name=check,
            severity="critical",
            passed=False,
            observed=storable(observed),
            unexpected_count=len(found) or None,
            unexpected_sample=storable_all(list(found)),
            checked_at=sa.func.clock_timestamp(),
            job_inst_id=job_inst_id,
        )
    )
