"""Where things stand: queries over process metadata that the command and the pages show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import Engine

from metadata.errors import HeadwaterError
from metadata.static.model import Catalog

if TYPE_CHECKING:
    from headwater.dbt import Dbt

_DELIVERIES = """
select
    state.delivery_sqn,
    state.source,
    state.publisher_name,
    state.delivery_filename,
    state.delivery_type,
    state.delivery_date,
    state.process_date,
    state.status,
    history.new_count as new,
    history.changed_count as changed,
    history.removed_count as removed,
    history.unchanged_count as unchanged,
    history.ignored_count as ignored,
    history.overtaken_count as overtaken,
    history.delete_mark_count as delete_marks,
    layer.layers,
    verdict.checks,
    verdict.why,
    decided.decisions
from metadata.delivery_state as state
left join metadata.delivery_status as history
    on history.delivery_sqn = state.delivery_sqn and history.layer = 'historical'
left join lateral (
    select
        jsonb_object_agg(
            layer,
            jsonb_strip_nulls(jsonb_build_object(
                'status', status,
                'record_count', record_count,
                'fallen_out_count', fallen_out_count,
                'file_size', file_size
            ))
        ) as layers
    from metadata.delivery_status
    where delivery_status.delivery_sqn = state.delivery_sqn
) as layer on true
left join lateral (
    select checks, why
    from metadata.delivery_event
    where delivery_event.delivery_sqn = state.delivery_sqn and event in ('halted', 'passed', 'accepted')
    order by event_at desc, event_id desc
    limit 1
) as verdict on true
left join lateral (
    select
        coalesce(
            jsonb_agg(
                jsonb_build_object('event', event, 'checks', checks, 'who', who, 'event_at', event_at, 'why', why)
                order by event_at, event_id
            ),
            '[]'
        ) as decisions
    from metadata.delivery_event
    where
        delivery_event.delivery_sqn = state.delivery_sqn
        and event in ('withdrawn', 'restored', 'accepted', 'replayed')
) as decided on true
where (cast(:source as text) is null or state.source = :source)
    and (cast(:delivery_sqn as bigint) is null or state.delivery_sqn = :delivery_sqn)
order by state.source, state.delivery_date, state.publisher_name collate "C", state.delivery_sqn
"""

_SOURCES = """
select
    source,
    count(*) as deliveries,
    count(*) filter (where status = 'loaded') as loaded,
    count(*) filter (where status = 'pending') as pending,
    count(*) filter (where status = 'halted') as halted,
    max(delivery_date) filter (where status = 'loaded') as last_delivery_date
from metadata.delivery_state
group by source
"""

_LAST_RUNS = """
select distinct on (job) job, job_inst_id, status, started_at, ended_at, last_error
from metadata.job_inst
left join (select job_inst_id, last_error from metadata.log_header) as header using (job_inst_id)
order by job, job_inst_id desc
"""

# of the newest delivery that counts, of each source: what was said of older ones is of the past
_WARNINGS = """
with

newest as (

    select distinct on (source) source, delivery_sqn, publisher_name
    from metadata.delivery_state
    where counts
    order by source, delivery_date desc, publisher_name collate "C" desc

)

select newest.source, delivery_sqn, newest.publisher_name, checks.check_name, checks.observed
from newest
inner join metadata.data_quality_checks as checks using (delivery_sqn)
where checks.severity = 'warning' and not checks.passed
order by newest.source, checks.check_name
"""


def deliveries(engine: Engine, source: str | None) -> list[dict[str, Any]]:
    """One dict per delivery, of one source or of all, in the order in which they apply."""
    return _deliveries(engine, source, None)


def delivery(engine: Engine, delivery_sqn: int) -> dict[str, Any]:
    """One delivery, as `deliveries` has it."""
    (found,) = _deliveries(engine, None, delivery_sqn)
    return found


def _deliveries(engine: Engine, source: str | None, delivery_sqn: int | None) -> list[dict[str, Any]]:
    values = {"source": source, "delivery_sqn": delivery_sqn}
    with engine.connect() as connection:
        rows = connection.execute(sa.text(_DELIVERIES), values).mappings()
        return [dict(row) for row in rows]


def decision_that_holds(delivery: Mapping[str, Any]) -> dict[str, Any] | None:
    """The withdrawal or the acceptance by which a delivery stands as it does; None when no person had a say in it."""
    made: list[dict[str, Any]] = delivery["decisions"]
    if delivery["status"] == "withdrawn":
        return [decision for decision in made if decision["event"] == "withdrawn"][-1]
    judged = [decision for decision in made if decision["event"] in ("accepted", "replayed")]
    if delivery["status"] in ("loaded", "pending") and judged and judged[-1]["event"] == "accepted":
        return judged[-1]
    return None


def rows_as_of(
    engine: Engine, dbt: Dbt, source: str, on: datetime, known_at: datetime | None, limit: int | None
) -> tuple[int, list[dict[str, Any]]]:
    """What was true of `source` on a day, and by what was known at a moment: how many rows, and the first `limit`."""
    with engine.connect() as connection:
        table = f'historical."{source}"'
        if connection.execute(sa.text("select to_regclass(:table)"), {"table": table}).scalar() is None:
            raise HeadwaterError(f"{source} has no history yet: `headwater run {source}` makes it")
    believed = f"known_at('{source}', '{known_at.isoformat()}')" if known_at else f"ref('hist_{source}')"
    compiled = dbt.compiled(f"select * from {{{{ as_of({believed}, '{on.isoformat()}') }}}} as true_then")
    with engine.connect() as connection:
        try:
            rows = connection.exec_driver_sql(
                f"select count(*) over () as total, * from ({compiled}) as found order by 2"
            ).mappings()
        except sa.exc.InternalError as error:
            said = str(error.orig).partition("\n")[0]
            if not said.startswith("Not staged: "):
                raise
            raise HeadwaterError(f"{said} A run has purged them meanwhile: ask again.") from None
        found = [dict(row) for row in (rows.fetchmany(limit) if limit else rows)]
    total = found[0]["total"] if found else 0
    for row in found:
        del row["total"]
    return total, found


def sources(engine: Engine, catalog: Catalog) -> list[dict[str, Any]]:
    """One dict per source of the catalog: its deliveries, versions, current rows, halts, last run and warnings."""
    with engine.connect() as connection:
        known = {row["source"]: dict(row) for row in connection.execute(sa.text(_SOURCES)).mappings()}
        runs = {row["job"]: dict(row) for row in connection.execute(sa.text(_LAST_RUNS)).mappings()}
        warnings: dict[str, list[dict[str, Any]]] = {}
        for row in connection.execute(sa.text(_WARNINGS)).mappings():
            warnings.setdefault(row["source"], []).append({k: v for k, v in row.items() if k != "source"})
        standing = []
        for source in catalog.sources.values():
            counted = known.get(source.name, dict.fromkeys(("deliveries", "loaded", "pending", "halted"), 0))
            table = f'historical."{source.name}"'
            versions, current = None, None
            if (
                connection.execute(sa.text("select to_regclass(:table)"), {"table": table}).scalar()
                is not None
            ):
                versions, current = connection.execute(
                    sa.text(f"select count(*), count(*) filter (where valid_to is null) from {table}")
                ).one()
            last_run = runs.get(source.job, {})
            standing.append(
                {
                    "source": source.name,
                    **{name: counted[name] for name in ("deliveries", "loaded", "pending", "halted")},
                    "last_delivery_date": counted.get("last_delivery_date"),
                    "versions": versions,
                    "current": current,
                    "last_run": last_run.get("status"),
                    "last_error": last_run.get("last_error"),
                    "warnings": warnings.get(source.name, []),
                }
            )
    return standing
