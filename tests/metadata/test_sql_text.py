"""Names and values as pieces of SQL: Postgres reads exactly them, by either way to run SQL."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.metadata.connection import engine
from headwater.metadata.sql_text import for_text, layer_table, sql_identifier, sql_literal
from tests.support.hostile import NAMES, VALUES, params

SHORT = {entry: value for entry, value in VALUES.items() if len(value) < 1_000}
TOO_LONG = [
    "bytes_64",
    "bytes_over_63_in_umlauts",
]  # Postgres cuts them off: no column of ours bears such a name


@pytest.mark.parametrize("name", params(NAMES, leaving_out=TOO_LONG))
def test_a_name_is_that_name_to_postgres(database: Engine, name: str) -> None:
    asked = f"select 1 as {sql_identifier(name)}"
    with database.connect() as connection:
        assert list(connection.execute(sa.text(for_text(asked))).keys()) == [name]
        plainly = connection.execution_options(no_parameters=True)
        assert list(plainly.exec_driver_sql(asked).keys()) == [name]


@pytest.mark.parametrize("value", params(SHORT))
def test_a_value_is_that_value_to_postgres(database: Engine, value: str) -> None:
    asked = f"select {sql_literal(value)}"
    with database.connect() as connection:
        assert connection.execute(sa.text(for_text(asked))).scalar() == value
        plainly = connection.execution_options(no_parameters=True)
        assert plainly.exec_driver_sql(asked).scalar() == value


@pytest.mark.usefixtures("database")
def test_a_server_that_reads_backslashes_otherwise_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c standard_conforming_strings=off")
    there = engine()
    with there.connect() as connection:
        assert connection.execute(sa.text(f"select {sql_literal(chr(92))}")).scalar() == "\\"
    there.dispose()


def test_a_table_is_named_by_its_layer() -> None:
    assert layer_table("staging", "a") == '"staging"."stg_a"'
    assert layer_table("historical", "a") == '"historical"."a"'
