"""The data of the benchmarks: customers, as SQL, so that tables and files hold the same.

A snapshot differs from the one before in 1 % changed, 0.5 % new and 0.5 % removed rows; changed and
removed rows are spread over the table, new ones have the next numbers, as publishers assign them.
Customers have 12 columns; a larger `width` adds more of the same types.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

KEY = "customer"
TYPES = {
    "customer": "text",
    "name": "text",
    "street": "text",
    "city": "text",
    "country": "varchar(2)",
    "segment": "text",
    "balance": "numeric(12,2)",
    "credit_limit": "numeric(12,2)",
    "order_count": "integer",
    "visit_count": "integer",
    "opened_date": "date",
    "last_order_date": "date",
}
COLUMNS = tuple(TYPES)
ATTRIBUTES = COLUMNS[1:]
WIDTH = len(TYPES)
MOST_STEPS = 99  # so many snapshots can follow the first one
_MORE = {  # of a wider table, after the twelve: type → value, by the number of the column and the customer's `n`
    "text": "'note ' || (n * {number} % 9973)",
    "numeric(12,2)": "((n * {number}::bigint % 1000000) / 100.0)::numeric(12,2)",
    "integer": "(n * {number}::bigint % 100000)::integer",
    "date": "date '2000-01-01' + (n * {number}::bigint % 9000)::integer",
}


def date_of(step: int) -> datetime:
    """The delivery date of a step: one a day."""
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=step)


def types_of(width: int) -> dict[str, str]:
    """Return the columns of customers in `width` columns, with their types."""
    kinds = list(_MORE)
    return TYPES | {f"attribute_{number:03}": kinds[number % len(kinds)] for number in range(WIDTH, width)}


def snapshot(rows: int, step: int, width: int = WIDTH) -> str:
    """The query of a snapshot of `rows` customers, `step` steps after the first one."""
    assert 0 <= step <= MOST_STEPS
    return f"""
select {_columns(width)}
from (
    select n, case when n % 100 between 1 and {step} then 1 else 0 end as v
    from generate_series(1, {rows + step * (rows // 200)}) as n
    where n > {rows} or (n + n / 100) % 200 not between 1 and {step}
) as customers"""


def with_share_changed(rows: int, percent: int) -> str:
    """The query of the first snapshot of `rows` customers after so many in a hundred have changed."""
    return f"""
select {_columns()}
from (
    select n, case when n % 100 < {percent} then 1 else 0 end as v from generate_series(1, {rows}) as n
) as customers"""


def rolling_snapshot(rows: int, step: int) -> str:
    """The query of a snapshot of `rows` customers: with each step 5 % change, one is new and one is gone."""
    return f"""
select {_columns()}
from (select n, (n + {step}) / 20 as v from generate_series({step + 1}, {step + rows}) as n) as customers"""


def delta(rows: int, number: int, size: int) -> str:
    """Return the query of a delta of `size` customers, whose first column marks deleted ones.

    It follows the first snapshot of `rows` and the deltas before it: half of it is changed, three in ten are new,
    two in ten are deleted. No customer is in two deltas.
    """
    changed, new, gone = size // 2, size * 3 // 10, size // 5
    far, farther = rows // changed, rows // gone
    return f"""
select false as is_delete_mark, {_columns()}
from (
    select n * {far} + 1 + 7 * {number} as n, {number} as v from generate_series(0, {changed - 1}) as n
    union all
    select {rows + number * new} + n, 0 from generate_series(1, {new}) as n
) as customers
union all
select true, {_key(f"n * {farther} + 3 + 7 * {number}")}{", null" * len(ATTRIBUTES)}
from generate_series(0, {gone - 1}) as n"""


def _key(number: str) -> str:
    return f"'C' || lpad(({number})::text, 9, '0')"


def _columns(width: int = WIDTH) -> str:
    more = "".join(
        f",\n    {_MORE[kind].format(number=number)} as {name}"
        for number, (name, kind) in list(enumerate(types_of(width).items()))[WIDTH:]
    )
    return f"""
    {_key("n")} as customer,
    (array['Ada', 'Bruno', 'Chiara', 'Dmitri', 'Esther', 'Farid', 'Grace', 'Hélène'])[1 + n % 8]
        || ' ' || (array['Abe', 'Baker', 'Costa', 'Dvořák', 'Evans', 'Fischer', 'García'])[1 + n / 8 % 7]
        || ' ' || n % 9973 as name,
    n % 997 + 1 || (array[' Main Street', ' Church Road', ' Rua das Flores', ' Königsallee'])[1 + n % 4] as street,
    (array[
        'München', 'Ciudad de México', 'Washington, D.C.', 'Reykjavík', 'São Paulo', 'Lagos', 'Osaka', 'Pune'
    ])[1 + n % 8] as city,
    (array['DE', 'MX', 'US', 'IS', 'BR', 'NG', 'JP', 'IN'])[1 + n % 8]::varchar(2) as country,
    (array['private', 'company', 'public', null])[1 + n % 4] as segment,
    ((n * 7919::bigint % 10000000 + v * 101) / 100.0)::numeric(12,2) as balance,
    (n % 50 * 500)::numeric(12,2) as credit_limit,
    n % 300 + v as order_count,
    n % 40 as visit_count,
    date '1990-01-01' + n % 12000 as opened_date,
    case when n % 10 > 0 then date '2025-01-01' + n % 300 + v end as last_order_date{more}"""
