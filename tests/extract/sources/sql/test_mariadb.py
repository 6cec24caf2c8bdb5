"""MariaDB as a publisher, on a real server: what its values mean there, and what changed since."""

from __future__ import annotations

import gzip
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from headwater.extract.formats.copy_file import lines_of
from headwater.extract.sources.sql import reader
from headwater.metadata.errors import PublisherError
from headwater.metadata.static.model import ConnStr
from headwater.services.processes import LOOPBACK, stop
from tests.conftest import TestServers
from tests.extract.sources.sql.conftest import Line, Publisher
from tests.support import mariadb

KEY = "MARIA_KEY"
URLS = ["mariadb+pymysql://", "mysql+pymysql://"]


@pytest.fixture(scope="session")
def server_port(servers: TestServers) -> Iterator[int]:
    program = mariadb.program()
    if program is None:
        pytest.skip(mariadb.MISSING)
    port, process = mariadb.start(program, servers.folder / "mariadb")
    servers.remember("mariadb", process)
    yield port
    stop(process, (signal.SIGTERM, 20), (signal.SIGKILL, 5))


@pytest.fixture
def maria(server_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    """An empty database of it."""
    monkeypatch.setenv(KEY, mariadb.PASSWORD)
    administrator = mariadb.connect(server_port)
    publisher = Publisher(
        ConnStr(
            "maria",
            "shop",
            f"{LOOPBACK}:{server_port}",
            "shop",
            mariadb.USER,
            f"env:{KEY}",
            None,
            URLS[0],
            None,
        ),
        administrator,
    )
    publisher.do(
        "create database shop character set utf8mb4",
        f"create user {mariadb.USER} identified by '{mariadb.PASSWORD}'",
        f"grant select on shop.* to {mariadb.USER}",
        "use shop",
    )
    yield publisher
    publisher.do("drop database shop", f"drop user {mariadb.USER}", "set global sql_mode = default")
    administrator.close()


def fill(publisher: Publisher, count: int) -> None:
    publisher.do(
        "create table orders (id integer primary key, name text, changed datetime(6) not null)",
        "insert into orders select seq, concat('Ü ', seq), '2026-03-01' + interval seq minute"
        f" from seq_1_to_{count}" if count else "do 0",
    )  # fmt: skip


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("size", ["small", "large"])
def test_nothing_new_makes_no_delivery_and_any_change_does(
    maria: Publisher, line: Line, size: str, url: str
) -> None:
    fill(maria, 100)
    source = replace(
        maria.source("orders", data_size=size), conn_str=replace(maria.conn_str, url_template=url)
    )
    assert line.run(source) == 100
    assert line.rows("id", "name", "changed")[:1] == [("1", "Ü 1", "2026-03-01 00:01:00")]
    assert not line.extract(source).landed
    maria.do("delete from orders where id = 7")
    assert line.run(source) == 99
    maria.do("update orders set name = null where id = 8")
    assert line.run(source) == 99


TYPES: list[tuple[str, str, str | None]] = [
    ("decimal(65,30)", "'12345678901234567890123456789012345.000000000000000000000000000010'",
     "12345678901234567890123456789012345.000000000000000000000000000010"),
    ("decimal(5,2)", "-0.10", "-0.10"),
    ("bigint unsigned", "18446744073709551615", "18446744073709551615"),
    ("bigint", "-9223372036854775808", "-9223372036854775808"),
    ("tinyint(1)", "true", "1"),
    ("double", "0.1", "0.1"),
    ("double", "1.7976931348623157e308", f"{17976931348623157 * 10**292}"),
    ("double", "2.2250738585072014e-308", f"{2.2250738585072014e-308:.324f}".rstrip("0")),
    ("float", "1.2345678", "1.2345677614212036"),
    ("float", "16777217", "16777216.0"),
    ("datetime(6)", "'2026-01-31 12:34:56.000001'", "2026-01-31 12:34:56.000001"),
    ("datetime", "'9999-12-31 23:59:59'", "9999-12-31 23:59:59"),
    ("datetime", "'0000-00-00 00:00:00'", "0000-00-00 00:00:00"),
    ("date", "'0000-00-00'", "0000-00-00"),
    ("date", "'2026-00-00'", "2026-00-00"),
    ("timestamp(3)", "'2026-01-31 12:00:00.120'", "2026-01-31 17:00:00.120000"),
    ("time(6)", "'-838:59:58.999999'", "-838:59:58.999999"),
    ("time", "'12:30:00'", "12:30:00"),
    ("year", "2026", "2026"),
    ("bit(1)", "b'1'", "1"),
    ("bit(10)", "b'1000000001'", "1000000001"),
    ("bit(64)", "b'101'", f"{'101':0>64}"),
    ("blob", "x'00ff5c27'", r"\x00ff5c27"),
    ("blob", "''", r"\x"),
    ("binary(3)", "'a'", r"\x610000"),
    ("varchar(20)", "''", ""),
    ("varchar(20)", "null", None),
    ("varchar(20)", "'NULL'", "NULL"),
    ("varchar(20)", "'a\\tb\\\\c\\nd\\re'", "a\tb\\c\nd\re"),
    ("varchar(20) character set utf8mb4", "'Ü 😀'", "Ü 😀"),
    ("varchar(20) character set latin1", "'Ü €'", "Ü €"),
    ("char(5)", "'a'", "a"),
    ("enum('a', 'ü')", "'ü'", "ü"),
    ("set('a', 'b', 'c')", "'c,a'", "a,c"),
    ("json", "'{\"b\": 1.10, \"a\": [null, \"ü\"]}'", '{"b": 1.10, "a": [null, "ü"]}'),
    ("uuid", "'123e4567-e89b-12d3-a456-426614174000'", "123e4567-e89b-12d3-a456-426614174000"),
    ("inet6", "'::1'", "::1"),
]  # fmt: skip


def test_types_come_without_loss(maria: Publisher, line: Line) -> None:
    maria.do("set sql_mode = ''", "set time_zone = '-05:00'")
    columns = [f"c{number}" for number in range(len(TYPES))]
    declared = ", ".join(f"`{name}` {kind} null" for name, (kind, _, _) in zip(columns, TYPES, strict=True))
    maria.do(
        f"create table kinds (id integer primary key, {declared})",
        f"insert into kinds values (1, {', '.join(value for _, value, _ in TYPES)})",
        "insert into kinds (id) values (2), (3)",
    )
    line.run(maria.source("kinds", ("id", *columns)))
    message, nothing, _ = line.rows(*columns)
    assert [(kind, text) for (kind, _, _), text in zip(TYPES, message, strict=True)] == [
        (kind, text) for kind, _, text in TYPES
    ]
    assert set(nothing) == {None}


def test_a_server_of_another_mode_is_read_alike(maria: Publisher, line: Line) -> None:
    maria.do(
        "set global sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,PAD_CHAR_TO_FULL_LENGTH'"
    )
    maria.do("create table `order` (`Id %` integer, `select` char(3))", "insert into `order` values (7, 'a')")
    source = maria.source("shop.order", ("Id %", "select"), incr_column="Id %")
    assert line.run(source) == 1
    assert line.rows("Id %", "select") == [("7", "a")]
    assert not line.extract(source).landed


def test_windows_of_what_changed(maria: Publisher, line: Line) -> None:
    fill(maria, 30)
    source = maria.source("orders", incr_column="changed", options={"lag_window": "10 minutes"})
    assert line.run(source) == 30
    assert not line.extract(source).landed
    maria.do("insert into orders values (31, 'new', '2026-03-01 00:45:00.5')")
    line.run(source)
    assert [id_ for (id_,) in line.rows("id")] == [str(n) for n in range(20, 32)]
    assert line.query(
        "select watermark_from ->> 'changed', watermark_to ->> 'changed' from metadata.delivery order by 1 nulls first"
    ) == [(None, "2026-03-01 00:30:00"), ("2026-03-01 00:20:00", "2026-03-01 00:45:00.500000")]
    assert not line.extract(source).landed
    maria.do("insert into orders values (32, 'future', '9999-12-31')")
    line.run(source)
    maria.do("insert into orders values (33, 'now', utc_timestamp(6))")
    line.run(source)
    assert [row for row in line.rows("id") if row == ("33",)] == [("33",)]


def test_timestamps_are_watermarks_in_utc(maria: Publisher, line: Line) -> None:
    maria.do(
        "set time_zone = '+05:30'",
        "create table orders (id integer, name text, changed timestamp(6) null)",
        "insert into orders values (1, 'a', '2026-03-01 05:30:00'), (2, 'b', null)",
    )
    source = maria.source("orders", incr_column="changed")
    assert line.run(source) == 2
    assert line.rows("changed") == [("2026-03-01 00:00:00",), (None,)]
    maria.do("insert into orders values (3, 'c', '2026-03-01 05:30:00.000001')")
    assert line.run(source) == 3
    maria.do("insert into orders values (4, 'd', '2026-03-01 05:30:01')")
    assert line.run(source) == 3


def test_a_script_gets_its_watermarks(maria: Publisher, line: Line) -> None:
    fill(maria, 10)
    script = (
        "with of_orders as (select * from orders) select id, name, changed from of_orders"
        " where changed >= coalesce(:watermark_from, '1000-01-01') order by id desc;"
    )
    source = maria.source("orders", incr_column="changed", script=script)
    assert line.run(source) == 10
    maria.do("insert into orders values (11, 'a:b', '2026-03-01 00:10:00')")
    assert line.run(source) == 2
    assert line.rows("id", "name") == [("11", "a:b"), ("10", "Ü 10")]


def test_what_is_written_meanwhile_is_not_seen(
    maria: Publisher, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(maria, 5000)
    proper = reader.MariaReader.header

    def disturbed(of: reader.MariaReader, *asked: Any) -> bytes:
        header = proper(of, *asked)
        maria.do("delete from orders where id <= 10", "insert into orders values (-1, 'late', '2026-03-01')")
        return header

    monkeypatch.setattr(reader.MariaReader, "header", disturbed)
    assert line.run(maria.source("orders", data_size="large")) == 5000
    assert line.query("select min(id::int), max(id::int) from raw.places") == [(1, 5000)]


def test_a_server_that_goes_in_the_middle_leaves_nothing(
    maria: Publisher, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria.do(
        "create table orders (id integer primary key, name text, changed datetime)",
        "insert into orders select seq, repeat('x', 1000), '2026-03-01' from seq_1_to_50000",
    )
    proper, gone = lines_of, False

    def cut(columns: Any) -> bytes:
        nonlocal gone
        if not gone:
            gone = True
            for (number,) in maria.ask(
                f"select id from information_schema.processlist where user = '{mariadb.USER}'"
            ):
                maria.do(f"kill {number}")
        return proper(columns)

    monkeypatch.setattr(reader, "lines_of", cut)
    with pytest.raises(
        PublisherError, match=rf"places: mariadb://{LOOPBACK}:\d+/shop: .*(Lost|closed|killed)"
    ):
        line.extract(maria.source("orders"))
    assert not list(line.store.list(""))
    assert line.run(maria.source("orders")) == 50_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"server": f"{LOOPBACK}:1"}, r"mariadb://127\.0\.0\.1:1/shop: .*refused"),
        ({"database_name": "nowhere"}, "nowhere"),
        ({"username": "stranger"}, "Access denied"),
    ],
)
def test_what_is_wrong_is_named_without_the_password(
    maria: Publisher, line: Line, change: dict[str, str], message: str
) -> None:
    with pytest.raises(PublisherError, match=message) as raised:
        line.extract(replace(maria.source("orders"), conn_str=replace(maria.conn_str, **change)))
    assert mariadb.PASSWORD not in str(raised.value)


def test_a_script_cannot_change_anything(maria: Publisher, line: Line) -> None:
    fill(maria, 3)
    maria.do(f"grant all on shop.* to {mariadb.USER}")
    with pytest.raises(PublisherError, match=r"syntax|READ ONLY"):
        line.extract(maria.source("orders", script="delete from orders"))
    assert maria.ask("select count(*) from orders") == [(3,)]


def test_the_landed_file_is_of_the_format_of_postgres(maria: Publisher, line: Line) -> None:
    fill(maria, 2)
    line.run(maria.source("orders"))
    [(address,)] = line.query("select delivery_filename from metadata.delivery")
    with line.store.open(line.store.key(address)) as stored:
        content = gzip.decompress(stored.read())
    assert content.decode() == (
        "id\tname\tchanged\n1\tÜ 1\t2026-03-01 00:01:00\n2\tÜ 2\t2026-03-01 00:02:00\n"
    )
