"""The status of sources and deliveries: queries on process metadata for commands and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from headwater.metadata.errors import HeadwaterError
from headwater.metadata.sql_text import layer_table, sql_literal
from headwater.metadata.static.model import Catalog
from headwater.queries.fallen_out import BY_FIRST, fallen_out
from headwater.queries.runs import last_runs
from headwater.queries.shown import shown_columns

if TYPE_CHECKING:
    from headwater.dbt_project.dbt import Dbt

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
                'left_out_count', nullif(left_out_count, 0),
                'recognised_count', recognised_count,
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

# the newest effective delivery of each source: warnings about older ones are outdated
_NEWEST = """
select distinct on (source) source, delivery_sqn, publisher_name
from metadata.delivery_state
where counts
order by source, delivery_date desc, publisher_name collate "C" desc
"""

_STALE = "select source, count(*) as key_count from metadata.stale_current_key group by source"

_WARNINGS = f"""
with

newest as (
{_NEWEST}
)

select newest.source, delivery_sqn, newest.publisher_name, checks.check_name, checks.observed
from newest
inner join metadata.data_quality_checks as checks using (delivery_sqn)
where checks.severity = 'warning' and not checks.passed
order by newest.source, checks.check_name
"""


_KEY_COLUMNS = """
select substr(part_name, length('attribute ') + 1)
from metadata.source_definition
cross join lateral jsonb_each(definition) as part (part_name, part)
where source = :source and part_name like 'attribute %' and cast(part ->> 'is_key' as boolean)
order by cast(part ->> 'position' as integer)
"""

NOT_STAGED = "HW001"  # SQLSTATE of metadata.require_staged_at
FELL_OUT = "_fell_out"  # an extra column; no column of a source begins with _


class AsOf(NamedTuple):
    """The rows that were true at a moment: their number, some of them, and by key those with a stale row.

    `columns` are those of the rows; `before` and `after` are the nearest delivery dates.
    """

    total: int
    rows: list[dict[str, Any]]
    fell_out: Mapping[tuple[Any, ...], Mapping[str, Any]]
    columns: list[str]
    before: datetime | None
    after: datetime | None


def deliveries(engine: Engine, source: str | None) -> list[dict[str, Any]]:
    """Return one dict per delivery, of one source or of all, in the order in which they apply."""
    return _deliveries(engine, source, None)


def delivery(engine: Engine, delivery_sqn: int) -> dict[str, Any]:
    """Return one delivery in the form of `deliveries`."""
    (found,) = _deliveries(engine, None, delivery_sqn)
    return found


def _deliveries(engine: Engine, source: str | None, delivery_sqn: int | None) -> list[dict[str, Any]]:
    values = {"source": source, "delivery_sqn": delivery_sqn}
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(sa.text(_DELIVERIES), values).mappings()]
        fell = fallen_out(connection, [row["delivery_sqn"] for row in rows], first=BY_FIRST)
    return [{**row, "fallen_out": fell.get(row["delivery_sqn"])} for row in rows]


def decision_that_holds(delivery: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the withdrawal or acceptance that determines the status of a delivery; None if there is none."""
    made: list[dict[str, Any]] = delivery["decisions"]
    if delivery["status"] == "withdrawn":
        return [decision for decision in made if decision["event"] == "withdrawn"][-1]
    overruling = [decision for decision in made if decision["event"] in ("accepted", "replayed")]
    if delivery["status"] in ("loaded", "pending") and overruling and overruling[-1]["event"] == "accepted":
        return overruling[-1]
    return None


def rows_as_of(
    engine: Engine, dbt: Dbt, source: str, on: datetime, known_at: datetime | None, limit: int | None
) -> AsOf:
    """Return the rows of `source` at a moment, as known at another: their number, and the first `limit`.

    `_fell_out` marks a row that is stale, because the latest row of its key fell out.
    """
    with engine.connect() as connection:
        table = layer_table("historical", source)
        if connection.execute(sa.text("select to_regclass(:table)"), {"table": table}).scalar() is None:
            raise HeadwaterError(f"{source} has no history yet: `headwater run {source}` makes it")
    believed = (
        f"headwater.known_at('{source}', '{known_at.isoformat()}')" if known_at else f"ref('hist_{source}')"
    )
    compiled = dbt.compiled(
        f"select * from {{{{ headwater.as_of({believed}, '{on.isoformat()}') }}}} as true_then"
    )
    with engine.connect() as connection:
        try:
            columns_shown = shown_columns(connection, compiled)
            rows = (
                connection.execution_options(no_parameters=True)
                .exec_driver_sql(
                    f"select count(*) over () as total, {columns_shown} from ({compiled}) as found order by 2"
                )
                .mappings()
            )
        except sa.exc.DBAPIError as error:
            if getattr(error.orig, "pgcode", None) != NOT_STAGED:
                raise
            message = str(error.orig).partition("\n")[0]
            raise HeadwaterError(f"{message} A run has purged them meanwhile: ask again.") from None
        columns = [*rows.keys()][1:]
        found = [dict(row) for row in (rows.fetchmany(limit) if limit else rows)]
        rows.close()
        before, after = _nearest_dates(connection, source, on, known_at)
        keys = list(connection.scalars(sa.text(_KEY_COLUMNS), {"source": source}))
        fell = _fell_out_as_of(connection, source, keys, compiled, on, known_at)
    total = found[0]["total"] if found else 0
    for row in found:
        del row["total"]
        row[FELL_OUT] = fell.get(tuple(row[name] for name in keys))
    return AsOf(total, found, fell, [*columns, FELL_OUT], before, after)


def _nearest_dates(
    connection: Connection, source: str, on: datetime, known_at: datetime | None
) -> tuple[datetime | None, datetime | None]:
    """Return the delivery dates nearest to a moment, before and after it, of effective deliveries as known at
    a moment.
    """
    ask = sa.text(
        "select max(delivery_date) filter (where delivery_date <= :on) as before,"
        " min(delivery_date) filter (where delivery_date > :on) as after"
        " from metadata.delivery_state_at(coalesce(cast(:known_at as timestamptz), 'infinity'))"
        " where source = :source and counts"
    )
    values = {"source": source, "on": on, "known_at": known_at}
    row = connection.execute(ask, values).one()
    return row.before, row.after


def _fell_out_as_of(
    connection: Connection,
    source: str,
    keys: Sequence[str],
    compiled: str,
    on: datetime,
    known_at: datetime | None,
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return by key the latest row that fell out, for stale keys that were true on that day."""
    # without parameters: SQL that dbt compiled may contain % and :
    moments = (on.isoformat(), known_at.isoformat() if known_at else "infinity")
    by_then = ", ".join(map(sql_literal, (source, *moments)))
    fell = f"select * from metadata.fallen_out_keys({by_then})"
    if connection.exec_driver_sql(f"{fell} limit 1").first() is None:
        return {}
    quote = connection.dialect.identifier_preparer.quote_identifier
    names = ", ".join(f"found.{quote(name)}" for name in keys)
    match = " and ".join(f"found.{quote(name)} = (typed.key).{quote(name)}" for name in keys)
    rows = connection.exec_driver_sql(
        f"select fell.*, {names} from ({fell}) as fell cross join lateral"
        f" (select jsonb_populate_record(null::historical.{quote(source)}, fell.key) as key) as typed"
        f" inner join ({compiled}) as found on {match} and found.valid_from <= fell.delivery_date"
    )
    its = ("delivery_sqn", "publisher_name", "line_number", "column_name", "rule", "value")
    found = [tuple(row) for row in rows]
    return {row[8:]: dict(zip(its, (row[1], row[2], *row[4:8]), strict=True)) for row in found}


def sources(engine: Engine, catalog: Catalog) -> list[dict[str, Any]]:
    """Return one dict per source of the catalog: deliveries, versions, current rows, halts, last run and warnings."""
    with engine.connect() as connection:
        known = {row["source"]: dict(row) for row in connection.execute(sa.text(_SOURCES)).mappings()}
        runs = last_runs(connection, catalog, catalog.sources.values())
        warnings: dict[str, list[dict[str, Any]]] = {}
        for row in connection.execute(sa.text(_WARNINGS)).mappings():
            warnings.setdefault(row["source"], []).append({k: v for k, v in row.items() if k != "source"})
        newest = {row.source: row.delivery_sqn for row in connection.execute(sa.text(_NEWEST))}
        fell = fallen_out(connection, newest.values(), first=BY_FIRST)
        stale = {row.source: row.key_count for row in connection.execute(sa.text(_STALE))}
        standing = []
        for source in catalog.sources.values():
            counted = known.get(source.name, dict.fromkeys(("deliveries", "loaded", "pending", "halted"), 0))
            table = layer_table("historical", source.name)
            versions, current = None, None
            if (
                connection.execute(sa.text("select to_regclass(:table)"), {"table": table}).scalar()
                is not None
            ):
                versions, current = connection.execute(
                    sa.text(f"select count(*), count(*) filter (where valid_to is null) from {table}")
                ).one()
            last_run = runs.get(source.name)
            standing.append(
                {
                    "source": source.name,
                    **{name: counted[name] for name in ("deliveries", "loaded", "pending", "halted")},
                    "last_delivery_date": counted.get("last_delivery_date"),
                    "versions": versions,
                    "current": current,
                    "last_run": last_run.status if last_run else None,
                    "last_run_at": last_run.started_at if last_run else None,
                    "last_error": last_run.last_error if last_run else None,
                    "warnings": warnings.get(source.name, []),
                    "fallen_out": fell.get(newest.get(source.name, 0)),
                    "stale_current_keys": stale.get(source.name, 0),
                }
            )
    return standing
