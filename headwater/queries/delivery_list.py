"""Deliveries page by page, at a cost that does not grow with their number.

The state of a delivery depends only on the deliveries of its identity (source, name, date), which an index
finds. So the queries compute the state only for the deliveries of the page. `offset 0` keeps Postgres from
computing the state of all deliveries first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

STATUSES = ("loaded", "pending", "halted", "withdrawn", "superseded")

STATE_OF = """
cross join lateral (
    select *
    from metadata.delivery_state as alike
    where alike.source = {of}.source and alike.delivery_date = {of}.delivery_date
        and alike.publisher_name = {of}.publisher_name
    offset 0
) as state
"""  # with `where state.delivery_sqn = {of}.delivery_sqn`

# a condition that every delivery of a rare status meets, so that the query reads few deliveries
_CANDIDATES = {
    "loaded": "true",
    "pending": """not exists (
        select from metadata.delivery_status as loaded
        where loaded.delivery_sqn = delivery.delivery_sqn and layer = 'historical' and loaded.status = 'loaded'
    )""",
    "halted": """exists (
        select from metadata.delivery_event as once
        where once.delivery_sqn = delivery.delivery_sqn and event = 'halted'
    )""",
    "withdrawn": """exists (
        select from metadata.delivery_event as once
        where once.delivery_sqn = delivery.delivery_sqn and event = 'withdrawn'
    )""",
    "superseded": """exists (
        select from metadata.delivery as later
        where later.source = delivery.source and later.delivery_date = delivery.delivery_date
            and later.publisher_name = delivery.publisher_name and later.delivery_sqn > delivery.delivery_sqn
    )""",
}

_SHOWN = """
select
    listed.*,
    layer.layers,
    halt.checks as failed_checks,
    halt.why as halted_why,
    decided.event as decided_event,
    decided.who as decided_who
from listed
left join lateral (
    select jsonb_object_agg(layer, to_jsonb(found) - 'delivery_sqn' - 'layer') as layers
    from metadata.delivery_status as found
    where found.delivery_sqn = listed.delivery_sqn
) as layer on true
left join lateral (
    select checks, why
    from metadata.delivery_event as said
    where said.delivery_sqn = listed.delivery_sqn and event = 'halted' and listed.status = 'halted'
    order by event_at desc, event_id desc
    limit 1
) as halt on true
-- the decision by which it stands as it does
left join lateral (
    select event, who
    from metadata.delivery_event as said
    where said.delivery_sqn = listed.delivery_sqn
        and case listed.status
            when 'withdrawn' then event = 'withdrawn'
            when 'halted' then false
            else event in ('accepted', 'replayed')
        end
    order by event_at desc, event_id desc
    limit 1
) as decided on decided.event <> 'replayed'
"""


@dataclass(frozen=True)
class Filters:
    """A filter of deliveries by sources; `since` and `until` (aware) bound the delivery date."""

    sources: tuple[str, ...]
    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None  # exclusive
    text: str | None = None  # a part of the publisher's name, or the number of a delivery


@dataclass(frozen=True)
class Page:
    """Deliveries of a page, and the `delivery_sqn` after which the next page begins; None on the last page."""

    deliveries: list[dict[str, Any]]
    next_after: int | None


def page_of_deliveries(connection: Connection, filters: Filters, after: int | None, size: int) -> Page:
    """Return the next `size` deliveries after one: for one source by date, for several by landing, newest first."""
    is_one_source = len(filters.sources) == 1
    order = ("delivery_date", "publisher_name", "delivery_sqn") if is_one_source else ("delivery_sqn",)
    wanted, values = _wanted(filters)
    if after is not None:
        begins = connection.execute(
            sa.text(
                "select delivery_date, publisher_name, delivery_sqn from metadata.delivery"
                " where delivery_sqn = :after and source = any(:sources)"
            ),
            {"after": after, "sources": list(filters.sources)},
        ).mappings().first()  # fmt: skip
        if begins is None:
            return Page([], None)
        wanted.append(f"{_row(order)} < ({', '.join(f':after_{name}' for name in order)})")
        values |= {f"after_{name}": begins[name] for name in order}
    found = [
        dict(row)
        for row in connection.execute(
            sa.text(
                f"with listed as (select state.* from metadata.delivery {STATE_OF.format(of='delivery')}"
                f" where state.delivery_sqn = delivery.delivery_sqn and {' and '.join(wanted)}"
                f" order by {', '.join(f'delivery.{name} desc' for name in order)} limit :size)"
                f"{_SHOWN} order by {', '.join(f'listed.{name} desc' for name in order)}"
            ),
            {**values, "size": size + 1},
        ).mappings()
    ]
    has_more = len(found) > size
    return Page(found[:size], found[size - 1]["delivery_sqn"] if has_more else None)


def newest_deliveries(
    connection: Connection, sources: Sequence[str], each: int
) -> dict[str, list[dict[str, Any]]]:
    """Return the newest deliveries of each given source, by date, newest first."""
    newest: dict[str, list[dict[str, Any]]] = {source: [] for source in sources}
    rows = connection.execute(
        sa.text(
            "with listed as (select state.* from unnest(cast(:sources as text[])) as asked(source)"
            " cross join lateral (select * from metadata.delivery where delivery.source = asked.source"
            " order by delivery_date desc, publisher_name desc, delivery_sqn desc limit :each) as delivery"
            f" {STATE_OF.format(of='delivery')} where state.delivery_sqn = delivery.delivery_sqn)"
            f"{_SHOWN} order by delivery_date desc, publisher_name desc, delivery_sqn desc"
        ),
        {"sources": list(sources), "each": each},
    ).mappings()
    for row in rows:
        newest[row["source"]].append(dict(row))
    return newest


def counts_by_source(connection: Connection, sources: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return for each source with deliveries how many it has, and how many are pending or halted."""
    counts = {
        row.source: {"deliveries": row.counted, "pending": 0, "halted": 0}
        for row in connection.execute(
            sa.text(
                "select source, count(*) as counted from metadata.delivery"
                " where source = any(:sources) group by source"
            ),
            {"sources": list(sources)},
        )
    }
    for status in ("pending", "halted"):
        rows = connection.execute(
            sa.text(
                "select state.source, count(*) as counted from metadata.delivery"
                f" {STATE_OF.format(of='delivery')} where state.delivery_sqn = delivery.delivery_sqn"
                f" and delivery.source = any(:sources) and {_CANDIDATES[status]} and state.status = :status"
                " group by state.source"
            ),
            {"sources": list(sources), "status": status},
        )
        for row in rows:
            counts[row.source][status] = row.counted
    return counts


def growth(connection: Connection, source: str, points: int) -> list[tuple[datetime, int, int]]:
    """Return the growth of history: the numbers of versions and of current keys by delivery date.

    Returns at most `points` rows, including the last one, from the counts in `delivery_status`.
    """
    rows = connection.execute(
        sa.text(
            "with grown as (select delivery_date, row_number() over applied as place, count(*) over () as all_of_them,"
            " sum(new_count + changed_count) over applied as versions, sum(new_count - removed_count) over applied"
            " as current from metadata.delivery inner join metadata.delivery_status using (delivery_sqn)"
            " where source = :source and layer = 'historical' window applied as (order by delivery_date,"
            ' publisher_name collate "C", delivery_sqn))'
            " select distinct on ((place - 1) * :points / all_of_them) delivery_date, versions, current from grown"
            " order by (place - 1) * :points / all_of_them, place desc"
        ),
        {"source": source, "points": points},
    )
    return [(row.delivery_date, int(row.versions), int(row.current)) for row in rows]


def _wanted(filters: Filters) -> tuple[list[str], dict[str, Any]]:
    """Return the conditions on `delivery` and `state`, and their values."""
    if len(filters.sources) == 1:  # with this redundant condition, the index returns them in order
        wanted = ["delivery.source = :source"]
        bound: dict[str, Any] = {"source": filters.sources[0]}
    else:
        wanted, bound = ["delivery.source = any(:sources)"], {"sources": list(filters.sources)}
    if filters.status:
        wanted += [_CANDIDATES[filters.status], "state.status = :status"]
        bound["status"] = filters.status
    if filters.since:
        wanted.append("delivery.delivery_date >= :since")
        bound["since"] = filters.since
    if filters.until:
        wanted.append("delivery.delivery_date < :until")
        bound["until"] = filters.until
    if filters.text:
        is_number = filters.text.isascii() and filters.text.isdecimal()
        number = int(filters.text) if is_number and len(filters.text) < 19 else -1
        wanted.append(
            "(strpos(lower(delivery.publisher_name), lower(:text)) > 0 or delivery.delivery_sqn = :number)"
        )
        bound |= {"text": filters.text, "number": number}
    return wanted, bound


def _row(names: Sequence[str]) -> str:
    return f"({', '.join(f'delivery.{name}' for name in names)})"
