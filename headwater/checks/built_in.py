"""The checks that every source gets from its metadata, as SQL that finds the failing deliveries.

Each query returns one row per failing delivery, with `delivery_sqn`, `unexpected_count`, `observed` (a
phrase) and `sample` (a JSON list), so one query validates all pending deliveries. A delivery without a row
has passed. A row with `is_fine` has passed too, and only reports an observation.

null_keys is critical if the source has on_null_key = halt. With fall_out the rows are already in the
quarantine and the rest of the delivery is good: the check then only warns, which records the number, and the
delivery passes. The same holds for duplicate_keys and on_duplicate_key = last_wins: staging has put the
losing rows into the quarantine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.checks.sql import column_list, json_object, names_of, staging_table
from headwater.checks.verdict import LONGEST_VALUE, SAMPLE_SIZE
from headwater.metadata.static.model import Severity, Source


@dataclass(frozen=True)
class BuiltInCheck:
    """A rule on deliveries, the SQL that finds violations, and a phrase for deliveries that pass."""

    name: str
    severity: Severity
    rule: str
    query: str
    when_passed: str


def built_in_checks(source: Source, pending: Sequence[int]) -> tuple[BuiltInCheck, ...]:
    """Return the checks of `source`, except duplicate_rows, for the deliveries `pending` (delivery_sqn)."""
    these = _these(pending)
    checks = [
        BuiltInCheck(
            name="duplicate_keys",
            severity="critical" if source.on_duplicate_key == "halt" else "warning",
            rule=f"No key ({_names(source)}) comes twice, delete marks included.",
            query=_duplicate_keys(source, these) if source.on_duplicate_key == "halt" else _losers(these),
            when_passed="no key comes twice",
        ),
        BuiltInCheck(
            name="null_keys",
            severity="critical" if source.on_null_key == "halt" else "warning",
            rule=f"Every row has its whole key ({_names(source)}).",
            query=_null_keys(these),
            when_passed="every key is whole",
        ),
        BuiltInCheck(
            name="ledger",
            severity="critical",
            rule="Every row of raw is staged, recognised as current or in the quarantine, and recorded so.",
            query=_ledger(source, these),
            when_passed="raw = staging + fallen out",
        ),
    ]
    if source.max_fallen_out_pct is not None:
        checks.append(
            BuiltInCheck(
                name="fallen_out",
                severity="critical",
                rule=f"At most {source.max_fallen_out_pct} % of the rows fall out for what they hold.",
                query=_fallen_out(source, these, limit=str(source.max_fallen_out_pct)),
                when_passed="no row fell out",
            )
        )
    return tuple(checks)


def duplicate_rows_check(source: Source, suspects: Sequence[int]) -> BuiltInCheck:
    """Return the check duplicate_rows for the deliveries in which duplicate_keys failed.

    It distinguishes a mere copy from a contradiction. With last_wins both are settled, so there is no check.
    """
    return BuiltInCheck(
        name="duplicate_rows",
        severity="warning",
        rule="No row is an exact copy of another.",
        query=_duplicate_rows(source, _these(suspects)),
        when_passed="no row comes twice",
    )


def _these(deliveries: Sequence[int]) -> str:
    # literals instead of a subquery, because only then does the planner use the index on delivery_sqn
    return f"delivery_sqn in ({', '.join(map(str, deliveries))})" if deliveries else "delivery_sqn is null"


def _names(source: Source) -> str:
    return ", ".join(names_of(source.keys))


def _staged(source: Source, these: str) -> str:
    return f"(select * from {staging_table(source)} where {these})"


def _repeated(source: Source, these: str) -> str:
    """Return the CTE `repeated` with the duplicate keys. No column of a source begins with `_`."""
    keys = column_list(names_of(source.keys))
    return f"""repeated as (
    select delivery_sqn, {keys}, count(*) as _row_count, min(line_number) as _first_line
    from {_staged(source, these)} as staged
    group by delivery_sqn, {keys}
    having count(*) > 1
)"""


def _duplicate_keys(source: Source, these: str) -> str:
    keys = names_of(source.keys)
    # looks up lines only for sampled keys: in `repeated`, every key would carry a list of lines
    return f"""
with {_repeated(source, these)},
ranked as (
    select *, row_number() over (partition by delivery_sqn order by _first_line) as _place from repeated
),
sampled as (
    select
        ranked.delivery_sqn, ranked._place,
        json_build_object(
            'key', {json_object(keys, "ranked.")},
            'lines', json_agg(staged.line_number order by staged.line_number)
        ) as _found
    from ranked
    inner join {_staged(source, these)} as staged using (delivery_sqn, {column_list(keys)})
    where ranked._place <= {SAMPLE_SIZE}
    group by ranked.delivery_sqn, ranked._place, {column_list(keys, "ranked.")}
)
select
    delivery_sqn,
    count(*) as unexpected_count,
    format('%s on %s rows', case count(*) when 1 then '1 key' else count(*) || ' keys' end, sum(_row_count))
        as observed,
    (
        select json_agg(_found order by _place) from sampled where sampled.delivery_sqn = ranked.delivery_sqn
    ) as sample
from ranked
group by delivery_sqn"""


def _losers(these: str) -> str:
    return f"""
with losers as (
    select
        delivery_sqn, key, count(*) as row_count, json_agg(line_number order by line_number) as lines,
        row_number() over (partition by delivery_sqn order by min(line_number)) as place
    from metadata.quarantined_row
    where {these} and rule = 'duplicate_key'
    group by delivery_sqn, key
)
select
    delivery_sqn,
    count(*) as unexpected_count,
    format('%s, %s overruled', case count(*) when 1 then '1 key' else count(*) || ' keys' end,
        case sum(row_count) when 1 then '1 row' else sum(row_count) || ' rows' end) as observed,
    json_agg(json_build_object('key', key, 'lines', lines) order by place)
        filter (where place <= {SAMPLE_SIZE}) as sample
from losers
group by delivery_sqn"""


def _duplicate_rows(source: Source, these: str) -> str:
    keys = names_of(source.keys)
    columns = names_of(source.attributes)
    if "delete_column" in source.options:
        columns.append("is_delete_mark")
    return f"""
with {_repeated(source, these)},
copies as (
    select
        staged.delivery_sqn, {json_object(keys, "staged.")} as key, count(*) as row_count,
        json_agg(staged.line_number order by staged.line_number) as lines,
        row_number() over (partition by staged.delivery_sqn order by min(staged.line_number)) as place
    from repeated
    inner join {_staged(source, these)} as staged using (delivery_sqn, {column_list(keys)})
    group by staged.delivery_sqn, {column_list(columns, "staged.")}
    having count(*) > 1
)
select
    delivery_sqn,
    sum(row_count - 1)::bigint as unexpected_count,
    case sum(row_count - 1) when 1 then '1 copy of a row' else sum(row_count - 1) || ' copies of rows' end
        as observed,
    json_agg(json_build_object('key', key, 'lines', lines) order by place)
        filter (where place <= {SAMPLE_SIZE}) as sample
from copies
group by delivery_sqn"""


def _null_keys(these: str) -> str:
    return f"""
with fallen as (
    select *, row_number() over (partition by delivery_sqn order by line_number, quarantined_row_id) as place
    from metadata.quarantined_row
    where {these} and rule = 'null_key'
)
select
    delivery_sqn,
    count(*) as unexpected_count,
    case count(*) when 1 then '1 row' else count(*) || ' rows' end || ' without a whole key' as observed,
    json_agg(json_build_object('line', line_number, 'column', column_name) order by place)
        filter (where place <= {SAMPLE_SIZE}) as sample
from fallen
group by delivery_sqn"""


_RECORDED = """recorded as (
    select
        raw.delivery_sqn, raw.record_count as raw, staging.record_count as staging,
        staging.fallen_out_count as fallen_out, coalesce(staging.left_out_count, 0) as left_out,
        coalesce(staging.recognised_count, 0) as recognised
    from metadata.delivery_status as raw
    inner join metadata.delivery_status as staging
        on staging.delivery_sqn = raw.delivery_sqn and staging.layer = 'staging'
    where raw.layer = 'raw' and raw.{these}
)"""


def _ledger(source: Source, these: str) -> str:
    return f"""
with {_RECORDED.format(these=these)},
staged as (
    select delivery_sqn, count(*) as row_count from {_staged(source, these)} as staged group by delivery_sqn
),
quarantined as (
    select delivery_sqn, count(*) as row_count
    from metadata.quarantined_row
    where {these}
    group by delivery_sqn
),
counted as (
    select
        recorded.*, coalesce(staged.row_count, 0) as staged, coalesce(quarantined.row_count, 0) as quarantined
    from recorded
    left join staged using (delivery_sqn)
    left join quarantined using (delivery_sqn)
)
select
    delivery_sqn,
    -- rows by which the worst pair differs; greatest() leaves out what was never recorded
    greatest(
        abs(raw - staged - quarantined - left_out - recognised), abs(staging - staged),
        abs(fallen_out - quarantined), 1
    ) as unexpected_count,
    format(
        'raw %s, staged %s (recorded %s), in quarantine %s (recorded %s)%s%s',
        coalesce(raw::text, 'not recorded'), staged, coalesce(staging::text, 'nothing'),
        quarantined, coalesce(fallen_out::text, 'nothing'),
        case when left_out > 0 then format(', left out by the model %s', left_out) end,
        case when recognised > 0 then format(', recognised %s', recognised) end
    ) as observed,
    '[]'::json as sample
from counted
where (raw, staging, fallen_out) is distinct from (staged + quarantined + left_out + recognised, staged, quarantined)"""


def _fallen_out(source: Source, these: str, limit: str) -> str:
    """Return the check that reports every delivery with fallen-out rows, also within the limit."""
    return f"""
with {_RECORDED.format(these=these)},
fallen as (
    select *, row_number() over (partition by delivery_sqn order by line_number, quarantined_row_id) as place
    from metadata.fallen_out_row
    where {these} and rule <> 'duplicate_key'
),
cause as (
    select delivery_sqn, column_name, rule, count(*) as row_count
    from fallen
    group by delivery_sqn, column_name, rule
),
causes as (
    select
        delivery_sqn,
        string_agg(
            format('%s for %s (%s)', row_count, column_name, rule), ', '
            order by row_count desc, column_name, rule
        ) as said
    from cause
    group by delivery_sqn
),
share as (
    select
        recorded.delivery_sqn, count(*) as row_count, recorded.raw,
        100.0 * count(*) <= {limit} * recorded.raw as is_fine,
        json_agg(
            json_build_object(
                'line', line_number, 'column', column_name, 'rule', rule, 'value', left(value, {LONGEST_VALUE})
            ) order by place
        ) filter (where place <= {SAMPLE_SIZE}) as sample
    from fallen
    inner join recorded using (delivery_sqn)
    group by recorded.delivery_sqn, recorded.raw
)
select
    delivery_sqn,
    is_fine,
    row_count as unexpected_count,
    format(
        '%s of %s rows, %s %%%s %s %%: %s; `headwater quarantine %s --delivery %s` lists them',
        row_count, raw, round(100.0 * row_count / raw, 3), case when is_fine then ', at most' else ', more than' end,
        {limit}, said, {_literal(source.name)}, delivery_sqn
    ) as observed,
    sample
from share
inner join causes using (delivery_sqn)"""


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
