"""All that is on record of one delivery: its facts, layers, events, checks, quarantined rows and runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.listing import STATE_OF

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

_FALLEN_OUT = """
select rule, column_name, count(*) as rows
from metadata.quarantined_row
where delivery_sqn = :sqn
group by rule, column_name
order by rows desc, rule, column_name
limit 100
"""

_QUARANTINED = """
select line_number, key, column_name, rule, row
from metadata.quarantined_row
where delivery_sqn = :sqn
order by line_number, quarantined_row_id
limit :rows
"""

_RUNS = """
select job_inst_id, job, run_id, job_inst.status, started_at, ended_at, last_error
from metadata.job_inst
left join (select job_inst_id, last_error from metadata.log_header) as header using (job_inst_id)
where job_inst_id in (
    select job_inst_id from metadata.delivery where delivery_sqn = :sqn
    union select job_inst_id from metadata.delivery_status where delivery_sqn = :sqn
    union select job_inst_id from metadata.data_quality_checks where delivery_sqn = :sqn
)
order by job_inst_id desc
"""


@dataclass(frozen=True)
class Dossier:
    """One delivery. `fallen_out` counts quarantined rows by rule and column; `quarantined` are the first of them."""

    facts: dict[str, Any]
    layers: list[dict[str, Any]]
    events: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    fallen_out: list[dict[str, Any]]
    quarantined: list[dict[str, Any]]
    runs: list[dict[str, Any]]


def source_of(connection: Connection, delivery_sqn: int) -> str | None:
    """The source of a delivery; None when there is no delivery of that number."""
    found: str | None = connection.execute(
        sa.text("select source from metadata.delivery where delivery_sqn = :sqn"), {"sqn": delivery_sqn}
    ).scalar()
    return found


def dossier(connection: Connection, delivery_sqn: int) -> Dossier:
    """All that is on record of a delivery, which must exist."""

    def rows(statement: str) -> list[dict[str, Any]]:
        values = {"sqn": delivery_sqn, "rows": ROWS_SHOWN}
        named = {name: value for name, value in values.items() if f":{name}" in statement}
        return [dict(row) for row in connection.execute(sa.text(statement), named).mappings()]

    (facts,) = rows(_FACTS)
    return Dossier(
        facts, rows(_LAYERS), rows(_EVENTS), rows(_CHECKS), rows(_FALLEN_OUT), rows(_QUARANTINED), rows(_RUNS)
    )
