"""The next phase for a delivery: which one of its source's plan has to work on it, so that history follows."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.queries.delivery_list import STATE_OF

Phase = Literal["E", "T", "L"]

# Rows that only retention let go are brought back by L itself. A delivery that raw has never had is loaded by E alone.
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
    """E, T or L; L where there is nothing to do."""
    found: Phase | None = connection.execute(sa.text(_NEXT), {"sqn": delivery_sqn}).scalar()
    return found or "L"
