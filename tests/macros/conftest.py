"""One database and one dbt for all histories of the tests here; each source has a name of its own in them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.services import postgres
from headwater.services.postgres_roles import USER
from tests.conftest import PROJECT, administer, point_to
from tests.macros.dbt_session import DbtSession
from tests.macros.history_bench import Bench, Shape, versions
from tests.support.history_oracle import Version

DATABASE = "history_lab"


class HistoryLab:
    """Benches on one database, and the macros that load them."""

    def __init__(self, database: Engine, dbt: DbtSession) -> None:
        self.database, self.dbt = database, dbt
        self._numbers = itertools.count(1)

    def bench(self, shape: Shape, *, recognises: bool = False) -> Bench:
        """A source that nobody else uses; `recognises` stages of snapshots only what differs, where it may."""
        bench = Bench(self.database, f"example_{next(self._numbers)}", shape, recognises=recognises)
        with self.database.begin() as connection:
            bench.record_definition(connection)
        return bench

    def known_at(self, bench: Bench, moment: datetime) -> list[Version]:
        """Return what was believed at a moment, by the macro that marts use."""
        query = self.dbt.render(
            "history_known_at",
            definition=bench.definition,
            model_sql=f'select * from staging."stg_{bench.source}"',
            known_at=moment.isoformat(),
        )
        return versions(self.database, f"({query})", bench.shape)

    def load(self, bench: Bench) -> None:
        """Load what is pending, with the macros of the materialization, in one transaction."""
        historical = self.dbt.relation("historical", bench.source)
        table = {"relation": historical, "definition": bench.definition}
        self.dbt.transaction(
            ("open_source_transaction", {"source_name": bench.source}),
            ("load_history", {**table, "model_sql": bench.model_sql}),
        )


@pytest.fixture(scope="session")
def history_lab(
    postgres_server: postgres.Server, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HistoryLab]:
    """A lab for the whole session: making a database and parsing the project takes longer than a hundred histories."""
    administer(postgres_server, f"create database {DATABASE} template {template_database}")
    url = sa.URL.create(
        "postgresql+psycopg2",
        USER,
        postgres_server.password,
        "127.0.0.1",
        postgres_server.port,
        DATABASE,
    )
    database = sa.create_engine(url, connect_args={"options": "-c TimeZone=UTC"})
    with pytest.MonkeyPatch.context() as patch:
        point_to(postgres_server, DATABASE, patch)
        dbt = DbtSession(PROJECT, tmp_path_factory.mktemp("target"), postgres_server.password)
    yield HistoryLab(database, dbt)
    dbt.close()
    database.dispose()
