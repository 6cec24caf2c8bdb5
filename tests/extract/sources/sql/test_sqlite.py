"""SQLite files as publishers: rows come through a cursor, and mean what they mean there."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects import mysql

from headwater.extract.sources import rdbms
from headwater.extract.sources.sql import parts
from headwater.extract.sources.sql.queries import Keys, Question, greatest
from headwater.metadata.errors import PublisherError
from tests.extract.sources.sql.conftest import Line, Publisher

VALUES = [
    (1, "plain", "plain"), (2, None, None), (3, "", ""), (4, "a\tb\\c\nd\re", "a\tb\\c\nd\re"),
    (5, 12345678901234567, "12345678901234567"), (6, 0.1, "0.1"), (7, 1e22, "10000000000000000000000"),
    (8, 1e-7, "0.0000001"), (9, b"\x00\xff", r"\x00ff"), (10, "Ü 😀", "Ü 😀"), (11, "\x1f\\N", "\x1f\\N"),
]  # fmt: skip


def fill(publisher: Publisher, count: int) -> None:
    publisher.do("create table orders (id integer primary key, name text, changed text)")
    for n in range(1, count + 1):
        publisher.do(f"insert into orders values ({n}, 'Ü {n}', '2026-03-01 00:{n:02}:00')")


def test_every_value_comes_as_it_is(file_shop: Publisher, line: Line) -> None:
    file_shop.do("create table orders (id integer primary key, name, changed)")
    file_shop.connection.executemany("insert into orders values (?, ?, '')", [row[:2] for row in VALUES])
    line.run(file_shop.source("main.orders"))
    assert line.rows("id", "name") == [(str(n), text) for n, _, text in VALUES]


@pytest.mark.parametrize("size", ["small", "large"])
def test_nothing_new_makes_no_delivery_and_any_change_does(
    file_shop: Publisher, line: Line, size: str
) -> None:
    fill(file_shop, 5)
    source = file_shop.source("orders", data_size=size)
    assert line.run(source) == 5
    assert not line.extract(source).landed
    file_shop.do("delete from orders where id = 3")
    assert line.run(source) == 4


def test_windows_are_asked_in_the_words_of_the_file(file_shop: Publisher, line: Line) -> None:
    fill(file_shop, 30)
    source = file_shop.source("orders", incr_column="changed", options={"lag_window": "10 minutes"})
    assert line.run(source) == 30
    assert not line.extract(source).landed
    file_shop.do("insert into orders values (31, 'new', '2026-03-01 00:31:00')")
    assert line.run(source) == 12
    assert line.query("select watermark_to ->> 'changed' from metadata.delivery order by delivery_sqn desc") == [
        ("2026-03-01 00:31:00",), ("2026-03-01 00:30:00",),
    ]  # fmt: skip


def test_a_row_from_the_future_hides_nothing_of_the_same_day(file_shop: Publisher, line: Line) -> None:
    file_shop.do("create table orders (id integer primary key, name text, changed text)")
    moment = "strftime('%Y-%m-%d {}+00:00', 'now', '+1 second')".format
    file_shop.do(f"insert into orders values (1, 'far', {moment('23:59:59')})")
    source = file_shop.source("orders", incr_column="changed", options={"lag_window": "10 minutes"})
    assert line.run(source) == 1
    file_shop.do(f"insert into orders values (2, 'now', {moment('%H:%M:%S')})")
    assert line.run(source) == 2


@pytest.mark.parametrize("script", [None, "select * from changes where changed >= :watermark_from"])
def test_a_number_without_a_type_is_compared_as_a_number(
    file_shop: Publisher, line: Line, script: str | None
) -> None:
    file_shop.do(
        "create table orders (id integer primary key, name text, rev integer)",
        "create view changes as select id, name, rev + 0 as changed from orders",
        "insert into orders values (1, 'a', 8), (2, 'b', 9), (3, 'half', 9.5)",
    )
    options = {"first_watermark": "9"} if script else {}
    source = file_shop.source("changes", incr_column="changed", script=script, options=options)
    assert line.run(source) == (2 if script else 3)
    file_shop.do("insert into orders values (4, 'c', 10), (5, 'large', 9007199254740993)")
    assert line.run(source) == 3
    assert not line.extract(source).landed
    file_shop.do("insert into orders values (6, 'larger', 9007199254740994)")
    assert line.run(source) == 2


def test_what_is_written_meanwhile_is_not_seen(
    file_shop: Publisher, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(file_shop, 3)
    file_shop.do("pragma journal_mode = wal")
    proper = parts.read_header

    def disturbed(*asked: Any) -> object:
        file_shop.do("insert into orders values (4, 'late', '')")
        return proper(*asked)

    monkeypatch.setattr(rdbms, "read_header", disturbed)
    source = file_shop.source("orders", incr_column="changed")
    assert line.run(source) == 3


def test_a_file_that_is_not_there_is_not_made(file_shop: Publisher, line: Line, tmp_path: Path) -> None:
    path = tmp_path / "nowhere.db"
    source = file_shop.source("orders", conn_str=replace(file_shop.conn_str, database_name=str(path)))
    with pytest.raises(PublisherError, match=f"places: {path} is no file, expected an SQLite database"):
        line.extract(source)
    assert not path.exists()


def test_a_file_that_is_no_database_is_named(file_shop: Publisher, line: Line, tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("id,name\n" * 500)
    source = file_shop.source("orders", conn_str=replace(file_shop.conn_str, database_name=str(path)))
    with pytest.raises(PublisherError, match=f"places: sqlite:///{path}: file is not a database"):
        line.extract(source)


def test_a_text_that_is_none_is_refused(file_shop: Publisher, line: Line) -> None:
    fill(file_shop, 1)
    file_shop.do("insert into orders values (2, cast(x'ff' as text), '')")
    with pytest.raises(PublisherError, match="Could not decode to UTF-8"):
        line.extract(file_shop.source("orders"))


def test_a_nul_halts_with_its_line(file_shop: Publisher, line: Line) -> None:
    fill(file_shop, 1)
    file_shop.connection.execute("insert into orders values (2, 'a' || char(0) || 'b', '')")
    assert line.extract(file_shop.source("orders")).landed
    [(_, check, why)] = line.load(file_shop.source("orders")).refused
    assert (check, why) == ("format", "orders.copy.gz:3: a NUL byte, expected text")


def test_other_dialects_are_asked_in_their_own_words(file_shop: Publisher) -> None:
    """As MySQL and MariaDB would be, also where no server is to be had."""
    source = file_shop.source("shop.order", ("select", "name"), incr_column="when")
    question = Question(source, "2026-03-01", keys=Keys("select", "5", "9"))
    message = question.statement(mysql.dialect()).compile(dialect=mysql.dialect())
    assert " ".join(str(message).split()) == (
        "SELECT * FROM shop.`order` WHERE (`when` >= %s OR `when` IS NULL) AND `select` >= %s AND `select` < %s"
    )
    assert list(message.params.values()) == ["2026-03-01", "5", "9"]
    numbered = Question(source, "12345678901234567.5").statement(mysql.dialect())
    bound = numbered.compile(dialect=mysql.dialect()).params
    assert list(bound.values()) == [Decimal("12345678901234567.5")]
    asked = str(greatest(Question(source), mysql.dialect()).compile(dialect=mysql.dialect()))
    assert " ".join(asked.split()) == "SELECT max(`when`) AS max_1 FROM shop.`order`"
