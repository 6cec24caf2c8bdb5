"""Fixtures of the database tests: publishers in Postgres and SQLite, and sources that read them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.extract.raw.pending import LoadSummary, load_pending
from headwater.extract.run import ExtractSummary, extract_source
from headwater.metadata.static.model import ConnStr, DataSource, Source, SqlScript, Tbl
from headwater.metadata.static.source_types import usual_options
from headwater.services import postgres
from headwater.services.postgres_roles import USER
from tests.conftest import administer
from tests.support.sources import make_source

COLUMNS = ("id", "name", "changed")
SHOP = DataSource("shop", "rdbms", "The database of a shop")


@dataclass
class Publisher:
    """A database of somebody else's."""

    conn_str: ConnStr
    connection: Any

    def do(self, *statements: str) -> None:
        for statement in statements:
            cursor = self.connection.cursor()
            cursor.execute(statement)
            cursor.close()

    def admit(self, password: str) -> str:
        """Let a clerk read all tables that are made from now on; its name as a user."""
        known = self.ask("select 1 from pg_roles where rolname = 'clerk'")
        self.do(
            f"{'alter' if known else 'create'} role clerk login password '{password}'",
            "grant usage on schema shop to clerk",
            "alter default privileges in schema shop grant select on tables to clerk",
        )
        return "clerk"

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        cursor = self.connection.cursor()
        cursor.execute(statement)
        found = [tuple(row) for row in cursor.fetchall()]
        cursor.close()
        return found

    def source(
        self,
        table: str = "shop.orders",
        columns: Sequence[str] = COLUMNS,
        *,
        incr_column: str | None = None,
        data_size: str = "small",
        script: str | None = None,
        options: dict[str, str] | None = None,
        **more: Any,
    ) -> Source:
        """A source of one of its tables; of what changed in it, where an incr_column is given."""
        is_delta = {"delivery_type": "delta", "load_removed": False} if incr_column else {}
        facts: dict[str, Any] = {
            "data_source": SHOP,
            "conn_str": self.conn_str,
            "tbl": Tbl(table, "shop", incr_column, data_size),  # type: ignore[arg-type]
            "sql_script": SqlScript("orders_of_shop", False, script) if script else None,
            **is_delta,
            **more,
        }
        return make_source(columns, options={**usual_options("rdbms"), **(options or {})}, **facts)


class Line:
    """Extracts and loads sources into raw, and looks at what became of it."""

    def __init__(self, engine: Engine, store: ObjectStore, job_inst_id: int) -> None:
        self.engine, self.store, self.job_inst_id = engine, store, job_inst_id

    def extract(self, source: Source) -> ExtractSummary:
        return extract_source(self.engine, self.store, source, self.job_inst_id, self._report)

    def load(self, source: Source) -> LoadSummary:
        return load_pending(self.engine, self.store, source, self.job_inst_id, self._report)

    def run(self, source: Source) -> int:
        """Extract and load; how many records came to raw."""
        assert not self.extract(source).failed
        loaded = self.load(source)
        assert not loaded.failed
        assert not loaded.refused
        return sum(counts.written for _, counts in loaded.loaded)

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        """Return what raw holds of the newest delivery."""
        names = ", ".join(f'"{name}"' for name in columns)
        newest = "select max(delivery_sqn) from raw.places"
        return self.query(
            f"select {names} from raw.places where delivery_sqn = ({newest}) order by line_number"
        )

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement))]

    def _report(self, level: str, message: str, **context: Any) -> None:
        pass


@pytest.fixture
def line(database: Engine, store: ObjectStore, job_inst_id: int) -> Line:
    return Line(database, store, job_inst_id)


@pytest.fixture(scope="session")
def shop_database(postgres_server: postgres.Server) -> str:
    """A database of the publisher's on the test's Postgres server."""
    with suppress(psycopg2.errors.DuplicateDatabase):  # another room's tests may have made it
        administer(postgres_server, "create database shop")
    return "shop"


@pytest.fixture
def shop(
    postgres_server: postgres.Server, shop_database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Publisher]:
    """That database, empty and with its usual settings. Its password is where libpq looks for one."""
    monkeypatch.setenv("PGPASSFILE", str(postgres_server.passfile))
    connection = psycopg2.connect(
        host="127.0.0.1",
        port=postgres_server.port,
        user=USER,
        passfile=str(postgres_server.passfile),
        dbname=shop_database,
        sslmode="disable",
    )
    connection.autocommit = True
    server, options = f"127.0.0.1:{postgres_server.port}", "sslmode=disable"
    conn_str = ConnStr("shop_database", "shop", server, shop_database, USER, None, options, None, None)
    publisher = Publisher(conn_str, connection)
    publisher.do("create schema shop")
    yield publisher
    publisher.do("drop schema shop cascade", f"alter database {shop_database} reset all")
    connection.close()


@pytest.fixture
def file_shop(tmp_path: Path) -> Iterator[Publisher]:
    """An SQLite file."""
    connection = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    conn_str = ConnStr(
        "shop_file", "shop", None, str(tmp_path / "shop.db"), None, None, None, "sqlite://", None
    )
    yield Publisher(conn_str, connection)
    connection.close()


def fill(publisher: Publisher, count: int, table: str = "shop.orders") -> None:
    """Make the table of orders, with so many of them, a minute apart."""
    publisher.do(
        f"create table {table} (id integer primary key, name text, changed timestamptz not null)",
        f"insert into {table} select n, 'Ü ' || n, timestamptz '2026-03-01Z' + n * interval '1 minute'"
        f" from generate_series(1, {count}) as n",
    )
