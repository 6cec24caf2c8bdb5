"""The whole line under test: a publisher's folder at one end, the tables at the other, real runs between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.pipeline.results import RunResult, SourceResult
from headwater.pipeline.runners.sources import run as run_sources
from headwater.project import Project
from tests.macros.history_bench import assert_equals_oracle, delta, snapshot, versions
from tests.pipeline.project import HEADERS, SHAPES
from tests.pipeline.tables import OF_RUNS, Contents, contents
from tests.support.history_oracle import Delivery, Key, Row


class Line:
    """One project on one database and one bucket."""

    def __init__(self, project: Project, publisher: Path, database: Engine, store: ObjectStore) -> None:
        self.project, self.publisher, self.database, self.store = project, publisher, database, store
        self.messages: list[str] = []

    def deliver(self, source: str, delivery: Delivery, *more_lines: str) -> Delivery:
        """Have the publisher publish a delivery, as CSV; `more_lines` stand at its end as they are."""
        folder = self.publisher / source
        folder.mkdir(parents=True, exist_ok=True)
        lines = [HEADERS[source], *_csv_lines(source, delivery), *more_lines]
        (folder / delivery.name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return delivery

    def run(self, *sources: str) -> RunResult:
        """Run the named sources, or all."""
        return run_sources(self.project, sources, self.messages.append)

    def ran_well(self, *sources: str) -> RunResult:
        """Run, and nothing may fail or halt."""
        result = self.run(*sources)
        assert result.exit_code == 0, result.failures or result.halts
        return result

    def query(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """All rows of the answer."""
        with self.database.begin() as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement), values)]

    def execute(self, statement: str, **values: Any) -> None:
        """Do something to the database."""
        with self.database.begin() as connection:
            connection.execute(sa.text(statement), values)

    def assert_history(self, source: str, *deliveries: Delivery) -> None:
        """History and counts of a source are what the oracle says of these deliveries."""
        assert_equals_oracle(self.database, source, SHAPES[source], deliveries)

    def versions(self, source: str, *key: Any) -> list[Any]:
        """The versions of one key, as the oracle writes them."""
        return [v for v in versions(self.database, f'historical."{source}"', SHAPES[source]) if v.key == key]

    def sqn(self, name: str) -> int:
        """The delivery_sqn of the newest landing of a publisher's name."""
        statement = "select max(delivery_sqn) from metadata.delivery where publisher_name = :name"
        return int(self.query(statement, name=name)[0][0])

    def status(self, name: str) -> str:
        """Return what the newest landing of a publisher's name amounts to."""
        statement = "select status from metadata.delivery_state where delivery_sqn = :sqn"
        return str(self.query(statement, sqn=self.sqn(name))[0][0])

    def quarantine(self, name: str) -> list[tuple[Any, ...]]:
        """Line, rule, column, key and row of what fell out of a delivery."""
        return self.query(
            "select line_number, rule, column_name, key, row from metadata.quarantined_row"
            " where delivery_sqn = :sqn order by line_number",
            sqn=self.sqn(name),
        )

    def contents(self) -> dict[str, tuple[int, str | None]]:
        """Rows and checksum of every table but those in which runs put themselves on record."""
        tables = self.query(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname in ('metadata', 'raw', 'staging', 'historical', 'marts') and tablename <> all(:runs)",
            runs=list(OF_RUNS),
        )
        return {
            table: self.query(
                f"select count(*), md5(string_agg(t::text, ' ' order by t::text)) from {table} as t"
            )[0]
            for (table,) in tables
        }

    def essence(self) -> Contents:
        """The rows of all tables, without what differs between two ways to the same end. A file that is written
        again has another date, too."""
        return contents(self.database, besides=["fingerprint"])


def of_source(result: RunResult, source: str) -> SourceResult:
    """Return what a run did for one source."""
    return next(found for found in result.sources if found.source == source)


def cities(day: int, rows: Mapping[str, Row], *, unreadable: Sequence[str] = (), part: str = "") -> Delivery:
    """A delivery of cities: code → (name, people)."""
    return snapshot(
        f"cities-202601{day:02}{part}.csv", day, {(key,): row for key, row in rows.items()},
        [(key,) for key in unreadable],
    )  # fmt: skip


def prices(day: int, rows: Mapping[Key, Row], removed: Sequence[Key] = (), part: str = "") -> Delivery:
    """A delivery of prices: (shop, item) → (price,), and what is marked as deleted."""
    return delta(f"prices-202601{day:02}{part}.csv", day, rows, removed)


def ratings(day: int, rows: Mapping[str, Row]) -> Delivery:
    """A delivery of ratings: reader → (stars,)."""
    return snapshot(f"ratings-202601{day:02}.csv", day, {(key,): row for key, row in rows.items()})


def _csv_lines(source: str, delivery: Delivery) -> Iterable[str]:
    for key, row in delivery.rows.items():
        end = {"cities": (delivery.name,), "prices": ("",), "ratings": ()}[source]
        yield ",".join("" if value is None else str(value) for value in (*key, *row, *end))
    for key in delivery.removed:
        yield ",".join([*map(str, key), "", "yes"])
