"""The statements that an expert would write by hand for one snapshot: a full join, close, insert, commit.

For a delta, a join on the delivered keys takes the place of the full join. The indexes are Headwater's; the columns are
the indispensable ones. The statements count and check nothing, know no deliveries, and cannot insert a late one.
"""

from __future__ import annotations

from datetime import datetime

from benchmarks.data import ATTRIBUTES, KEY, TYPES
from benchmarks.measure import timed
from benchmarks.ours import ChangeCounts
from benchmarks.servers import Database

TABLE = "bench.history"
_COLUMNS = ", ".join((KEY, *ATTRIBUTES))


def create(database: Database) -> None:
    """The empty table, with its indexes."""
    columns = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
    database.execute(
        f"""
create schema if not exists bench;
create table {TABLE} ({columns}, valid_from timestamptz not null, valid_to timestamptz, end_type text);
create unique index on {TABLE} ({KEY}) where valid_to is null;
create unique index on {TABLE} ({KEY}, valid_from);
create index on {TABLE} using brin (valid_from);
create index on {TABLE} using brin (valid_to);
"""
    )


def load(database: Database, delivered: str, delivery_date: datetime) -> float:
    """Load a snapshot, a table expression, into history in one transaction; return the seconds."""
    statements = script(delivered, delivery_date)
    with database.engine.connect() as connection:

        def apply() -> None:
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.commit()

        return timed(apply)


def change_counts(database: Database, delivery_date: datetime) -> ChangeCounts:
    """Return the changes of the last snapshot."""
    date = f"'{delivery_date.isoformat()}'"
    begun = database.number(f"select count(*) from {TABLE} where valid_from = {date}")
    changed = database.number(
        f"select count(*) from {TABLE} where valid_to = {date} and end_type = 'changed'"
    )
    removed = database.number(
        f"select count(*) from {TABLE} where valid_to = {date} and end_type = 'removed'"
    )
    current = database.number(f"select count(*) from {TABLE} where valid_to is null")
    return ChangeCounts(new=begun - changed, changed=changed, removed=removed, unchanged=current - begun)


def require_same(database: Database, historical: str) -> None:
    """Stop the benchmark when Headwater's history differs from the one by hand."""
    ours, theirs = (
        f"select customer, balance, valid_from, valid_to, end_type from {name}"
        for name in (historical, TABLE)
    )
    different = database.number(
        f"select count(*) from (({ours} except {theirs}) union all ({theirs} except {ours})) as different"
    )
    if different:
        raise SystemExit(f"{TABLE} differs from {historical} in {different} versions")


def script(delivered: str, delivery_date: datetime, *, is_delta: bool = False) -> tuple[str, ...]:
    """Return the statements that load a table expression; a delta has the column `gone`, not null in delete marks."""
    date = f"timestamptz '{delivery_date.isoformat()}'"
    new, old = (", ".join(f"{side}.{name}" for name in ATTRIBUTES) for side in ("new", "old"))
    is_removed, join = ("new.gone is not null", "right") if is_delta else (f"new.{KEY} is null", "full")
    matters = f"old.{KEY} is null or {is_removed} or row({new}) is distinct from row({old})"
    if is_delta:
        matters = f"({matters}) and not (old.{KEY} is null and {is_removed})"
    return (
        f"""
create temporary table difference on commit drop as
select
    coalesce(new.{KEY}, old.{KEY}) as {KEY}, {new},
    case when old.{KEY} is null then 'new' when {is_removed} then 'removed' else 'changed' end as change
from (select * from {TABLE} where valid_to is null) as old
{join} join {delivered} as new on new.{KEY} = old.{KEY}
where {matters}""",
        "analyze difference",
        f"""
update {TABLE} as version set valid_to = {date}, end_type = difference.change
from difference
where version.{KEY} = difference.{KEY} and version.valid_to is null and difference.change <> 'new'""",
        f"""
insert into {TABLE} ({_COLUMNS}, valid_from)
select {_COLUMNS}, {date} from difference where change <> 'removed'""",
    )
