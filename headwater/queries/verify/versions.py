"""Versions of a history: every key has one version at a time, each opened and ended by a delivery at its date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.metadata.sql_text import layer_table, sql_literal
from headwater.queries.verify.findings import SAMPLE_SIZE, CheckOutcome, Finding, amount, outcome_of
from headwater.queries.verify.tables import SourceTables


class Rule(NamedTuple):
    """A rule: the SQL condition of a violation, and the expected and the found state, by columns of `_VERSIONS`."""

    is_broken: str
    expected: str
    found: str


# of a version and the ones of its key before and after it
INTERVALS = {
    "ends_before_it_begins": Rule(
        "valid_to <= valid_from", "a valid_to after valid_from", "valid_to is {valid_to}"
    ),
    "overlap": Rule(
        "coalesce(valid_to, 'infinity') > _next_from",
        "an end at or before {_next_from}, when the next version of the key begins",
        "valid_to is {valid_to}",
    ),
    "several_current": Rule(
        "valid_to is null and _current_count > 1", "one current version of the key", "{_current_count} are current"
    ),
    "same_beginning": Rule(
        "_beginning_count > 1",
        "one version of the key that begins at that moment",
        "{_beginning_count} begin then",
    ),
    "gap_after_change": Rule(
        "end_type = 'changed' and _next_from is distinct from valid_to",
        "a next version of the key from {valid_to} on, since this one ended as changed",
        "the next one begins: {_next_from}",
    ),
    "no_gap_after_removal": Rule(
        "end_type = 'removed' and _next_from = valid_to",
        "no version of the key from {valid_to} on, since this one ended as removed",
        "the next one begins: {_next_from}",
    ),
    "ends_disagree": Rule(
        "num_nonnulls(valid_to, end_type, ended_by_delivery_sqn) not in (0, 3)",
        "valid_to, end_type and ended_by_delivery_sqn all set, or none of them",
        "valid_to {valid_to}, end_type {end_type}, ended_by_delivery_sqn {ended_by_delivery_sqn}",
    ),
    "wrong_change_type": Rule(
        "change_type is distinct from case when _before_to = valid_from then 'changed' else 'new' end",
        "changed if the version before ends at that moment, else new; the one before ends: {_before_to}",
        "change_type is {change_type}",
    ),
    "equal_versions": Rule(
        "_before_to = valid_from and _is_as_before",
        "another value in a tracked column than the version before has",
        "all tracked columns are equal",
    ),
}  # fmt: skip

# of a version and the deliveries that it names
DELIVERIES = {
    "opened_by_none": Rule(
        "opened_by.delivery_sqn is null",
        "a delivery_sqn of a delivery of the source",
        "delivery_sqn is {delivery_sqn}",
    ),
    "opened_by_not_held": Rule(
        "opened_by.delivery_sqn is not null and opened_by.held is null",
        "a delivery that history holds by its delivery_status",
        "delivery {delivery_sqn} has no status in historical",
    ),
    "opened_at_other_date": Rule(
        "opened_by.delivery_date <> valid_from",
        "valid_from at {_opened_date}, the date of delivery {delivery_sqn}",
        "it begins at {valid_from}",
    ),
    "other_process_date": Rule(
        "opened_by.process_date <> version.process_date",
        "the process_date of delivery {delivery_sqn}, {_opened_process_date}",
        "process_date is {process_date}",
    ),
    "ended_by_none": Rule(
        "ended_by_delivery_sqn is not null and ended_by.delivery_sqn is null",
        "an ended_by_delivery_sqn of a delivery of the source",
        "ended_by_delivery_sqn is {ended_by_delivery_sqn}",
    ),
    "ended_by_not_held": Rule(
        "ended_by.delivery_sqn is not null and ended_by.held is null",
        "an end by a delivery that history holds by its delivery_status",
        "delivery {ended_by_delivery_sqn} has no status in historical",
    ),
    "ended_at_other_date": Rule(
        "ended_by.delivery_date <> valid_to",
        "valid_to at {_ended_date}, the date of delivery {ended_by_delivery_sqn}",
        "it ends at {valid_to}",
    ),
}

# windows over the versions of each key, then every rule on every version; of each rule the first ones are listed
_BROKEN = """
with

delivery_of_source as (

    select
        delivery.*,
        historical.status as held
    from metadata.delivery
    left join metadata.delivery_status as historical
        on historical.delivery_sqn = delivery.delivery_sqn and historical.layer = 'historical'
    where source = :source

),

version as (

    select
        {keys},
        valid_from,
        valid_to,
        change_type,
        end_type,
        delivery_sqn,
        ended_by_delivery_sqn,
        process_date,
        lag(valid_to) over of_key as _before_to,
        lag({tracked}) over of_key is not distinct from {tracked} as _is_as_before,
        lead(valid_from) over of_key as _next_from,
        count(*) filter (where valid_to is null) over (partition by {keys}) as _current_count,
        count(*) over (partition by {keys}, valid_from) as _beginning_count
    from {history}
    window of_key as (partition by {keys} order by valid_from, valid_to)

),

broken as (

    select
        rule.name as rule,
        {key_as_json} as key,
        to_jsonb(version) || jsonb_build_object(
            '_opened_date', opened_by.delivery_date,
            '_opened_process_date', opened_by.process_date,
            '_ended_date', ended_by.delivery_date
        ) as facts,
        opened_by.publisher_name,
        count(*) over (partition by rule.name) as rule_count,
        row_number() over (partition by rule.name order by {version_keys}, version.valid_from) as place
    from version
    left join delivery_of_source as opened_by on opened_by.delivery_sqn = version.delivery_sqn
    left join delivery_of_source as ended_by on ended_by.delivery_sqn = version.ended_by_delivery_sqn
    cross join lateral (values {rules}) as rule (name, is_broken)
    where rule.is_broken

)

select rule, key, facts, publisher_name, rule_count
from broken
where place <= {sample_size}
order by rule, place
"""

_INDEXES = """
select expected.name
from (values (:current), (:beginning)) as expected (name)
where not exists (
    select from pg_index
    inner join pg_class on pg_class.oid = pg_index.indexrelid
    where pg_index.indrelid = to_regclass(:history)
        and pg_class.relname = cast(expected.name as name)
        and pg_index.indisunique
        and pg_index.indisvalid
)
"""


def check_versions(connection: Connection, tables: SourceTables) -> list[CheckOutcome]:
    """Check all versions of a source: their intervals, and the deliveries that they name."""
    tracked = f"row({tables.listed(tables.tracked_names)})" if tables.tracked_names else "true"
    rules = {**INTERVALS, **DELIVERIES}
    statement = _BROKEN.format(
        keys=tables.keys,
        version_keys=tables.listed(tables.key_names, "version."),
        key_as_json=tables.key_as_json("version."),
        tracked=tracked,
        history=tables.table("historical"),
        rules=", ".join(f"({sql_literal(name)}, {rule.is_broken})" for name, rule in rules.items()),
        sample_size=SAMPLE_SIZE,
    )
    rows = [dict(row) for row in connection.execute(sa.text(statement), {"source": tables.source}).mappings()]
    count: int = connection.execute(
        sa.text(f"select count(*) from {tables.table('historical')}")
    ).scalar_one()
    outcomes = []
    for check, of_check in (("intervals", INTERVALS), ("versions_and_deliveries", DELIVERIES)):
        its = [row for row in rows if row["rule"] in of_check]
        outcomes.append(
            outcome_of(
                tables.source,
                check,
                amount(count, "version"),
                [_finding(tables.source, check, of_check[row["rule"]], row) for row in its],
                counts={row["rule"]: row["rule_count"] for row in its},
            )
        )
    return outcomes


def check_indexes(connection: Connection, tables: SourceTables) -> CheckOutcome:
    """Check that Postgres forbids two current versions of a key, and two that begin at one moment."""
    missing: Iterable[str] = connection.execute(
        sa.text(_INDEXES),
        {
            "current": f"{tables.source}_current_key",
            "beginning": f"{tables.source}_valid_from_key",
            "history": layer_table("historical", tables.source),
        },
    ).scalars()
    findings = [
        Finding(
            tables.source, "indexes", "unique_index_missing",
            expected=f"the unique index {name}, by which Postgres refuses a second version",
            found="there is none, or it is not valid",
            action=f"repair what `intervals` finds, then headwater run {tables.source} creates it",
        )
        for name in missing
    ]  # fmt: skip
    return outcome_of(tables.source, "indexes", "2 unique indexes", findings)


def _finding(source: str, check: str, rule: Rule, row: Mapping[str, Any]) -> Finding:
    facts = {
        name: "none" if value is None else value
        for name, value in row["facts"].items()
        if not isinstance(value, dict | list)
    }
    return Finding(
        source, check, row["rule"],
        expected=rule.expected.format_map(facts),
        found=rule.found.format_map(facts),
        action=f"headwater rebuild {source}",
        delivery_sqn=row["facts"]["delivery_sqn"],
        publisher_name=row["publisher_name"],
        key=row["key"],
        valid_from=row["facts"]["valid_from"],
    )  # fmt: skip
