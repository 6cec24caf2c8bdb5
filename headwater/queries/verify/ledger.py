"""The ledger of a source: its counts balance, and they equal the numbers of existing rows."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.queries.verify.findings import CheckOutcome, Finding, amount, outcome_of
from headwater.queries.verify.tables import SourceTables

# check → its rules: what was expected, and what to do
RULES = {
    "ledger": {
        "staged": "raw = staged + recognised + fallen out + left out by the model, as delivery_status has them",
        "historized": "staged + recognised = record_count of historical, as delivery_status has them",
        "change_kinds": "record_count of historical = new + changed + unchanged + ignored + overtaken + delete marks"
        " + left out by the model",
        "file_size": "the file_size of the delivery in the status of landed",
    },
    "rows": {
        "raw_rows": "as many rows in raw as delivery_status says",
        "staging_rows": "as many rows in staging as delivery_status says",
        "quarantined_rows": "as many quarantined rows as fell out, by delivery_status",
        "versions_new": "as many versions that begin as new as new_count says",
        "versions_changed": "as many versions that begin as changed as changed_count says",
        "versions_ended": "as many versions that end as changed as changed_count says",
        "versions_removed": "as many versions that end as removed as removed_count says",
    },
    "status": {
        "landed_status": "a status of the delivery in landed",
        "layer_status": "a status of the delivery in raw and staging, since history holds it",
        "checks_status": "the status in checks that its last verdict gave",
        "rows_without_status": "no rows of a delivery that has no status there",
        "unregistered_rows": "no rows of a delivery that is not one of the source",
    },
}

# every number that is on record of a delivery beside the number that is there
_COUNTED = """
with

status as (

    select delivery_status.*
    from metadata.delivery_status
    inner join metadata.delivery using (delivery_sqn)
    where delivery.source = :source

),

raw_rows as (
    select delivery_sqn, count(*) as row_count from {raw} group by delivery_sqn
),

staging_rows as (
    select delivery_sqn, count(*) as row_count from {staging} group by delivery_sqn
),

quarantined_rows as (

    select delivery_sqn, count(*) as row_count
    from metadata.quarantined_row
    inner join metadata.delivery using (delivery_sqn)
    where delivery.source = :source
    group by delivery_sqn

),

opened as (

    select
        delivery_sqn,
        count(*) filter (where change_type = 'new') as new_count,
        count(*) filter (where change_type = 'changed') as changed_count
    from {historical}
    group by delivery_sqn

),

ended as (

    select
        ended_by_delivery_sqn as delivery_sqn,
        count(*) filter (where end_type = 'changed') as changed_count,
        count(*) filter (where end_type = 'removed') as removed_count
    from {historical}
    where ended_by_delivery_sqn is not null
    group by ended_by_delivery_sqn

),

-- the last verdict that checks gave; a person's decision and the ledger have no status in checks
checked as (

    select distinct on (delivery_sqn)
        delivery_sqn,
        event,
        checks && '{{ledger,columns}}'::text[] as is_of_other_layer
    from metadata.delivery_event
    inner join metadata.delivery using (delivery_sqn)
    where delivery.source = :source and event in ('passed', 'halted', 'accepted', 'replayed')
    order by delivery_sqn, event_at desc, event_id desc

),

compared as (

    select
        delivery.delivery_sqn,
        delivery.publisher_name,
        compared.*
    from metadata.delivery
    left join metadata.delivery_needs(:source) as needs using (delivery_sqn)
    left join status as landed on landed.delivery_sqn = delivery.delivery_sqn and landed.layer = 'landed'
    left join status as raw on raw.delivery_sqn = delivery.delivery_sqn and raw.layer = 'raw'
    left join status as staging on staging.delivery_sqn = delivery.delivery_sqn and staging.layer = 'staging'
    left join status as checks on checks.delivery_sqn = delivery.delivery_sqn and checks.layer = 'checks'
    left join status as historical
        on historical.delivery_sqn = delivery.delivery_sqn and historical.layer = 'historical'
    left join raw_rows on raw_rows.delivery_sqn = delivery.delivery_sqn
    left join staging_rows on staging_rows.delivery_sqn = delivery.delivery_sqn
    left join quarantined_rows on quarantined_rows.delivery_sqn = delivery.delivery_sqn
    left join opened on opened.delivery_sqn = delivery.delivery_sqn
    left join ended on ended.delivery_sqn = delivery.delivery_sqn
    left join checked on checked.delivery_sqn = delivery.delivery_sqn
    -- rule, whether it applies, what is expected, what is there
    cross join lateral (
        values
        (
            'staged', staging.record_count is not null, 'raw ' || raw.record_count,
            'raw ' || staging.record_count + coalesce(staging.fallen_out_count, 0)
            + coalesce(staging.left_out_count, 0) + coalesce(staging.recognised_count, 0)
        ),
        (
            'historized', historical.status = 'loaded' and staging.record_count is not null,
            'staging ' || staging.record_count + coalesce(staging.recognised_count, 0),
            'staging ' || historical.record_count
        ),
        (
            'change_kinds', historical.status is not null, 'staging ' || historical.record_count,
            'staging ' || historical.new_count + historical.changed_count + historical.unchanged_count
            + historical.ignored_count + historical.overtaken_count + historical.delete_mark_count
            + coalesce(historical.left_out_count, 0)
        ),
        ('file_size', landed.status is not null, delivery.file_size || ' bytes', landed.file_size || ' bytes'),
        (
            'raw_rows', raw.status is not null,
            case when raw.status = 'loaded' then raw.record_count else 0 end || ' rows',
            coalesce(raw_rows.row_count, 0) || ' rows'
        ),
        (
            'staging_rows', staging.status is not null,
            case when staging.status in ('loaded', 'partial') then staging.record_count else 0 end || ' rows',
            coalesce(staging_rows.row_count, 0) || ' rows'
        ),
        (
            'quarantined_rows', staging.record_count is not null,
            coalesce(staging.fallen_out_count, 0) || ' rows', coalesce(quarantined_rows.row_count, 0) || ' rows'
        ),
        (
            'versions_new', historical.status is not null,
            historical.new_count || ' versions', coalesce(opened.new_count, 0) || ' versions'
        ),
        (
            'versions_changed', historical.status is not null,
            historical.changed_count || ' versions', coalesce(opened.changed_count, 0) || ' versions'
        ),
        (
            'versions_ended', historical.status is not null,
            historical.changed_count || ' versions', coalesce(ended.changed_count, 0) || ' versions'
        ),
        (
            'versions_removed', historical.status is not null,
            historical.removed_count || ' versions', coalesce(ended.removed_count, 0) || ' versions'
        ),
        ('landed_status', true, 'loaded', landed.status),
        (
            'layer_status', historical.status = 'loaded', 'raw and staging',
            concat_ws(
                ' and ',
                case when raw.status is not null then 'raw' end,
                case when staging.status is not null then 'staging' end
            )
        ),
        (
            'checks_status',
            checked.event in ('passed', 'halted') and not checked.is_of_other_layer and checks.status is not null,
            checked.event, checks.status
        ),
        -- a delivery that a run is to load again keeps its rows until then
        (
            'rows_without_status', needs.is_wanted is not true or historical.status = 'loaded', '',
            concat_ws(
                ' and ',
                case when raw.status is null and raw_rows.row_count > 0 then raw_rows.row_count || ' rows in raw' end,
                case
                    when staging.status is null and staging_rows.row_count > 0
                        then staging_rows.row_count || ' rows in staging'
                end,
                case
                    when staging.status is null and quarantined_rows.row_count > 0
                        then quarantined_rows.row_count || ' quarantined rows'
                end
            )
        )
    ) as compared (rule, applies, expected, found)
    where delivery.source = :source

),

unregistered as (

    select layer, delivery_sqn, row_count
    from (
        select 'raw' as layer, * from raw_rows
        union all
        select 'staging', * from staging_rows
    ) as layer_rows
    where not exists (
        select from metadata.delivery
        where delivery.delivery_sqn = layer_rows.delivery_sqn and delivery.source = :source
    )

)

select rule, delivery_sqn, publisher_name, coalesce(expected, 'none') as expected, coalesce(found, 'none') as found
from compared
where applies and expected is distinct from found

union all

select 'unregistered_rows', delivery_sqn, null, 'none', row_count || ' rows in ' || layer
from unregistered

order by rule, delivery_sqn
"""

_NO_ROWS = {
    "raw": "(select 0::bigint as delivery_sqn where false) as no_rows",
    "staging": "(select 0::bigint as delivery_sqn where false) as no_rows",
    "historical": (
        "(select 0::bigint as delivery_sqn, 0::bigint as ended_by_delivery_sqn, '' as change_type, '' as end_type"
        " where false) as no_versions"
    ),
}


def check_ledger(connection: Connection, tables: SourceTables) -> list[CheckOutcome]:
    """Compare the recorded counts of every delivery of a source with each other and with the tables."""
    layers = {
        layer: tables.table(layer) if layer in tables.layers else empty for layer, empty in _NO_ROWS.items()
    }
    values = {"source": tables.source}
    rows = (
        connection.execute(sa.text(_COUNTED.format(**layers).replace("::", "\\:\\:")), values)
        .mappings()
        .all()
    )
    count: int = connection.execute(
        sa.text("select count(*) from metadata.delivery where source = :source"), values
    ).scalar_one()
    return [
        outcome_of(
            tables.source,
            check,
            amount(count, "delivery", "deliveries"),
            [_finding(tables.source, check, rules[row["rule"]], row) for row in rows if row["rule"] in rules],
        )
        for check, rules in RULES.items()
    ]


def _finding(source: str, check: str, promise: str, row: Any) -> Finding:
    sqn = row["delivery_sqn"]
    replay = (
        f'headwater replay {sqn} --why "…" loads the delivery again, headwater rebuild {source} all of them'
    )
    return Finding(
        source, check, row["rule"],
        expected=f"{promise}: {row['expected']}" if row["expected"] else promise,
        found=row["found"],
        action=replay if row["rule"] != "unregistered_rows" else f"headwater rebuild {source}",
        delivery_sqn=sqn,
        publisher_name=row["publisher_name"],
    )  # fmt: skip
