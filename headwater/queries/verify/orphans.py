"""Orphans: rows of process metadata whose delivery is not registered, as after a dropped constraint."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.queries.verify.findings import CheckOutcome, Finding, outcome_of

EVERY_SOURCE = "(all sources)"
TABLES = (
    "delivery_event", "delivery_status", "data_quality_checks", "quarantined_row", "absent_key", "delivery_header",
)  # fmt: skip

_ORPHANS = """
select delivery_sqn, count(*) as row_count
from metadata.{table} as orphan
where not exists (select from metadata.delivery where delivery.delivery_sqn = orphan.delivery_sqn)
group by delivery_sqn
order by delivery_sqn
"""


def check_orphans(connection: Connection) -> CheckOutcome:
    """Find the rows of unregistered deliveries, of any source."""
    findings = [
        Finding(
            EVERY_SOURCE, "orphans", table,
            expected="a row in metadata.delivery for every delivery_sqn",
            found=f"{row.row_count:,} rows in metadata.{table} of a delivery that is not registered",
            action="headwater run registers a delivery whose manifest is on S3. Otherwise restore metadata.delivery"
            " from a backup, or delete these rows",
            delivery_sqn=row.delivery_sqn,
        )
        for table in TABLES
        for row in connection.execute(sa.text(_ORPHANS.format(table=table)))
    ]  # fmt: skip
    return outcome_of(EVERY_SOURCE, "orphans", f"{len(TABLES)} tables", findings)
