"""Tables and columns of a publisher's database are read whatever they are called."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from headwater.extract.schema.raw_table import raw_table
from headwater.metadata.sql_text import sql_identifier
from headwater.metadata.static.model import Source
from headwater.metadata.static.table_names import table_name
from tests.extract.sources.sql.conftest import Line, Publisher
from tests.support.hostile import NAMES, params

# what SQL, SQLAlchemy and drivers could take for their own
TRAPS = {
    entry: NAMES[entry]
    for entry in ("quote_and_function", "single_quote", "backslash_at_end", "colon_parameter", "percent", "braces",
                  "upper_case", "reserved", "blank", "newline", "bytes_63")
}  # fmt: skip


def rows(line: Line, source: Source) -> list[tuple[Any, ...]]:
    """Return what raw holds of the attributes of a source."""
    table = raw_table(source)
    columns = [table.c[attribute.raw_column] for attribute in source.attributes]
    with line.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(table.c.line_number))]


@pytest.mark.parametrize(
    "name", params(TRAPS, leaving_out=["newline"])
)  # tbl.csv takes no control characters
def test_a_table_of_any_name_is_read(shop: Publisher, line: Line, name: str) -> None:
    place = sql_identifier("shop", name)
    shop.do(
        f"create table {place} (id integer primary key, name text, changed text)",
        f"insert into {place} values (1, 'a', '%s :x'), (2, 'b', null)",
    )
    for size in ("small", "large"):
        source = shop.source(table_name("shop", name), data_size=size)
        assert line.run(source) == (2 if size == "small" else 0), "the second way finds nothing new"
    assert rows(line, source) == [("1", "a", "%s :x"), ("2", "b", None)]


def test_a_plain_name_is_read_though_another_differs_by_its_case(shop: Publisher, line: Line) -> None:
    for place, value in (('shop."User"', "of User"), ("shop.user", "of user")):
        shop.do(
            f"create table {place} (id integer, name text, changed text)",
            f"insert into {place} values (1, '{value}')",
        )
    assert line.run(shop.source("shop.user")) == 1
    assert line.rows("name") == [("of user",)]
    assert line.run(shop.source('shop."User"')) == 1
    assert line.rows("name") == [("of User",)]


@pytest.mark.parametrize("name", params(TRAPS))
def test_a_column_of_any_name_is_read_as_key_and_as_watermark(shop: Publisher, line: Line, name: str) -> None:
    shop.do(
        f"create table shop.orders ({sql_identifier(name)} integer primary key, x text)",
        "insert into shop.orders values (1, 'a'), (2, 'b'), (3, 'c')",
    )
    source = shop.source(
        columns=(name, "x"), incr_column=name, data_size="large", options={"chunks": "2", "lag_window": "1"}
    )
    assert line.run(source) == 3
    assert rows(line, source) == [("1", "a"), ("2", "b"), ("3", "c")]
    shop.do("insert into shop.orders values (4, 'd')")
    assert line.run(source) == 3, "from the watermark on, less the lag"


def test_a_table_of_sqlite_in_quotes_is_read(file_shop: Publisher, line: Line) -> None:
    file_shop.do(
        'create table "User ""%s""" (id, name, changed)', 'insert into "User ""%s""" values (1, \'a\', 2)'
    )
    assert line.run(file_shop.source(table_name('User "%s"'))) == 1
    assert line.rows("id", "name", "changed") == [("1", "a", "2")]
