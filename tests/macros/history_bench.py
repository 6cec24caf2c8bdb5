"""A source of the tests' own: staged deliveries go in at one end, its history and counts come out at the other.

What stands before history (landing, raw, staging, checks) is written here directly, as those layers would
have left it, so that a test may choose any order, batching and content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from headwater.metadata.process import deliveries
from headwater.metadata.process.events import DeliveryEvent, register_event
from headwater.metadata.process.rebuilds import put_back, set_aside
from headwater.pipeline import retention
from tests.macros.partial_staging import hash_of_row, load_partly
from tests.support.history_oracle import Delivery, Key, Part, Policy, Row, Version, counts, history

COUNTED = ("new", "changed", "unchanged", "ignored", "overtaken", "delete_mark", "removed")


@dataclass(frozen=True)
class Shape:
    """The columns of a source: name → type. Rows of a `Delivery` follow their order."""

    keys: Mapping[str, str]
    tracked: Mapping[str, str]
    untracked: Mapping[str, str]
    policy: Policy = field(default_factory=Policy)

    @property
    def latest_names(self) -> list[str]:
        """Return the attributes that keep the latest value: the first that is not tracked."""
        return list(self.untracked)[:1] if self.policy.keeps_latest else []

    def definition(self, source: str) -> dict[str, Any]:
        """Return what `source_definition` makes of the metadata of such a source."""
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
            "partition_by": [([*self.keys, *self.tracked])[place] for place in self.policy.partition_by],
            "key_names": list(self.keys),
            "tracked_names": list(self.tracked),
            "untracked_names": list(self.untracked),
            "latest_names": self.latest_names,
            "attributes": [
                {
                    "name": name, "data_type": kind, "raw_column": name, "format": None, "null_tokens": [""],
                    "is_key": is_key, "is_tracked": is_tracked,
                    **({"untracked_policy": "keep_latest"} if name in self.latest_names else {}),
                }
                for name, kind, is_key, is_tracked in columns
            ],
        }  # fmt: skip


@dataclass(frozen=True)
class Landed:
    """A delivery as it came; `losers` are rows of keys that come again further down, and win there."""

    delivery: Delivery
    losers: Mapping[Key, Row]

    @property
    def content_sha256(self) -> str:
        """A digest of what came, for which a repr will do."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


class Bench:
    """One source in one database."""

    def __init__(self, database: Engine, source: str, shape: Shape, *, recognises: bool = False) -> None:
        """`recognises` stages of a snapshot only what differs from the current versions, wherever it may."""
        self.database, self.source, self.shape = database, source, shape
        policy = shape.policy
        self._recognises = recognises and policy == Policy()
        self.recognised_count = 0
        self.definition = shape.definition(source)
        self._columns = {**shape.keys, **shape.tracked, **shape.untracked}
        self.archive: dict[int, Landed] = {}
        self._last_wins: set[int] = set()
        with database.begin() as connection:
            self._create_tables(connection)
            self.job_inst_id: int = connection.execute(
                sa.text("select metadata.this_job_inst(:job)"), {"job": source}
            ).scalar_one()

    @property
    def model_sql(self) -> str:
        """Return what the historical model compiles to."""
        columns = "".join(f', "{name}"' for name in self._columns)
        return f'select delivery_sqn, is_delete_mark{columns} from staging."stg_{self.source}"'

    def stage(self, delivery: Delivery) -> int:
        """Land, stage and pass a delivery; its delivery_sqn."""
        sqn = self.land(delivery)
        assert sqn is not None, f"{delivery.name} came again with the same content"
        self.fill()
        self.say(sqn, "passed")
        return sqn

    def land(self, delivery: Delivery, losers: Mapping[Key, Row] | None = None) -> int | None:
        """Land a delivery; its delivery_sqn, or None when its newest landing has the same content."""
        landed = Landed(delivery, losers or {})
        identity = (self.source, delivery.name, delivery.date)
        with self.database.begin() as connection:
            if deliveries.newest_content(connection, *identity) == landed.content_sha256:
                return None
            sqn = deliveries.next_delivery_sqn(connection)
            deliveries.register(
                connection,
                deliveries.Delivery(
                    delivery_sqn=sqn, source=self.source, publisher_name=delivery.name,
                    delivery_filename=f"s3://test/{self.source}/{sqn}", delivery_type=delivery.type,
                    delivery_date=delivery.date, process_date=self.now(), content_sha256=landed.content_sha256,
                    file_size=1, fingerprint={}, job_inst_id=self.job_inst_id,
                    part=self._part(delivery),
                ),
            )  # fmt: skip
        self.archive[sqn] = landed
        return sqn

    def _part(self, delivery: Delivery) -> dict[str, str] | None:
        if delivery.part is None:
            return None
        return dict(zip(self.definition["partition_by"], map(str, delivery.part), strict=True))

    def fill(self) -> None:
        """Load raw and staging with all that they lack, as far as process metadata wants it there."""
        with self.database.begin() as connection:
            for sqn in self._pending(connection, "raw"):
                self._load_raw(connection, sqn)
            pending = self._pending(connection, "staging")
            for sqn in pending:
                if not (len(pending) == 1 and self._recognises and load_partly(self, connection, sqn)):
                    self._load_staging(connection, sqn)

    def pending(self, layer: str) -> list[int]:
        """Return what a layer has still to process."""
        with self.database.connect() as connection:
            return self._pending(connection, layer)

    def purge(self, **keep: int) -> None:
        """Have raw and staging lose what history has, but for so many deliveries."""
        retention.purge(self.database, self.source, keep, self.job_inst_id)

    def unstaged(self, moment: datetime) -> list[int]:
        """Return what counted at a moment and is not staged."""
        return retention.unstaged_at(self.database, self.source, moment)

    def recall(self, sqns: Sequence[int]) -> None:
        """Have deliveries staged again that history does not need."""
        with self.database.begin() as connection:
            retention.recall(connection, sqns, self.job_inst_id)
        self.fill()

    def record_definition(self, connection: Connection) -> None:
        """Put the definition on record, as a load into raw does."""
        attributes = {f"attribute {one['name']}": one for one in self.definition["attributes"]}
        connection.execute(
            sa.text("insert into metadata.source_definition values (:source, :definition, now())"),
            {"source": self.source, "definition": json.dumps(attributes)},
        )

    def begin_rebuild(self) -> None:
        """Set raw and staging aside; one that was begun before and has not come to its end is put back first."""
        with self.database.begin() as connection:
            set_aside(connection, self.source, self.job_inst_id)
            self._create_tables(connection)
            self.record_definition(connection)

    def break_rebuild_off(self) -> None:
        """Put back what a rebuild has set aside, if one was begun and has not ended."""
        with self.database.begin() as connection:
            put_back(connection, self.source)

    def now(self) -> datetime:
        """This moment by the database's clock."""
        with self.database.connect() as connection:
            moment: datetime = connection.execute(sa.text("select clock_timestamp()")).scalar_one()
        return moment

    def say(self, sqn: int, event: str, *checks: str) -> None:
        """Record an event of a delivery."""
        with self.database.begin() as connection:
            now: datetime = connection.execute(sa.text("select clock_timestamp()")).scalar_one()
            register_event(connection, DeliveryEvent(uuid4(), sqn, event, checks, "a test", "a test", now))
        if event == "replayed":
            self._last_wins.discard(sqn)
        elif event == "accepted" and "duplicate_keys" in checks:
            self._last_wins.add(sqn)

    def _pending(self, connection: Connection, layer: str) -> list[int]:
        return [found.delivery_sqn for found in deliveries.pending(connection, self.source, layer)]

    def _create_tables(self, connection: Connection) -> None:
        columns = "".join(f', "{name}" {kind}' for name, kind in self._columns.items())
        local = "delivery_sqn bigint, line_number bigint, job_inst_id bigint"
        connection.execute(sa.text(f'create table raw."{self.source}" ({local})'))
        connection.execute(
            sa.text(
                f'create table staging."stg_{self.source}"'
                f" ({local}, is_delete_mark boolean{columns}, _row_hash bigint)"
            )
        )

    def _load_raw(self, connection: Connection, sqn: int) -> None:
        landed = self.archive[sqn]
        delivery = landed.delivery
        count = sum(map(len, (delivery.rows, delivery.removed, delivery.unreadable, landed.losers)))
        connection.execute(sa.text(f'delete from raw."{self.source}" where delivery_sqn = {sqn}'))
        connection.execute(
            sa.text(
                f'insert into raw."{self.source}" select {sqn}, line, {self.job_inst_id}'
                f" from generate_series(1, {count}) as line"
            )
        )
        self._record(connection, sqn, "raw", record_count=count)

    def _load_staging(self, connection: Connection, sqn: int) -> None:
        delivery, losers = self.archive[sqn].delivery, self.archive[sqn].losers
        self.empty(connection, sqn)
        connection.execute(
            sa.text(
                "insert into metadata.row_hashing (source, staged_with) values (:source, 'bench')"
                " on conflict do nothing"
            ),
            {"source": self.source},
        )
        rows = [] if sqn in self._last_wins else [(False, key, row) for key, row in losers.items()]
        rows += [(False, key, row) for key, row in delivery.rows.items()]
        rows += [(True, key, (None,) * len(self.shape.tracked)) for key in delivery.removed]
        self.insert_rows(connection, sqn, rows, (delivery.name,) * len(self.shape.untracked))
        self.quarantine(connection, sqn, delivery.unreadable, "type")
        self.quarantine(connection, sqn, losers if sqn in self._last_wins else (), "duplicate_key")
        fallen_out = len(delivery.unreadable) + (len(losers) if sqn in self._last_wins else 0)
        self._record(connection, sqn, "staging", record_count=len(rows), fallen_out_count=fallen_out)

    def empty(self, connection: Connection, sqn: int) -> None:
        for table in (f'staging."stg_{self.source}"', "metadata.quarantined_row", "metadata.absent_key"):
            connection.execute(sa.text(f"delete from {table} where delivery_sqn = {sqn}"))

    def _record(self, connection: Connection, sqn: int, layer: str, **counts: int) -> None:
        facts: dict[str, Any] = {**counts, "recognised_count": None, "recognised_after": None}
        deliveries.record_layer(
            connection, sqn, layer, status="loaded", job_inst_id=self.job_inst_id, **facts
        )

    def insert_rows(
        self,
        connection: Connection,
        sqn: int,
        rows: Sequence[tuple[bool, Key, Row]],
        untracked: tuple[str, ...],
    ) -> None:
        names = ", ".join(f'"{name}"' for name in self._columns)
        marks = ", ".join(f":c{number}" for number in range(len(self._columns)))
        for line, (is_mark, key, row) in enumerate(rows, start=2):
            connection.execute(
                sa.text(
                    f'insert into staging."stg_{self.source}" (delivery_sqn, line_number, job_inst_id, is_delete_mark,'
                    f" {names}, _row_hash) values (:sqn, :line, :job, :mark, {marks}, :hash)"
                ),
                {
                    "sqn": sqn, "line": line, "job": self.job_inst_id, "mark": is_mark,
                    "hash": hash_of_row((*key, *row, *untracked)),
                    **{f"c{number}": value for number, value in enumerate((*key, *row, *untracked))},
                },
            )  # fmt: skip

    def quarantine(self, connection: Connection, sqn: int, keys: Iterable[Key], rule: str) -> None:
        for key in keys:
            connection.execute(
                sa.text(
                    "insert into metadata.quarantined_row (delivery_sqn, line_number, key, column_name, rule, row)"
                    " values (:sqn, 1, :key, 'a', :rule, '{}')"
                ),
                {"sqn": sqn, "key": json.dumps(dict(zip(self.shape.keys, key, strict=True))), "rule": rule},
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
    names = ", ".join(f'version."{name}"' for name in columns)
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
    for row in rows:
        valid_from, valid_to, change, ended, by, ended_by = row[:6]
        values = row[6:]
        latest, kept = shape.latest_names, values[keys + tracked :]
        assert all(value == by for value in kept[len(latest) :]), "untracked: as the opening delivery said"
        found.append(
            Version(
                tuple(values[:keys]), tuple(values[keys : keys + tracked]), _utc(valid_from), _utc(valid_to),
                change, ended, by, ended_by, kept[0] if latest and kept[0] != by else None,
            )
        )  # fmt: skip
    return sorted(found, key=lambda version: (version.key, version.valid_from))


def loaded_counts(database: Engine, source: str) -> dict[str, dict[str, int]]:
    """Return what became of the rows of every delivery that is in history, by name."""
    columns = ", ".join(f"{name}_count" for name in COUNTED)
    with database.connect() as connection:
        rows = connection.execute(
            sa.text(
                f"select publisher_name, {columns} from metadata.delivery_status"
                " join metadata.delivery using (delivery_sqn) where layer = 'historical' and source = :source"
            ),
            {"source": source},
        ).all()
    return {row[0]: dict(zip(COUNTED, row[1:], strict=True)) for row in rows}


def assert_equals_oracle(database: Engine, source: str, shape: Shape, counting: Iterable[Delivery]) -> None:
    """Versions and counts of a source are what the oracle says of these deliveries."""
    expected = list(counting)
    assert versions(database, f'historical."{source}"', shape) == history(expected, shape.policy)
    assert loaded_counts(database, source) == {
        name: {change: tally[change] for change in COUNTED}
        for name, tally in counts(expected, shape.policy).items()
    }


def at(day: int) -> datetime:
    """A delivery date: a day of January 2026."""
    return datetime(2026, 1, day, tzinfo=UTC)


def snapshot(name: str, day: int, rows: Mapping[Key, Row], unreadable: Sequence[Key] = ()) -> Delivery:
    """A delivery that holds everything."""
    return Delivery(name, at(day), "snapshot", rows, unreadable=frozenset(unreadable))


def partition_snapshot(
    name: str, day: int, rows: Mapping[Key, Row], unreadable: Sequence[Key] = (), part: Part | None = None
) -> Delivery:
    """A delivery that holds everything of some parts: of those of its rows, or of the one in its name."""
    return Delivery(name, at(day), "partition_snapshot", rows, unreadable=frozenset(unreadable), part=part)


def delta(name: str, day: int, rows: Mapping[Key, Row], removed: Sequence[Key] = ()) -> Delivery:
    """A delivery that holds what is new, changed or marked as deleted."""
    return Delivery(name, at(day), "delta", rows, removed=frozenset(removed))


def _utc(moment: datetime | None) -> Any:
    return moment.astimezone(UTC) if moment else None
