"""A source of the tests' own: staged deliveries go in at one end, its history and counts come out at the other.

What stands before history (landing, raw, staging, checks) is written here directly, as those layers would
have left it, so that a test may choose any order, batching and content.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from metadata.process import deliveries as process
from metadata.process.events import DeliveryEvent, register_event
from tests.history_oracle import Delivery, Key, Policy, Row, Version, counts, history

COUNTED = ("new", "changed", "unchanged", "ignored", "overtaken", "delete_mark", "removed")


@dataclass(frozen=True)
class Shape:
    """The columns of a source: name → type. Rows of a `Delivery` follow their order."""

    keys: Mapping[str, str]
    tracked: Mapping[str, str]
    untracked: Mapping[str, str]
    policy: Policy = field(default_factory=Policy)

    def definition(self, source: str) -> dict[str, Any]:
        """What `source_definition` makes of the metadata of such a source."""
        columns = [(name, kind, True, False) for name, kind in self.keys.items()]
        columns += [(name, kind, False, True) for name, kind in self.tracked.items()]
        columns += [(name, kind, False, False) for name, kind in self.untracked.items()]
        return {
            "name": source,
            "job": source,
            "load_new": self.policy.new,
            "load_changed": self.policy.changed,
            "load_removed": self.policy.removed,
            "on_duplicate_key": "halt",
            "trim_whitespace": False,
            "delete_column": "deleted",
            "delete_values": ["yes"],
            "key_names": list(self.keys),
            "tracked_names": list(self.tracked),
            "untracked_names": list(self.untracked),
            "attributes": [
                {
                    "name": name, "data_type": kind, "raw_column": name, "format": None, "null_tokens": [""],
                    "is_key": is_key, "is_tracked": is_tracked,
                }
                for name, kind, is_key, is_tracked in columns
            ],
        }  # fmt: skip


class Bench:
    """One source in one database."""

    def __init__(self, database: Engine, source: str, shape: Shape) -> None:
        self.database, self.source, self.shape = database, source, shape
        self.definition = shape.definition(source)
        self._columns = {**shape.keys, **shape.tracked, **shape.untracked}
        self._sqns: dict[str, list[int]] = {}
        with database.begin() as connection:
            columns = "".join(f', "{name}" {kind}' for name, kind in self._columns.items())
            connection.execute(
                sa.text(
                    f'create table staging."stg_{source}" (delivery_sqn bigint, line_number bigint,'
                    f" job_inst_id bigint, is_delete_mark boolean{columns})"
                )
            )
            self._job_inst_id = connection.execute(
                sa.text("select metadata.this_job_inst(:job)"), {"job": source}
            ).scalar_one()

    @property
    def model_sql(self) -> str:
        """What the historical model compiles to."""
        columns = "".join(f', "{name}"' for name in self._columns)
        return f'select delivery_sqn, is_delete_mark{columns} from staging."stg_{self.source}"'

    def stage(self, delivery: Delivery) -> int:
        """Land, stage and pass a delivery; its delivery_sqn."""
        with self.database.begin() as connection:
            sqn = process.next_delivery_sqn(connection)
            process.register(
                connection,
                process.Delivery(
                    delivery_sqn=sqn, source=self.source, publisher_name=delivery.name,
                    delivery_filename=f"s3://test/{self.source}/{sqn}", delivery_type=delivery.type,
                    delivery_date=delivery.date, process_date=self.now(), content_sha256="0" * 64, file_size=1,
                    fingerprint={}, job_inst_id=self._job_inst_id,
                ),
            )  # fmt: skip
            self._insert_rows(connection, sqn, delivery)
            count = len(delivery.rows) + len(delivery.removed)
            for layer, fallen_out in (("raw", None), ("staging", len(delivery.unreadable))):
                process.record_layer(
                    connection, sqn, layer, status="loaded", job_inst_id=self._job_inst_id,
                    record_count=count, fallen_out_count=fallen_out,
                )  # fmt: skip
        self._sqns.setdefault(delivery.name, []).append(sqn)
        self.say(sqn, "passed")
        return sqn

    def now(self) -> datetime:
        """This moment by the database's clock."""
        with self.database.connect() as connection:
            moment: datetime = connection.execute(sa.text("select clock_timestamp()")).scalar_one()
        return moment

    def say(self, sqn: int, event: str) -> None:
        """Record an event of a delivery."""
        with self.database.begin() as connection:
            now = connection.execute(sa.text("select clock_timestamp()")).scalar_one()
            register_event(connection, DeliveryEvent(uuid4(), sqn, event, (), "a test", "a test", now))

    def _insert_rows(self, connection: Connection, sqn: int, delivery: Delivery) -> None:
        rows = [(False, key, row) for key, row in delivery.rows.items()]
        rows += [(True, key, (None,) * len(self.shape.tracked)) for key in delivery.removed]
        names = ", ".join(f'"{name}"' for name in self._columns)
        marks = ", ".join(f":c{number}" for number in range(len(self._columns)))
        for line, (is_mark, key, row) in enumerate(rows, start=2):
            untracked = (delivery.name,) * len(self.shape.untracked)
            connection.execute(
                sa.text(
                    f'insert into staging."stg_{self.source}" (delivery_sqn, line_number, job_inst_id, is_delete_mark,'
                    f" {names}) values (:sqn, :line, :job, :mark, {marks})"
                ),
                {
                    "sqn": sqn, "line": line, "job": self._job_inst_id, "mark": is_mark,
                    **{f"c{number}": value for number, value in enumerate((*key, *row, *untracked))},
                },
            )  # fmt: skip
        for key in delivery.unreadable:
            connection.execute(
                sa.text(
                    "insert into metadata.quarantined_row (delivery_sqn, line_number, key, column_name, rule, row)"
                    " values (:sqn, 1, :key, 'a', 'type', '{}')"
                ),
                {"sqn": sqn, "key": json.dumps(dict(zip(self.shape.keys, key, strict=True)))},
            )

    def versions(self) -> list[Version]:
        """The historical table as the oracle writes it."""
        return versions(self.database, f'historical."{self.source}"', self.shape)

    def assert_equals_oracle(self, counting: Iterable[Delivery]) -> None:
        """Versions and counts are what the oracle says of these deliveries."""
        assert_equals_oracle(self.database, self.source, self.shape, counting)


def versions(database: Engine, table: str, shape: Shape) -> list[Version]:
    """A historical table, or a query in parentheses that gives one, as the oracle writes it."""
    columns = {**shape.keys, **shape.tracked, **shape.untracked}
    names = ", ".join(f'"{name}"' for name in columns)
    with database.connect() as connection:
        rows = connection.execute(
            sa.text(
                f"select version.valid_from, version.valid_to, change_type, end_type, opener.publisher_name,"
                f" ender.publisher_name, {names} from {table} as version"
                f" join metadata.delivery as opener using (delivery_sqn)"
                f" left join metadata.delivery as ender on ender.delivery_sqn = ended_by_delivery_sqn"
            )
        ).all()
    keys, tracked = len(shape.keys), len(shape.tracked)
    found = []
    for valid_from, valid_to, change, ended, by, ended_by, *values in rows:
        assert all(value == by for value in values[keys + tracked :]), (
            "untracked: as the opening delivery said"
        )
        found.append(
            Version(
                tuple(values[:keys]), tuple(values[keys : keys + tracked]), _utc(valid_from), _utc(valid_to),
                change, ended, by, ended_by,
            )
        )  # fmt: skip
    return sorted(found, key=lambda version: (version.key, version.valid_from))


def loaded_counts(database: Engine, source: str) -> dict[str, dict[str, int]]:
    """What became of the rows of every delivery that is in history, by name."""
    columns = ", ".join(f"{name}_count" for name in COUNTED)
    with database.connect() as connection:
        rows = connection.execute(
            sa.text(
                f"select publisher_name, {columns} from metadata.delivery_status"
                " join metadata.delivery using (delivery_sqn) where layer = 'historical' and source = :source"
            ),
            {"source": source},
        ).all()
    return {name: dict(zip(COUNTED, numbers, strict=True)) for name, *numbers in rows}


def assert_equals_oracle(database: Engine, source: str, shape: Shape, counting: Iterable[Delivery]) -> None:
    """Versions and counts of a source are what the oracle says of these deliveries."""
    expected = list(counting)
    assert versions(database, f'historical."{source}"', shape) == history(expected, shape.policy)
    assert loaded_counts(database, source) == {
        name: {fate: tally[fate] for fate in COUNTED}
        for name, tally in counts(expected, shape.policy).items()
    }


def at(day: int) -> datetime:
    """A delivery date: a day of January 2026."""
    return datetime(2026, 1, day, tzinfo=UTC)


def snapshot(name: str, day: int, rows: Mapping[Key, Row], unreadable: Sequence[Key] = ()) -> Delivery:
    """A delivery that holds everything."""
    return Delivery(name, at(day), "snapshot", rows, unreadable=frozenset(unreadable))


def delta(name: str, day: int, rows: Mapping[Key, Row], removed: Sequence[Key] = ()) -> Delivery:
    """A delivery that holds what is new, changed or marked as deleted."""
    return Delivery(name, at(day), "delta", rows, removed=frozenset(removed))


def _utc(moment: datetime | None) -> Any:
    return moment.astimezone(UTC) if moment else None
