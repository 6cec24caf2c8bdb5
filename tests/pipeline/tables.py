"""The result that two ways to the same end must share: every row of every table, but for numbers, runs and clocks.

`contents` is for comparing; `flaws` says what a finished run must not leave behind, whatever happened before it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from headwater.extract.landing.store import ObjectStore

Contents = dict[str, Counter[tuple[tuple[str, str], ...]]]  # table → its rows, each its columns and values

SCHEMAS = ("raw", "staging", "historical", "marts", "metadata")
# what every run writes, whether or not it finds something to do
OF_RUNS = ("job_inst", "job_inst_task", "log_header", "log_dtl")
# which run wrote it, numbers without a meaning, and when it was done
NOT_COMPARED = frozenset(
    {
        "job_inst_id", "event_id", "quarantined_row_id",
        "process_date", "event_at", "status_at", "checked_at", "made_at", "applied_at",
        "delivery_filename",  # it holds the delivery's number; `flaws` compares it with the manifest
    }
)  # fmt: skip
SQNS = frozenset({"delivery_sqn", "ended_by_delivery_sqn"})


def contents(database: Engine, besides: Collection[str] = ()) -> Contents:
    """The rows of all tables of all layers; `besides` are more columns that are not compared."""
    with database.connect() as connection:
        called = _deliveries(connection)
        hidden = NOT_COMPARED | set(besides)
        return {
            table: Counter(
                tuple(
                    (column, _named(column, value, called))
                    for column, value in sorted(row.items())
                    if column not in hidden
                )
                for row in connection.scalars(sa.text(f"select to_jsonb(t) from {table} as t"))
            )
            for table in _tables(connection)
        }


def _named(column: str, value: Any, called: Mapping[int, str]) -> str:
    """Return a value as text, with the names of deliveries for their numbers."""
    if column in SQNS and value is not None:
        return called[value]
    if column == "recognised_after" and value is not None:
        return ", ".join(called[int(sqn)] for sqn in value.split(","))
    return json.dumps(value)


def difference(found: Contents, expected: Contents) -> str:
    """Return what differs, in words for a failing test; empty when nothing does."""
    messages = []
    for table in sorted(found.keys() | expected.keys()):
        if table not in found or table not in expected:
            messages.append(f"{table}: {'missing' if table in expected else 'nobody expected this table'}")
            continue
        for what, rows in (
            ("too much", found[table] - expected[table]),
            ("missing", expected[table] - found[table]),
        ):
            messages += [
                f"{table}: {what}, {count} times: {dict(row)}" for row, count in list(rows.items())[:3]
            ]
    return "\n".join(messages)


def flaws(database: Engine, store: ObjectStore) -> list[str]:
    """Return what is left open or does not fit together, between the tables and between Postgres and S3."""
    with database.connect() as connection:
        return [
            *_left_open(connection),
            *_set_aside(connection),
            *_rows_without_status(connection),
            *_not_as_on_s3(connection, store),
        ]


def _deliveries(connection: Connection) -> Mapping[int, str]:
    """delivery_sqn → what a delivery is called where its number may differ: identity, and which landing of it."""
    return {
        row.delivery_sqn: row.called
        for row in connection.execute(
            sa.text(
                "select delivery_sqn, format('%s %s of %s, landing %s', source, publisher_name, delivery_date,"
                " row_number() over (partition by source, publisher_name, delivery_date order by delivery_sqn))"
                " as called from metadata.delivery"
            )
        )
    }


def _tables(connection: Connection) -> list[str]:
    return list(
        connection.scalars(
            sa.text(
                "select format('%I.%I', schemaname, tablename) from pg_tables"
                " where schemaname = any(:schemas) and tablename <> all(:runs) order by 1"
            ),
            {"schemas": list(SCHEMAS), "runs": list(OF_RUNS)},
        )
    )


def _left_open(connection: Connection) -> list[str]:
    return [
        f"{count} rows of metadata.{table} are still running"
        for table in ("job_inst", "job_inst_task", "log_header")
        if (
            count := connection.scalar(
                sa.text(f"select count(*) from metadata.{table} where status = 'running'")
            )
        )
    ]


def _set_aside(connection: Connection) -> list[str]:
    names: list[str] = list(
        connection.scalars(
            sa.text(
                "select schemaname || '.' || tablename from pg_tables"
                " where schemaname in ('raw_set_aside', 'staging_set_aside', 'historical_beside')"
                " union all select 'the layers of ' || source from metadata.rebuild"
            )
        )
    )
    return [f"a rebuild has left {what}" for what in names]


def _rows_without_status(connection: Connection) -> list[str]:
    messages = []
    for table in _tables(connection):
        layer = table.partition(".")[0]
        if layer not in ("raw", "staging", "historical"):
            continue
        unknown: list[Any] = list(
            connection.scalars(
                sa.text(
                    f"select distinct delivery_sqn from {table} as t where not exists (select"
                    " from metadata.delivery_status as s where s.delivery_sqn = t.delivery_sqn and layer = :layer)"
                ),
                {"layer": layer},
            )
        )
        messages += [f"{table} holds rows of delivery {sqn}, which has no status there" for sqn in unknown]
    return messages


def _not_as_on_s3(connection: Connection, store: ObjectStore) -> list[str]:
    messages = []
    manifests = [json.loads(store.get(key)) for key in store.list("manifests/")]
    objects = set(store.list("landed/"))
    for manifest in manifests:
        key = manifest["key"]
        if key not in objects:
            messages.append(f"a manifest names {key}, which is not on S3")
        elif hashlib.sha256(store.get(key)).hexdigest() != manifest["content_sha256"]:
            messages.append(f"{key} is not what its manifest says")
    rows = connection.execute(
        sa.text("select delivery_sqn, delivery_filename, content_sha256 from metadata.delivery")
    )
    in_postgres: set[tuple[object, ...]] = {tuple(row) for row in rows}
    on_s3: set[tuple[object, ...]] = {
        (m["delivery_sqn"], store.address(m["key"]), m["content_sha256"]) for m in manifests
    }
    messages += [f"{row} is a delivery in Postgres alone" for row in in_postgres - on_s3]
    messages += [f"{row} is a delivery on S3 alone" for row in on_s3 - in_postgres]
    known = {
        str(event_id)
        for event_id in connection.scalars(sa.text("select event_id from metadata.delivery_event"))
    }
    archived = {json.loads(store.get(key))["event_id"] for key in store.list("events/")}
    messages += [f"event {event_id} is not both on S3 and in Postgres" for event_id in known ^ archived]
    return messages
