"""Queries for the parts of a source: of which of them a delivery is complete, and what is current in these.

`tests/support/history_oracle.py` defines what a part means; the macros of history implement the same for dbt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.checks.sql import all_match, column_list, json_object, names_of, quoted, staging_table
from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.sql_text import for_text, sql_literal
from headwater.metadata.static.model import Source


def spoken_parts(source: Source, deliveries: Sequence[int]) -> str:
    """Return a query of `delivery_sqn` and the parts that deliveries are complete for.

    A delivery speaks of the part that its name says, or else of those of its rows. A row that fell out tells of none.
    """
    these = ", ".join(map(str, deliveries)) or "null"
    named = ", ".join(
        f"cast(part ->> {for_text(sql_literal(name))} as {_part_type(source, name)})"
        for name in source.partition_by
    )
    return (
        f"select distinct delivery_sqn, {column_list(source.partition_by, 'staged.')}"
        f" from {staging_table(source)} as staged inner join metadata.delivery using (delivery_sqn)"
        f" where delivery_sqn in ({these}) and delivery.part is null"
        f" union all select delivery_sqn, {named} from metadata.delivery"
        f" where delivery_sqn in ({these}) and part is not null"
    )


def in_parts_of(source: Source, current: str, delivery_sqn: int) -> str:
    """Return a query of those rows of the query `current` that are of the parts of a delivery."""
    names, parts = source.partition_by, spoken_parts(source, [delivery_sqn])
    held, part = column_list(names, "held."), column_list(names, "part.")
    # null equals nothing, and its own branch: an "or" would keep Postgres from a hash or an index
    return (
        f"select * from ({current}) as held"
        f" where exists (select from ({parts}) as part where {all_match(names, 'held', 'part')})"
        f" union all select * from ({current}) as held where num_nulls({held}) > 0"
        f" and exists (select from ({parts}) as part where row({held}) is not distinct from row({part}))"
    )


def rows_of_other_parts(
    connection: Connection, source: Source, delivery: Delivery, sample_size: int
) -> tuple[int, tuple[Any, ...]]:
    """Return how many rows of a delivery are of another part than its name says, and some of them."""
    names = [*names_of(source.keys), *(n for n in source.partition_by if n not in names_of(source.keys))]
    part = delivery.part or {}
    differs = " or ".join(
        f"cast({quoted(name)} as text) is distinct from :part_{place}" for place, name in enumerate(part)
    )
    row = connection.execute(
        sa.text(f"""
with others as (
    select {column_list(names)} from {staging_table(source)} where delivery_sqn = :sqn and ({differs})
),
sampled as (select * from others order by {column_list(names)} limit {sample_size})
select
    (select count(*) from others) as found,
    (select json_agg({json_object(names, "sampled.")} order by {column_list(names)}) from sampled) as sample"""),
        {
            "sqn": delivery.delivery_sqn,
            **{f"part_{place}": value for place, value in enumerate(part.values())},
        },
    ).one()
    return int(row.found), tuple(row.sample or ())


def keys_that_matter(source: Source, base: str, deliveries: Sequence[int], delivery_sqn: int) -> str:
    """Return a query of the keys that deliveries have, and of those of `base` in the parts of one of them."""
    keys = column_list(names_of(source.keys))
    these = ", ".join(map(str, (*deliveries, delivery_sqn)))
    return (
        f"select {keys} from {staging_table(source)} where delivery_sqn in ({these})"
        f" union select {keys} from ({in_parts_of(source, base, delivery_sqn)}) as in_parts"
    )


def followed_by_parts(source: Source) -> str:
    """Return the CTEs between `words` and `said`: the next snapshot after a word is one of the part of its row, too."""
    keys, names = column_list(names_of(source.keys)), names_of((*source.keys, *source.tracked))
    parts, of_key = column_list(source.partition_by), f"over (partition by {keys} order by _position)"
    carried = ", ".join(
        f"first_value({quoted(name)}) over (partition by {keys}, _row_number"
        f" order by _position, _word = 'unreadable') as {quoted(name)}"
        if name in source.partition_by and name in names_of(source.tracked)
        else quoted(name)
        for name in names
    )
    of_part = ", ".join(quoted(name) if name in source.partition_by else "null" for name in names)
    return f"""
numbered as (
    select
        *, lead(_position) {of_key} as _next_position,
        count(*) filter (where _word <> 'unreadable') {of_key} as _row_number
    from words
),
-- a row that fell out is, for all we know, of the part of the row before it
in_parts as (select _word, _position, _next_snapshot, _next_position, {carried}, false as _is_spoken from numbered),
with_spoken_parts as (
    select * from in_parts
    union all
    select null, _position, null, null, {of_part}, true from spoken_part inner join placed on _sqn = delivery_sqn
),
with_next_parts as (
    select
        *,
        min(_position) filter (where _is_spoken) over (
            partition by {parts} order by _position desc groups between unbounded preceding and 1 preceding
        ) as _next_of_part
    from with_spoken_parts
),
followed as (
    select _word, _position, least(_next_snapshot, _next_of_part) as _next_snapshot, _next_position,
    {column_list(names)}
    from with_next_parts where not _is_spoken
)"""


def _part_type(source: Source, name: str) -> str:
    """Return the type in which a part in a name is compared: without a length, to which a cast would cut it."""
    attribute = next(one for one in source.attributes if one.target_name == name)
    return "text" if attribute.is_text else attribute.target_datatype
