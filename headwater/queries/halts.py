"""Deliveries that a check kept out of history, with the reason."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

_HALTED_BY = """
select state.delivery_sqn, state.source, state.publisher_name, halt.checks, halt.why
from metadata.delivery_state as state
cross join lateral (
    select checks, why
    from metadata.delivery_event as event
    where event.delivery_sqn = state.delivery_sqn and event.event = 'halted'
    order by event_at desc, event_id desc
    limit 1
) as halt
where state.status = 'halted'
    and (cast(:source as text) is null or state.source = :source)
    and exists (
        select from metadata.data_quality_checks as checked
        where checked.delivery_sqn = state.delivery_sqn and checked.job_inst_id = :job_inst_id
    )
order by state.source, state.delivery_date, state.publisher_name collate "C"
"""


@dataclass(frozen=True)
class Halt:
    """A delivery that a check kept out of history, with the reason."""

    delivery_sqn: int
    source: str
    publisher_name: str
    checks: tuple[str, ...]
    why: str

    @property
    def message(self) -> str:
        """Return the halt as a sentence."""
        return f"delivery {self.delivery_sqn}, {self.publisher_name}, is halted: {self.why}"


def halted_by(connection: Connection, job_inst_id: int, source: str | None = None) -> list[Halt]:
    """Return the deliveries that a job instance checked and that are still halted, of one source or of all."""
    rows = connection.execute(sa.text(_HALTED_BY), {"job_inst_id": job_inst_id, "source": source}).mappings()
    return [Halt(**{**row, "checks": tuple(row["checks"])}) for row in rows]
