"""Rows that fell out: their number, columns, rules, some of their values, and the consequences for history."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.metadata.visible import quoted

CAUSES_SHOWN = 6
BY_FIRST = 10_000  # rows of a delivery by which causes are told where many deliveries are listed
VALUES_SHOWN = 3
SAMPLED = 20  # rows of a cause, of which the first different values are told
LONGEST_VALUE = 200  # characters that are read of a value

_FELL = """
select delivery.source, delivery_sqn, fallen_out_count,
    record_count + fallen_out_count + coalesce(left_out_count, 0) + coalesce(recognised_count, 0) as row_count
from metadata.delivery_status
inner join metadata.delivery using (delivery_sqn)
where layer = 'staging' and fallen_out_count > 0 and delivery_sqn = any(:sqns)
order by delivery_date, publisher_name collate "C", delivery_sqn
"""

# `first` bounds what a list of many deliveries costs, some of which may have fallen out as a whole
_CAUSES = f"""
with

fallen as (

    select asked.delivery_sqn, one.*
    from unnest(cast(:sqns as bigint[])) as asked (delivery_sqn)
    cross join lateral (
        select column_name, rule, line_number, key is null as is_keyless, left(value, {LONGEST_VALUE}) as value
        from metadata.fallen_out_row
        where fallen_out_row.delivery_sqn = asked.delivery_sqn
        order by line_number
        limit :first
    ) as one

),

placed as (

    select
        fallen.*,
        row_number() over (partition by delivery_sqn, column_name, rule order by line_number) as place
    from fallen

)

select
    delivery_sqn,
    column_name,
    rule,
    count(*) as row_count,
    count(*) filter (where is_keyless) as keyless_count,
    array_agg(value order by line_number) filter (where place <= {SAMPLED}) as values
from placed
group by delivery_sqn, column_name, rule
order by delivery_sqn, row_count desc, column_name, rule
"""

_STALE = """
select delivery_sqn, count(*) as key_count
from metadata.stale_current_keys(:source)
group by delivery_sqn
"""


@dataclass(frozen=True)
class Cause:
    """Rows that fell out for one column by one rule, and some of their different values; None means no value."""

    column_name: str
    rule: str
    row_count: int
    values: tuple[str | None, ...]

    @property
    def message(self) -> str:
        """Return the cause as a phrase."""
        shown = ", ".join(quoted(value) for value in self.values[:VALUES_SHOWN])
        return f"{self.row_count:,} for {self.column_name} ({self.rule}): {shown}"


@dataclass(frozen=True)
class FallenOut:
    """Rows that fell out of deliveries of one source: `row_count` of their `of_rows` rows."""

    deliveries: tuple[int, ...]
    row_count: int
    of_rows: int
    causes: tuple[Cause, ...]
    keyless_count: int  # rows whose key cannot be read
    stale_current_keys: int  # current in history with an earlier version

    @property
    def headline(self) -> str:
        """Return the number of rows, and the deliveries."""
        of = (
            f"delivery {self.deliveries[0]}"
            if len(self.deliveries) == 1
            else f"{len(self.deliveries):,} deliveries"
        )
        return f"{self.row_count:,} of {self.of_rows:,} rows of {of} fell out"

    @property
    def causes_message(self) -> str:
        """Return the columns and rules, with some of the values."""
        shown = [cause.message for cause in self.causes[:CAUSES_SHOWN]]
        counted = sum(cause.row_count for cause in self.causes)
        first = f" (by the first {counted:,} of them)" if counted < self.row_count else ""
        more = len(self.causes) - len(shown)
        return "; ".join([*shown, *([f"{more:,} more columns or rules"] if more else [])]) + first

    @property
    def consequences(self) -> tuple[str, ...]:
        """Return the consequences for history; none if there are none."""
        found = []
        if stale := self.stale_current_keys:
            them = "1 of their keys is" if stale == 1 else f"{stale:,} of their keys are"
            found.append(f"{them} current: history keeps the earlier version")
        if keyless := self.keyless_count:
            them = "1 row has a key" if keyless == 1 else f"{keyless:,} rows have keys"
            its = "its row has" if keyless == 1 else "their rows have"
            found.append(
                f"{them} that cannot be read: to history {its} not come, and a snapshot ends such a key"
            )
        return tuple(found)

    def messages(self, source: str) -> tuple[str, ...]:
        """Return everything in a few lines, with the command that lists the rows."""
        of = f" --delivery {self.deliveries[0]}" if len(self.deliveries) == 1 else ""
        way_on = f"`headwater quarantine {source}{of}` lists them"
        return (f"{self.headline}: {self.causes_message}", *self.consequences, way_on)


def fallen_out(
    connection: Connection, sqns: Collection[int], *, first: int | None = None, with_stale: bool = True
) -> dict[int, FallenOut]:
    """Return by delivery what fell out of it; deliveries from which nothing fell out are missing.

    Causes come from the `first` rows of each delivery; by default from all. `with_stale` also counts stale keys, which
    reads everything that was staged of a source since a row fell out.
    """
    fell = connection.execute(sa.text(_FELL), {"sqns": list(sqns)}).all()
    if not fell:
        return {}
    asked = {"sqns": [row.delivery_sqn for row in fell], "first": first}
    causes: dict[int, list[Any]] = {}
    for row in connection.execute(sa.text(_CAUSES), asked):
        causes.setdefault(row.delivery_sqn, []).append(row)
    stale: dict[int, int] = {}
    for source in sorted({row.source for row in fell}) if with_stale else ():
        stale |= {
            row.delivery_sqn: row.key_count for row in connection.execute(sa.text(_STALE), {"source": source})
        }
    return {
        row.delivery_sqn: FallenOut(
            deliveries=(row.delivery_sqn,),
            row_count=row.fallen_out_count,
            of_rows=row.row_count,
            causes=tuple(
                Cause(cause.column_name, cause.rule, cause.row_count, _first_different(cause.values))
                for cause in causes.get(row.delivery_sqn, ())
            ),
            keyless_count=sum(cause.keyless_count for cause in causes.get(row.delivery_sqn, ())),
            stale_current_keys=stale.get(row.delivery_sqn, 0),
        )
        for row in fell
    }


def together(found: Iterable[FallenOut]) -> FallenOut | None:
    """Return what fell out of several deliveries as one; None if there is nothing."""
    each = list(found)
    if len(each) < 2:
        return each[0] if each else None
    return FallenOut(
        deliveries=tuple(sqn for one in each for sqn in one.deliveries),
        row_count=sum(one.row_count for one in each),
        of_rows=sum(one.of_rows for one in each),
        causes=tuple(_causes_together([cause for one in each for cause in one.causes])),
        keyless_count=sum(one.keyless_count for one in each),
        stale_current_keys=sum(one.stale_current_keys for one in each),
    )


def _causes_together(causes: Sequence[Cause]) -> list[Cause]:
    by_name: dict[tuple[str, str], list[Cause]] = {}
    for cause in causes:
        by_name.setdefault((cause.column_name, cause.rule), []).append(cause)
    added = [
        Cause(*name, sum(one.row_count for one in same), _first_different(_values(same)))
        for name, same in by_name.items()
    ]
    return sorted(added, key=lambda cause: (-cause.row_count, cause.column_name, cause.rule))


def _values(causes: Iterable[Cause]) -> Iterator[str | None]:
    for cause in causes:
        yield from cause.values


def _first_different(values: Iterable[str | None]) -> tuple[str | None, ...]:
    return tuple(dict.fromkeys(values))[:VALUES_SHOWN]
