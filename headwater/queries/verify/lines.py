"""Lines of deliveries: every row of raw is in staging or in the quarantine, by its line, and no other row is.

Rows that the staging model left out are in neither; the ledger has their number.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.queries.verify.findings import CheckOutcome, Finding, amount, outcome_of
from headwater.queries.verify.tables import SourceTables

CHECK = "lines"

# a delivery that raw or staging no longer holds has no lines to compare
_LINES = """
with

comparable as (

    select
        raw.delivery_sqn,
        coalesce(staging.left_out_count, 0) + coalesce(staging.recognised_count, 0) as left_out_count
    from metadata.delivery_status as raw
    inner join metadata.delivery_status as staging using (delivery_sqn)
    inner join metadata.delivery using (delivery_sqn)
    where delivery.source = :source
        and raw.layer = 'raw' and raw.status = 'loaded'
        and staging.layer = 'staging' and staging.status in ('loaded', 'partial')

),

line as (

    select delivery_sqn, line_number, 1 as in_raw, 0 as passed_on from {raw}
    union all
    select delivery_sqn, line_number, 0, 1 from {staging}
    union all
    select delivery_sqn, line_number, 0, 1 from metadata.quarantined_row

),

counted as (

    select
        delivery_sqn,
        line_number,
        sum(in_raw) as in_raw,
        sum(passed_on) as passed_on
    from line
    where delivery_sqn in (select delivery_sqn from comparable)
    group by delivery_sqn, line_number

),

different as (

    select
        delivery_sqn,
        left_out_count,
        count(*) as line_count,
        (array_agg(line_number order by line_number))[:5] as first_lines,
        sum(in_raw) as in_raw,
        sum(passed_on) as passed_on
    from counted
    inner join comparable using (delivery_sqn)
    where in_raw <> passed_on
    group by delivery_sqn, left_out_count
    having count(*) filter (where in_raw < passed_on) > 0 or sum(in_raw - passed_on) <> left_out_count

)

select different.*, delivery.publisher_name
from different
inner join metadata.delivery using (delivery_sqn)
order by delivery_sqn
"""

_COMPARED = """
select
    count(*) filter (where raw.status = 'loaded' and staging.status in ('loaded', 'partial')) as compared,
    count(*) filter (where raw.status <> 'loaded' or staging.status not in ('loaded', 'partial')) as not_compared
from metadata.delivery
inner join metadata.delivery_status as raw on raw.delivery_sqn = delivery.delivery_sqn and raw.layer = 'raw'
inner join metadata.delivery_status as staging
    on staging.delivery_sqn = delivery.delivery_sqn and staging.layer = 'staging'
where delivery.source = :source
"""


def check_lines(connection: Connection, tables: SourceTables) -> CheckOutcome:
    """Compare the lines of raw with those of staging and of the quarantine."""
    values = {"source": tables.source}
    statement = _LINES.format(raw=tables.table("raw"), staging=tables.table("staging"))
    found = connection.execute(sa.text(statement.replace("[:5]", r"[\:5]")), values).all()
    counts = connection.execute(sa.text(_COMPARED), values).one()
    findings = [
        Finding(
            tables.source, CHECK, "lines_of_staging",
            expected=f"each line once in raw and once in staging or in the quarantine: {row.in_raw:,} rows in raw"
            + (f", {row.left_out_count:,} of them left out by the model, or recognised" if row.left_out_count else ""),
            found=f"{row.passed_on:,} rows in staging and quarantine, in {row.line_count:,} lines that differ, first"
            f" {', '.join(map(str, row.first_lines))}",
            action=f'headwater replay {row.delivery_sqn} --why "…" loads the delivery again',
            delivery_sqn=row.delivery_sqn,
            publisher_name=row.publisher_name,
        )
        for row in found
    ]  # fmt: skip
    unproven = [
        f"lines of {counts.not_compared:,} deliveries cannot be compared: raw or staging no longer has their rows"
    ] * (counts.not_compared > 0)
    return outcome_of(
        tables.source, CHECK, amount(counts.compared, "delivery", "deliveries"), findings, unproven
    )
