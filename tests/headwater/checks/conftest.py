"""A source with staged deliveries on a real Postgres, as the staging layer leaves them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from headwater.checks import Verdict, run_checks
from headwater.checks.data_docs import write_list_of_sources
from headwater.metadata.process.deliveries import Delivery, record_layer, register
from headwater.metadata.process.events import record_event
from headwater.metadata.static.model import Attribute, DataSource, QualityCheck, Source
from tests.support import history_oracle

FIRST_DATE = datetime(2026, 1, 1, tzinfo=UTC)
STATIONS = "station integer*, reading integer"
KEY = "region text*, station integer*, reading numeric, note text"


class Archive:
    """An object store that keeps events in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}

    def put_new(self, key: str, body: bytes) -> bool:
        is_new = key not in self.objects
        self.objects.setdefault(key, json.loads(body))
        return is_new


@dataclass
class Bench:
    """One source, its staging table and what the checks made of its deliveries."""

    engine: Engine
    home: Path
    source: Source
    archive: Archive = field(default_factory=Archive)
    messages: list[str] = field(default_factory=list)
    job_inst_id: int = 0
    delivery_sqn: int = 0

    def create(self) -> None:
        columns = "".join(f', "{a.target_name}" {a.target_datatype}' for a in self.source.attributes)
        mark = ", is_delete_mark boolean not null" if "delete_column" in self.source.options else ""
        with self.engine.begin() as connection:
            connection.execute(
                sa.text(
                    f'create table staging."stg_{self.source.name}" (delivery_sqn bigint not null,'
                    f" line_number bigint not null, job_inst_id bigint not null{mark}{columns})"
                )
            )
            self.job_inst_id = connection.execute(
                sa.text(
                    "insert into metadata.job_inst (job, run_id, parameters, status, started_at)"
                    " values ('test', gen_random_uuid(), '{}', 'running', now()) returning job_inst_id"
                )
            ).scalar_one()

    def stage(
        self,
        rows: Iterable[tuple[Any, ...]],
        *,
        fallen: Iterable[tuple[Any, ...]] = (),
        name: str = "",
        **facts: Any,
    ) -> int:
        """Stage a delivery, lines from 2; `fallen` are (line, column, rule[, key]). Returns delivery_sqn.

        `facts` are those of a landed delivery that matter: delivery_type, delivery_date, process_date, the
        same if it is not given.
        """
        facts = {"process_date": facts["delivery_date"], **facts} if "delivery_date" in facts else facts
        self.delivery_sqn += 1
        sqn, rows, fallen = self.delivery_sqn, list(rows), list(fallen)
        columns = ["is_delete_mark"] if "delete_column" in self.source.options else []
        columns += [a.target_name for a in self.source.attributes]
        with self.engine.begin() as connection:
            register(connection, replace(self._delivery(sqn, name or f"readings-{sqn}.csv"), **facts))
            names = ", ".join(f'"{column}"' for column in columns)
            places = ", ".join(f":c{number}" for number in range(len(columns)))
            insert = sa.text(
                f'insert into staging."stg_{self.source.name}" (delivery_sqn, line_number, job_inst_id,'
                f" {names}) values (:sqn, :line, :job, {places})"
            )
            for line, row in enumerate(rows, 2):
                values = {f"c{number}": value for number, value in enumerate(row)}
                connection.execute(insert, {"sqn": sqn, "line": line, "job": self.job_inst_id, **values})
            for line, column, rule, *key in fallen:
                connection.execute(
                    sa.text(
                        "insert into metadata.quarantined_row"
                        " (delivery_sqn, line_number, column_name, rule, key, row)"
                        " values (:sqn, :line, :column, :rule, cast(:key as jsonb), '{}')"
                    ),
                    {
                        "sqn": sqn,
                        "line": line,
                        "column": column,
                        "rule": rule,
                        "key": json.dumps(*key) if key else None,
                    },
                )
        self.record_staged(sqn, staged=len(rows), fallen=len(fallen))
        return sqn

    def record_staged(self, sqn: int, *, staged: int, fallen: int) -> None:
        """Say in the ledger what raw and staging hold of a delivery."""
        job: dict[str, Any] = {"status": "loaded", "job_inst_id": self.job_inst_id}
        with self.engine.begin() as connection:
            record_layer(connection, sqn, "raw", record_count=staged + fallen, **job)
            record_layer(connection, sqn, "staging", record_count=staged, fallen_out_count=fallen, **job)

    def deliver(self, delivery: history_oracle.Delivery) -> int:
        """Stage a delivery as the oracle has it."""
        marks = "delete_column" in self.source.options
        rows = [(*((False,) if marks else ()), *key, *row) for key, row in delivery.rows.items()]
        nulls = (None,) * (len(self.source.attributes) - len(self.source.keys))
        rows += [(True, *key, *nulls) for key in delivery.removed]
        names = [attribute.target_name for attribute in self.source.keys]
        fallen = [
            (1, "reading", "type", dict(zip(names, key, strict=True))) for key in sorted(delivery.unreadable)
        ]
        return self.stage(
            rows,
            fallen=fallen,
            name=delivery.name,
            delivery_date=delivery.date,
            delivery_type=delivery.type,
            part=(
                dict(zip(self.source.partition_by, map(str, delivery.part), strict=True))
                if delivery.part
                else None
            ),
        )

    def load(
        self, deliveries: Mapping[int, history_oracle.Delivery], policy: history_oracle.Policy | None = None
    ) -> None:
        """Fill the historical table with what the oracle makes of these deliveries, and say so in the ledger."""
        columns = {a.target_name: a.target_datatype for a in self.source.attributes}
        typed = "".join(f', "{name}" {datatype}' for name, datatype in columns.items())
        table = f'historical."{self.source.name}"'
        self.rows(f"create table if not exists {table} (valid_from timestamptz, valid_to timestamptz{typed})")
        self.rows(f"truncate {table}")
        self.rows("delete from metadata.delivery_status where layer = 'historical'")
        places = ", ".join(f":c{number}" for number in range(len(columns)))
        with self.engine.begin() as connection:
            for version in history_oracle.history(deliveries.values(), policy or history_oracle.Policy()):
                values = {f"c{number}": value for number, value in enumerate((*version.key, *version.row))}
                dates = {"valid_from": version.valid_from, "valid_to": version.valid_to}
                connection.execute(
                    sa.text(f"insert into {table} values (:valid_from, :valid_to, {places})"),
                    {**dates, **values},
                )
            for sqn in deliveries:
                record_layer(connection, sqn, "historical", status="loaded", job_inst_id=self.job_inst_id)

    def say(self, sqn: int, event: str, *checks: str) -> None:
        """Record an event of a delivery."""
        record_event(self.engine, self.archive, sqn, self.source.name, event, why="a test", checks=checks)

    def check(self) -> list[Verdict]:
        """Check what is pending, and list it among the Data Docs, as a run does at its end."""
        verdicts = run_checks(
            self.engine, self.archive, self.source, self.job_inst_id, self.home, self.messages.append
        )
        if verdicts:
            write_list_of_sources(self.home, self.engine)
        return verdicts

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self.engine.begin() as connection:
            result = connection.execute(sa.text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []

    def _delivery(self, sqn: int, name: str) -> Delivery:
        date = FIRST_DATE + timedelta(days=sqn)
        return Delivery(
            delivery_sqn=sqn,
            source=self.source.name,
            publisher_name=name,
            delivery_filename=f"s3://headwater/{sqn}",
            delivery_type=self.source.delivery_type,
            delivery_date=date,
            process_date=date,
            content_sha256=hashlib.sha256(str(sqn).encode()).hexdigest(),
            file_size=1,
            fingerprint={},
            job_inst_id=None,
        )


MakeStations = Callable[..., Bench]


class MakeBench:
    """Makes the bench of a source: `columns` is `name type, …` with `*` after the type of a key."""

    def __init__(self, engine: Engine, home: Path) -> None:
        self._engine, self._home = engine, home

    def __call__(
        self,
        columns: str = KEY,
        *checks: Mapping[str, Any],
        options: Mapping[str, str] | None = None,
        **changes: Any,
    ) -> Bench:
        source = replace(readings(columns, *checks, options=options or {}), **changes)
        bench = Bench(self._engine, self._home, source)
        bench.create()
        return bench


def readings(columns: str = KEY, *checks: Mapping[str, Any], options: Mapping[str, str]) -> Source:
    """A delta source named readings."""
    return Source(
        name="readings",
        job="readings",
        data_source=DataSource("weather_office", "http_files", ""),
        owner="office",
        schedule="@daily",
        geographic_granularity="station",
        delivery_type="delta",
        extract_function=None,
        wrangle_function=None,
        quality_checks=tuple(map(_quality_check, checks)),
        load_new=True,
        load_changed=True,
        load_removed=True,
        on_null_key="fall_out",
        on_duplicate_key="halt",
        on_unknown_column="keep",
        max_removed_pct=None,
        max_fallen_out_pct=None,
        description="",
        attributes=tuple(_attribute(*column.strip().split(maxsplit=1)) for column in columns.split(",")),
        options=options,
        conn_str=None,
        conn_api=None,
    )


def _attribute(name: str, datatype: str) -> Attribute:
    is_key = datatype.endswith("*")
    return Attribute(
        source="readings",
        source_name=name,
        target_name=name,
        target_datatype=datatype.rstrip("*"),
        format=None,
        null_tokens=("",),
        is_key=is_key,
        is_tracked=not is_key,
        is_optional=False,
        description="",
    )


def _quality_check(facts: Mapping[str, Any]) -> QualityCheck:
    local = {name: value for name, value in facts.items() if name not in ("expect", "column", "severity")}
    return QualityCheck(facts["expect"], facts.get("column"), facts.get("severity", "critical"), local)


@pytest.fixture
def make_bench(database: Engine, tmp_path: Path) -> MakeBench:
    return MakeBench(database, tmp_path / "home")


@pytest.fixture
def make_source() -> Callable[..., Source]:
    """Makes a source of the usual columns with the quality checks given."""
    return lambda *checks: readings(KEY, *checks, options={})


@pytest.fixture
def make_stations(make_bench: MakeBench) -> MakeStations:
    """Makes the bench of a source of snapshots: station → reading."""

    def make(
        *,
        columns: str = "station integer*, reading integer",
        options: dict[str, str] | None = None,
        **changes: Any,
    ) -> Bench:
        return make_bench(columns, options=options or {}, **{"delivery_type": "snapshot", **changes})

    return make
