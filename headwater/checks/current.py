"""Queries for the rows that were current at some moment, as key and tracked columns.

`tests/support/history_oracle.py` defines what current means; the macros of history implement the same for
dbt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from headwater.checks.parts import followed_by_parts, spoken_parts
from headwater.checks.sql import all_match, column_list, names_of, quoted, staging_table
from headwater.metadata.sql_text import for_text, layer_table, sql_literal
from headwater.metadata.static.model import Source


@dataclass(frozen=True)
class Recognised:
    """The rows of a partial delivery that are not staged: `loaded_on` is its date once history has it, before None."""

    loaded_on: datetime | None


@dataclass(frozen=True)
class Step:
    """An effective delivery on the way to some moment."""

    delivery_sqn: int
    is_snapshot: bool
    is_of_parts: bool = False
    recognised: Recognised | None = None


def columns_of(source: Source) -> list[str]:
    """Return the columns of every query of this module."""
    return names_of((*source.keys, *source.tracked))


def nothing(source: Source) -> str:
    """Return a query of the state before the first delivery, which has no rows."""
    # of a table, which has the types of this database: without PostGIS a geometry is text
    return f"select {column_list(columns_of(source))} from {staging_table(source)} where false"


def newest_of_history(source: Source) -> str:
    """Return a query of the current rows of the historical table."""
    return f"{_history(source)} where valid_to is null"


def history_before(source: Source, moment: datetime) -> str:
    """Return a query of the rows that were current until `moment`, by the historical table."""
    at = _literal(moment)
    return f"{_history(source)} where valid_from < {at} and (valid_to is null or valid_to >= {at})"


def history_from(source: Source, moment: datetime) -> str:
    """Return a query of the rows that were current from `moment` on, by the historical table."""
    return f"{_history(source)} where {_from(moment)}"


def rows_of(source: Source, delivery_sqn: int, recognised: Recognised | None = None) -> str:
    """Return a query of the rows of a delivery, without its delete marks: the staged ones and the recognised ones."""
    columns = columns_of(source)
    marks = " and not is_delete_mark" if "delete_column" in source.options else ""
    staged = f"select {column_list(columns)} from {staging_table(source)} where delivery_sqn = {delivery_sqn}{marks}"
    if recognised is None:
        return staged
    return f"{staged} union all {recognised_rows_of(source, delivery_sqn, column_list(columns, 'held.'), recognised)}"


def recognised_rows_of(source: Source, delivery_sqn: int, selected: str, recognised: Recognised) -> str:
    """Return a query of the rows of a partial delivery that are not staged: expressions `selected` of versions `held`.

    They are the versions of the state that it met except those of keys that it has in staging or no longer has. Once it
    is loaded they are those of the state that it made, except of keys whose rows are staged or fell out.
    """
    keys = names_of(source.keys)
    if recognised.loaded_on is None:
        held, others = "valid_to is null", absent_keys_of(source, delivery_sqn)
    else:
        held, others = _from(recognised.loaded_on), unreadable_keys_of(source, [delivery_sqn])
    return (
        f"select {selected} from {layer_table('historical', source.name)} as held"
        f" where {held} and not exists (select from {staging_table(source)} as staged"
        f" where staged.delivery_sqn = {delivery_sqn} and {all_match(keys, 'staged', 'held')})"
        f" and not exists (select from ({others}) as other where {all_match(keys, 'other', 'held')})"
    )


def absent_keys_of(source: Source, delivery_sqn: int) -> str:
    """Return a query of the current keys of which a partial delivery has no row that can be read."""
    keys = column_list(names_of(source.keys), of="absent.")
    return (
        f"select {keys} from metadata.absent_key cross join lateral jsonb_to_record(absent_key.key)"
        f" as absent ({_typed_keys(source)}) where delivery_sqn = {delivery_sqn}"
    )


def unreadable_keys_of(source: Source, deliveries: Sequence[int]) -> str:
    """Return a query of `delivery_sqn` and key of the rows that fell out with a readable key."""
    keys = column_list(names_of(source.keys), of="readable.")
    return (
        f"select delivery_sqn, {keys} from metadata.quarantined_row"
        f" cross join lateral jsonb_to_record(quarantined_row.key) as readable ({_typed_keys(source)})"
        " where quarantined_row.key is not null and quarantined_row.rule <> 'duplicate_key'"
        f" and delivery_sqn in ({_these(deliveries)})"
    )


def current_after(source: Source, base: str, steps: Sequence[Step], *, lets_all_in: bool) -> str:
    """Return a query of the current rows after `steps`, given those of `base` before.

    The steps must have one date, unless the source loads both new and removed keys: only the end of a date is
    ever true, and the policies depend on the state before the date. `lets_all_in` means that all new keys are
    admitted, by policy or because it is the first date.
    """
    keys, columns = column_list(names_of(source.keys)), column_list(columns_of(source))
    last_said = f"""
with
placed (_sqn, _position, _next_snapshot) as (values {_placed(steps)}),
words as (
    select 'row' as _word, 0 as _position, {_next_snapshot(steps, 0)}::integer as _next_snapshot, {columns}
    from ({base}) as base
    union all
    {_staged_words(source, steps)}{_unreadable_words(source, steps)}
),{_followed(source, steps)},
-- a snapshot that comes before the next word about a key does not hold it
said as (
    select _position, _word = 'row' as _is_there, {columns} from followed where _word <> 'unreadable'
    union all
    select _next_snapshot, false, {columns} from followed
    where _next_snapshot < coalesce(_next_position, _next_snapshot + 1)
),
last_said as (select distinct on ({keys}) * from said order by {keys}, _position desc)"""
    if lets_all_in and source.load_removed:
        return f"{last_said} select {columns} from last_said where _is_there"
    tracked = (
        f"case when _is_there then last_said.{quoted(n)} else base.{quoted(n)} end as {quoted(n)}"
        for n in names_of(source.tracked)
    )
    return f"""{last_said}
select {", ".join((keys, *tracked))}
from last_said
left join (select *, true as _was_there from ({base}) as base) as base using ({keys})
where case
    when _was_there then _is_there or {_boolean(not source.load_removed)}
    else _is_there and {_boolean(lets_all_in)}
end"""


def _history(source: Source) -> str:
    return f"select {column_list(columns_of(source))} from {layer_table('historical', source.name)}"


def _staged_words(source: Source, steps: Sequence[Step]) -> str:
    word = (
        "case when is_delete_mark then 'mark' else 'row' end"
        if "delete_column" in source.options
        else "'row'"
    )
    held = column_list(columns_of(source), "held.")
    recognised = "".join(
        f"""
    union all
    select 'row', _position, _next_snapshot, {column_list(columns_of(source))}
    from ({recognised_rows_of(source, step.delivery_sqn, held, step.recognised)}) as recognised
    inner join placed on _sqn = {step.delivery_sqn}"""
        for step in steps
        if step.recognised
    )
    return f"""select {word}, _position, _next_snapshot, {column_list(columns_of(source))}
    from {staging_table(source)} inner join placed on _sqn = delivery_sqn
    where delivery_sqn in ({_these([step.delivery_sqn for step in steps])}){recognised}"""


def _unreadable_words(source: Source, steps: Sequence[Step]) -> str:
    snapshots = [step.delivery_sqn for step in steps if step.is_snapshot or step.is_of_parts]
    if not snapshots:
        return ""
    return f"""
    union all
    select 'unreadable', _position, _next_snapshot, {column_list(names_of(source.keys))}{", null" * len(source.tracked)}
    from ({unreadable_keys_of(source, snapshots)}) as unreadable inner join placed on _sqn = delivery_sqn"""


def _followed(source: Source, steps: Sequence[Step]) -> str:
    if source.partition_by:
        spoken = spoken_parts(source, [step.delivery_sqn for step in steps if step.is_of_parts])
        return f"\nspoken_part as ({spoken}),{followed_by_parts(source)}"
    keys = column_list(names_of(source.keys))
    return f"""
followed as (
    select *, lead(_position) over (partition by {keys} order by _position) as _next_position from words
)"""


def _placed(steps: Sequence[Step]) -> str:
    return ", ".join(
        f"({step.delivery_sqn}, {position}, {_next_snapshot(steps, position)}::integer)"
        for position, step in enumerate(steps, 1)
    )


def _next_snapshot(steps: Sequence[Step], position: int) -> str:
    later = (place for place, step in enumerate(steps, 1) if place > position and step.is_snapshot)
    return str(next(later, "null"))


def _from(moment: datetime) -> str:
    at = _literal(moment)
    return f"valid_from <= {at} and (valid_to is null or valid_to > {at})"


def _typed_keys(source: Source) -> str:
    return ", ".join(f"{quoted(a.target_name)} {a.target_datatype}" for a in source.keys)


def _these(deliveries: Sequence[int]) -> str:
    return ", ".join(map(str, deliveries))


def _literal(moment: datetime) -> str:
    return for_text(f"timestamptz {sql_literal(moment.isoformat())}")


def _boolean(value: bool) -> str:
    return "true" if value else "false"
