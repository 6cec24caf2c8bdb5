"""History as a whole: recomputed from its deliveries, and compared version by version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.metadata.sql_text import sql_literal
from headwater.queries.verify.findings import SAMPLE_SIZE, CheckOutcome, Finding, moment_text, outcome_of
from headwater.queries.verify.tables import SourceTables

CHECK = "history"
FROM_THE_BEGINNING = "-infinity"

Compile = Callable[[str], str]  # a template in the models' language → SQL

# a delivery can be applied again while staging has its rows and history holds it as it is staged
_PROVABLE = """
with

held as (

    select
        delivery.delivery_sqn,
        delivery.publisher_name,
        delivery.delivery_date,
        historical.status = 'loaded' and coalesce(needs.is_staged, false) as is_provable
    from metadata.delivery
    inner join metadata.delivery_status as historical
        on historical.delivery_sqn = delivery.delivery_sqn and historical.layer = 'historical'
    left join metadata.delivery_needs(:source) as needs on needs.delivery_sqn = delivery.delivery_sqn
    where delivery.source = :source

),

gap as (

    select max(delivery_date) as ends from held where not is_provable

)

select
    count(*) as held_count,
    count(*) filter (where is_provable and (gap.ends is null or delivery_date > gap.ends)) as provable_count,
    cast(min(delivery_date) filter (where delivery_date > gap.ends) as text) as since,
    (array_agg(delivery_sqn || ', ' || publisher_name order by delivery_date desc, delivery_sqn desc)
        filter (where not is_provable))[1] as newest_unstaged
from held
cross join gap
"""


_RECOMPUTED = f"""
{{{{ headwater.history_recomputed(
    headwater.with_recorded_columns(headwater.source_definition(source)), model_sql, ref('hist_' ~ source),
    since, {SAMPLE_SIZE}
) }}}}
"""


class _Provable(NamedTuple):
    """The number of deliveries in history, and how many of the newest can be applied again, from which date on."""

    held_count: int
    provable_count: int
    since: str | None
    newest_unstaged: str | None


def check_history(
    connection: Connection, tables: SourceTables, model: str, compiled: Compile
) -> CheckOutcome:
    """Compare the history of a source with one recomputed from its deliveries, as far back as staging has them.

    `model` is the text of its historical model.
    """
    provable = _Provable(**connection.execute(sa.text(_PROVABLE), {"source": tables.source}).mappings().one())
    unproven = _not_proven(tables.source, provable)
    if not provable.provable_count:
        return outcome_of(tables.source, CHECK, "no delivery", [], unproven)
    since = provable.since or FROM_THE_BEGINNING
    names = f"{{% set source, since = {sql_literal(tables.source)}, {sql_literal(since)} %}}"
    names += "{% set model_sql %}" + model + "{% endset %}"
    found = connection.execution_options(no_parameters=True).exec_driver_sql(compiled(names + _RECOMPUTED))
    rows = [dict(row) for row in found.mappings()]
    publisher_names = _publisher_names(connection, tables.source)
    return outcome_of(
        tables.source,
        CHECK,
        f"{provable.provable_count:,} of {provable.held_count:,} deliveries applied again",
        [_finding(tables.source, row, publisher_names) for row in rows],
        unproven,
        counts={row["rule"]: row["rule_count"] for row in rows},
    )


def _not_proven(source: str, provable: _Provable) -> list[str]:
    lacking = provable.held_count - provable.provable_count
    if not lacking:
        return []
    since = f" before {provable.since}" if provable.provable_count else ""
    return [
        f"history{since} cannot be made again: staging no longer has {lacking} of {provable.held_count} deliveries as"
        f" history holds them, the newest is {provable.newest_unstaged}. headwater rebuild {source} makes it again from"
        " S3"
    ]


def _publisher_names(connection: Connection, source: str) -> dict[int, str]:
    rows = connection.execute(
        sa.text("select delivery_sqn, publisher_name from metadata.delivery where source = :source"),
        {"source": source},
    )
    return {row.delivery_sqn: row.publisher_name for row in rows}


def _finding(source: str, row: Mapping[str, Any], names: Mapping[int, str]) -> Finding:
    expected, found = row["expected"], row["found"]
    if row["rule"] == "count_differs":
        [(name, count)] = expected.items()
        return Finding(
            source, CHECK, row["rule"],
            expected=f"{name} {count}, by what its rows make of history",
            found=f"delivery_status says {found[name]}",
            action=f"headwater rebuild {source}",
            delivery_sqn=row["place"],
            publisher_name=names.get(row["place"]),
        )  # fmt: skip
    version = expected or found
    differing = [name for name in version if (expected or {}).get(name) != (found or {}).get(name)]
    return Finding(
        source, CHECK, row["rule"],
        expected=_version(expected, differing) if expected else "no such version, by the rows of its deliveries",
        found=_version(found, differing) if found else "no such version",
        action=f"headwater rebuild {source} makes history again from S3; headwater history {source} shows the key",
        delivery_sqn=version["delivery_sqn"],
        publisher_name=names.get(version["delivery_sqn"]),
        key=row["key"],
        valid_from=moment_text(row["place"]),
    )  # fmt: skip


def _version(version: Mapping[str, Any], differing: list[str]) -> str:
    """Return the columns of a version that matter: `valid_to null, people 3`."""
    return ", ".join(
        f"{name} {'null' if version[name] is None else sql_literal(version[name])}" for name in differing
    )
