"""The record of one delivery: its facts, layers, events, checks, quarantined rows and runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.queries.delivery_list import STATE_OF
from headwater.queries.fallen_out import FallenOut, fallen_out

ROWS_SHOWN = 20

_FACTS = f"""
select
    state.*,
    delivery.content_sha256,
    delivery.watermark_from,
    delivery.watermark_to,
    (
        select max(newer.delivery_sqn)
        from metadata.delivery as newer
        where newer.source = delivery.source and newer.delivery_date = delivery.delivery_date
            and newer.publisher_name = delivery.publisher_name and newer.delivery_sqn > delivery.delivery_sqn
    ) as landed_again_as
from metadata.delivery {STATE_OF.format(of="delivery")}
where delivery.delivery_sqn = :sqn and state.delivery_sqn = delivery.delivery_sqn
"""

_LAYERS = """
select *
from metadata.delivery_status
where delivery_sqn = :sqn
order by array_position(array['landed', 'raw', 'staging', 'checks', 'historical'], layer)
"""

_EVENTS = """
select event, checks, why, who, event_at
from metadata.delivery_event
where delivery_sqn = :sqn
order by event_at desc, event_id desc
"""

_CHECKS = """
select check_name, severity, passed, observed, unexpected_count, unexpected_sample, checked_at
from metadata.data_quality_checks
where delivery_sqn = :sqn
order by passed, severity, check_name
"""

_QUARANTINED = """
select
    fell.line_number, fell.key, fell.column_name, fell.rule, fell.value, fell.row,
    stale.key is not null as is_current_key
from metadata.fallen_out_row as fell
left join metadata.stale_current_keys(:source) as stale
    on stale.delivery_sqn = fell.delivery_sqn and stale.key = fell.key and fell.rule <> 'duplicate_key'
where fell.delivery_sqn = :sqn
order by fell.line_number, fell.quarantined_row_id
limit :rows
"""

_RUNS = """
select job_inst_id, job, run_id, kind, job_inst.status, started_at, ended_at, last_error, closed_why
from metadata.job_inst
left join (select job_inst_id, last_error, closed_why from metadata.log_header) as header using (job_inst_id)
where job_inst_id in (
    select job_inst_id from metadata.delivery where delivery_sqn = :sqn
    union select job_inst_id from metadata.delivery_status where delivery_sqn = :sqn
    union select job_inst_id from metadata.data_quality_checks where delivery_sqn = :sqn
)
order by job_inst_id desc
"""


@dataclass(frozen=True)
class DeliveryDetail:
    """The record of one delivery. `fallen_out` counts its quarantined rows; `quarantined` contains the first
    of them.
    """

    facts: dict[str, Any]
    layers: list[dict[str, Any]]
    events: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    fallen_out: FallenOut | None
    quarantined: list[dict[str, Any]]
    runs: list[dict[str, Any]]


def source_of(connection: Connection, delivery_sqn: int) -> str | None:
    """Return the source of a delivery; None if there is no delivery with that number."""
    found: str | None = connection.execute(
        sa.text("select source from metadata.delivery where delivery_sqn = :sqn"), {"sqn": delivery_sqn}
    ).scalar()
    return found


def delivery_detail(connection: Connection, delivery_sqn: int) -> DeliveryDetail:
    """Return the record of a delivery, which must exist."""

    def rows(statement: str) -> list[dict[str, Any]]:
        values = {"sqn": delivery_sqn, "rows": ROWS_SHOWN, "source": source_of(connection, delivery_sqn)}
        named = {name: value for name, value in values.items() if f":{name}" in statement}
        return [dict(row) for row in connection.execute(sa.text(statement), named).mappings()]

    (facts,) = rows(_FACTS)
    fell = fallen_out(connection, [delivery_sqn]).get(delivery_sqn)
    return DeliveryDetail(
        facts,
        rows(_LAYERS),
        rows(_EVENTS),
        rows(_CHECKS),
        fell,
        rows(_QUARANTINED) if fell else [],
        rows(_RUNS),
    )
