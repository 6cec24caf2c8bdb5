"""The next phase of a delivery: the step of its source that has to run so that history is updated."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.queries.delivery_list import STATE_OF

Phase = Literal["E", "T", "L"]

# L itself reloads rows that retention has purged. Only E loads a delivery that raw never had.
_NEXT = f"""
select case
    when state.is_withdrawn then 'L'
    when not had_rows and (state.verdict = 'pending' or state.counts) then 'E'
    when state.verdict = 'pending' then 'T'
    else 'L'
end
from metadata.delivery
{STATE_OF.format(of="delivery")}
cross join lateral (
    select exists (
        select from metadata.delivery_status as done
        where done.delivery_sqn = state.delivery_sqn and layer in ('raw', 'staging') and done.status <> 'halted'
    ) as had_rows
) as layers
where delivery.delivery_sqn = :sqn and state.delivery_sqn = :sqn
"""


def next_phase(connection: Connection, delivery_sqn: int) -> Phase:
    """Return E, T or L; L if nothing is pending."""
    found: Phase | None = connection.execute(sa.text(_NEXT), {"sqn": delivery_sqn}).scalar()
    return found or "L"
