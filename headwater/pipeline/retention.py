"""Retention: what history has may go from raw and staging by the source's policy, and comes back when it is needed.

The options keep_raw and keep_staging of a source say from which delivery on the rows stay: the newest, the second
newest … that history holds; without them all stay. Counts and quarantined rows stay in any case, and S3 has the files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from headwater.metadata.errors import LedgerBroken
from headwater.metadata.process.deliveries import lock_source, purgeable, record_layer
from headwater.metadata.process.tables import delivery, delivery_status, job_inst
from headwater.metadata.sql_text import layer_table
from headwater.metadata.static.model import Source

LAYERS = ("raw", "staging")  # of which rows may go

_UNSTAGED_FOR_DECISION = """
select state.delivery_sqn
from metadata.delivery_state as decided
inner join metadata.delivery_state as state on state.source = decided.source
where decided.delivery_sqn = :delivery_sqn
    and (
        (
            state.delivery_sqn = decided.delivery_sqn
            and case :event when 'withdrawn' then false when 'restored' then state.verdict = 'passed' else true end
        )
        or (state.counts and state.delivery_date >= decided.delivery_date)
        -- what it supersedes would count again
        or (
            state.verdict = 'passed'
            and not state.is_withdrawn
            and (state.publisher_name, state.delivery_date) = (decided.publisher_name, decided.delivery_date)
        )
    )
    and not exists (
        select from metadata.delivery_status as staged
        where staged.delivery_sqn = state.delivery_sqn and staged.layer = 'staging' and staged.status = 'loaded'
    )
"""


@dataclass(frozen=True)
class Purged:
    """The deliveries that a layer of a source lost, or would lose."""

    source: str
    layer: str
    keep: int
    deliveries: tuple[int, ...]
    row_count: int


def policy(source: Source) -> dict[str, int]:
    """Layer → from how many deliveries back its rows stay; a layer that keeps all is not in it."""
    return {
        layer: int(source.options[f"keep_{layer}"]) for layer in LAYERS if f"keep_{layer}" in source.options
    }


def purge(engine: Engine, source: str, keep: Mapping[str, int], job_inst_id: int) -> list[Purged]:
    """Delete what `keep` does not keep, with its status, in one transaction; then make its space free to use again.

    Raises `LedgerBroken`, and nothing is purged, when a layer does not hold the rows that were recorded.
    """
    with engine.begin() as connection:
        lock_source(connection, source)
        purged = to_purge(connection, source, keep)
        for found in purged:
            _delete(connection, found)
            for delivery_sqn in found.deliveries:
                record_layer(connection, delivery_sqn, found.layer, status="purged", job_inst_id=job_inst_id)
        _forget_recalls(
            connection, source, job_inst.c.status != "running"
        )  # of a question that was broken off
    if not purged:
        return []
    # autovacuum would come too, but only when a fifth of the table is dead
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for found in purged:
            connection.execute(sa.text(f"vacuum (skip_locked) {_table(found)}"))
    return purged


def to_purge(connection: Connection, source: str, keep: Mapping[str, int]) -> list[Purged]:
    """Return what may go by a policy, for each layer that has something to lose."""
    found = []
    for layer, number in keep.items():
        if sqns := purgeable(connection, source, layer, number):
            counts = _recorded(connection, layer, sqns)
            found.append(Purged(source, layer, number, tuple(sqns), sum(counts.values())))
    return found


def recall(connection: Connection, sqns: Sequence[int], job_inst_id: int) -> None:
    """Ask for deliveries to be staged again, though history does not need them; raw and staging then load them.

    The caller holds the source's lock. What another process has staged meanwhile is left alone.
    """
    staged = sa.select(delivery_status.c.delivery_sqn).where(
        delivery_status.c.layer == "staging", delivery_status.c.status == "loaded"
    )
    present: set[int] = set(connection.scalars(staged.where(delivery_status.c.delivery_sqn.in_(sqns))))
    _delete_partial(connection, [sqn for sqn in sqns if sqn not in present])
    for delivery_sqn in sqns:
        if delivery_sqn not in present:
            record_layer(connection, delivery_sqn, "staging", status="recalled", job_inst_id=job_inst_id)


def forget_recalls(engine: Engine, source: str, job_inst_id: int) -> None:
    """Ask no more for what a job instance recalled and did not get."""
    with engine.begin() as connection:
        lock_source(connection, source)
        _forget_recalls(connection, source, job_inst.c.job_inst_id == job_inst_id)


def unstaged_for_decision(engine: Engine, event: str, delivery_sqn: int) -> list[int]:
    """The deliveries without rows in staging from which history would be made anew after a decision's event."""
    with engine.connect() as connection:
        ask = {"event": event, "delivery_sqn": delivery_sqn}
        found = connection.execute(sa.text(_UNSTAGED_FOR_DECISION), ask)
        return sorted(found.scalars())


def unstaged_at(engine: Engine, source: str, known_at: datetime) -> list[int]:
    """The deliveries without rows in staging that counted at a moment."""
    ask = sa.text("select metadata.unstaged_deliveries_at(:source, :known_at)")
    with engine.connect() as connection:
        return list(connection.execute(ask, {"source": source, "known_at": known_at}).scalar_one())


def _table(found: Purged) -> str:
    return layer_table(found.layer, found.source)


def _delete(connection: Connection, found: Purged) -> None:
    recorded = _recorded(connection, found.layer, found.deliveries)
    numbers = ", ".join(map(str, found.deliveries))
    rows = connection.execute(
        sa.text(
            f"with gone as (delete from {_table(found)} where delivery_sqn in ({numbers}) returning delivery_sqn)"
            " select delivery_sqn, count(*) as row_count from gone group by delivery_sqn"
        )
    )
    deleted = {row.delivery_sqn: row.row_count for row in rows}
    if found.layer == "staging":
        connection.execute(
            sa.text("delete from metadata.absent_key where delivery_sqn = any(:sqns)"),
            {"sqns": list(found.deliveries)},
        )
    for delivery_sqn, expected in recorded.items():
        if deleted.get(delivery_sqn, 0) != expected:
            reason = (
                f"{expected} rows were recorded, but {deleted.get(delivery_sqn, 0)} are there to be purged"
            )
            raise LedgerBroken(delivery_sqn, found.layer, f"{reason}. Nothing was purged")


def _delete_partial(connection: Connection, sqns: Sequence[int]) -> None:
    """Delete what is staged of partial deliveries that are to be staged as a whole."""
    partial = connection.execute(
        sa.text(
            "select delivery.source, array_agg(delivery_sqn) as sqns from metadata.delivery_status"
            " inner join metadata.delivery using (delivery_sqn)"
            " where layer = 'staging' and status = 'partial' and delivery_sqn = any(:sqns) group by delivery.source"
        ),
        {"sqns": list(sqns)},
    ).all()
    for row in partial:
        of_source: list[int] = row.sqns
        connection.execute(
            sa.text(f"delete from {layer_table('staging', row.source)} where delivery_sqn = any(:sqns)"),
            {"sqns": of_source},
        )
        connection.execute(
            sa.text("delete from metadata.absent_key where delivery_sqn = any(:sqns)"), {"sqns": of_source}
        )


def _recorded(connection: Connection, layer: str, sqns: Sequence[int]) -> dict[int, int]:
    rows = connection.execute(
        sa.text(
            "select delivery_sqn, coalesce(record_count, 0) as row_count from metadata.delivery_status"
            " where layer = :layer and delivery_sqn = any(:sqns)"
        ),
        {"layer": layer, "sqns": list(sqns)},
    )
    return {row.delivery_sqn: row.row_count for row in rows}


def _forget_recalls(connection: Connection, source: str, whose: sa.ColumnElement[bool]) -> None:
    """Recalled rows are gone as before; a status that only the recall wrote goes with it."""
    recalled = (
        delivery_status.c.layer == "staging",
        delivery_status.c.status == "recalled",
        delivery_status.c.delivery_sqn.in_(
            sa.select(delivery.c.delivery_sqn).where(delivery.c.source == source)
        ),
        delivery_status.c.job_inst_id.in_(sa.select(job_inst.c.job_inst_id).where(whose)),
    )
    connection.execute(sa.delete(delivery_status).where(*recalled, delivery_status.c.record_count.is_(None)))
    connection.execute(sa.update(delivery_status).where(*recalled).values(status="purged"))
