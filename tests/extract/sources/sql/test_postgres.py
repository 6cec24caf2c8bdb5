"""Tables of databases as deliveries: what is there is read once, whole, and as it was at one moment."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.extract.formats.copy_file import CopyFile
from headwater.extract.sources import rdbms
from headwater.extract.sources.sql import parts
from headwater.extract.sources.sql.connect import engine_of
from headwater.metadata.errors import PublisherError
from tests.conftest import PROJECT
from tests.extract.http.test_client import Sink
from tests.extract.sources.sql.conftest import Line, Publisher, fill


def in_india(moment: datetime) -> datetime:
    return moment.replace(tzinfo=timezone(timedelta(hours=5, minutes=30)))


WHOLE = st.characters(codec="utf-8", exclude_characters="\0")
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(WHOLE | st.sampled_from("\t\n\r\\N\x1f")),
    "numeric": st.decimals(allow_nan=False, allow_infinity=False),
    "float8": st.floats(allow_nan=False),
    "timestamptz": st.datetimes().filter(lambda moment: 1 < moment.year < 9999).map(in_india),
    "timestamp": st.datetimes(),
    "date": st.dates(),
    "bytea": st.binary(max_size=50),
    "boolean": st.booleans(),
    "bigint": st.integers(-(2**63), 2**63 - 1),
}
READ: dict[str, Callable[[str], Any]] = {
    "text": str, "numeric": Decimal, "float8": float, "timestamptz": datetime.fromisoformat,
    "timestamp": datetime.fromisoformat, "date": date.fromisoformat, "boolean": {"t": True, "f": False}.__getitem__,
    "bytea": lambda text: bytes.fromhex(text.removeprefix("\\x")), "bigint": int,
}  # fmt: skip


def test_a_table_is_a_delivery_and_comes_to_raw(shop: Publisher, line: Line) -> None:
    fill(shop, 3)
    assert line.run(shop.source()) == 3
    assert line.rows("id", "name", "changed") == [
        (str(n), f"Ü {n}", f"2026-03-01 00:0{n}:00+00") for n in (1, 2, 3)
    ]
    [(name, date, moment)] = line.query(
        "select publisher_name, delivery_date, watermark_to from metadata.delivery"
    )
    assert name == "shop.orders.copy.gz"
    assert abs(date - datetime.now(UTC)) < timedelta(minutes=5)
    assert moment is None


def test_the_landed_file_is_what_copy_writes(shop: Publisher, line: Line) -> None:
    fill(shop, 2)
    line.run(shop.source())
    [(address,)] = line.query("select delivery_filename from metadata.delivery")
    with line.store.open(line.store.key(address)) as stored:
        content = gzip.decompress(stored.read())
    assert content.decode() == (
        "id\tname\tchanged\n1\tÜ 1\t2026-03-01 00:01:00+00\n2\tÜ 2\t2026-03-01 00:02:00+00\n"
    )


@pytest.mark.parametrize("size", ["small", "large"])
def test_nothing_new_makes_no_delivery_and_any_change_does(shop: Publisher, line: Line, size: str) -> None:
    fill(shop, 100)
    source = shop.source(data_size=size)
    assert line.run(source) == 100
    shop.do("update shop.orders set name = name where id = 7")  # lies elsewhere now
    for _ in range(2):
        assert not line.extract(source).landed
    shop.do("delete from shop.orders where id = 7")
    assert line.run(source) == 99
    shop.do("alter table shop.orders add column note text")
    assert line.run(source) == 99
    assert line.query("select count(*) from metadata.delivery") == [(3,)]


def test_a_clock_that_went_back_dates_no_delivery_before_another(shop: Publisher, line: Line) -> None:
    fill(shop, 2)
    line.run(shop.source())
    with line.engine.begin() as connection:
        connection.exec_driver_sql(
            "update metadata.delivery set delivery_date = delivery_date + interval '1 day'"
        )
    shop.do("delete from shop.orders where id = 2")
    assert line.run(shop.source()) == 1
    assert line.query(
        "select delivery_date - lag(delivery_date) over (order by delivery_sqn) from metadata.delivery offset 1"
    ) == [(timedelta(microseconds=1),)]
    assert not line.extract(shop.source()).landed


def test_an_empty_table_is_an_empty_snapshot(shop: Publisher, line: Line) -> None:
    fill(shop, 0)
    assert line.run(shop.source()) == 0
    assert line.query("select (fingerprint ->> 'records')::int from metadata.delivery") == [(0,)]


def test_null_is_not_the_empty_text(shop: Publisher, line: Line) -> None:
    fill(shop, 0)
    shop.do(
        r"insert into shop.orders values (1, null, now()), (2, '', now()), (3, '\N', now()), (4, e'\t\n\\', now())"
    )
    line.run(shop.source())
    assert line.rows("name") == [(None,), ("",), (r"\N",), ("\t\n\\",)]


def test_types_come_without_loss(shop: Publisher, line: Line) -> None:
    values = {
        "numeric": ("12345678901234567890.1200", "12345678901234567890.1200"),
        "float8": ("0.1", "0.1"),
        "float4": ("1.1", "1.1"),
        "boolean": ("true", "t"),
        "date": ("2026-02-28", "2026-02-28"),
        "timestamptz": ("2026-02-28 12:00:00.000001+05:30", "2026-02-28 06:30:00.000001+00"),
        "timestamp": ("2026-02-28 12:00:00.5", "2026-02-28 12:00:00.5"),
        "bytea": (r"\x00ff5c", r"\x00ff5c"),
        "text[]": ('{"a,b",null,""}', '{"a,b",NULL,""}'),
        "json": ('{"a" : 1.0}', '{"a" : 1.0}'),
        "uuid": ("A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        "interval": ("1 day 2 hours", "P1DT2H"),
        "money": ("12.5", "$12.50"),
        "char(3)": ("a", "a  "),
    }
    names = [f"c{n}" for n in range(len(values))]
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(names, values, strict=True))
    given = ", ".join("'" + value.replace("'", "''") + "'" for value, _ in values.values())
    shop.do(
        f"alter database {shop.conn_str.database_name} set timezone = 'Asia/Tokyo'",
        f"alter database {shop.conn_str.database_name} set datestyle = 'German'",
        f"alter database {shop.conn_str.database_name} set bytea_output = 'escape'",
        f"alter database {shop.conn_str.database_name} set extra_float_digits = 0",
        f"create table shop.things ({columns})",
        f"insert into shop.things values ({given})",
    )
    line.run(shop.source("shop.things", names))
    [row] = line.rows(*names)
    assert dict(zip(values, row, strict=True)) == {kind: text for kind, (_, text) in values.items()}


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(*map(st.none().__or__, KINDS.values())), min_size=1, max_size=60))
def test_any_value_is_read_as_another_reader_reads_it(shop: Publisher, rows: list[tuple[Any, ...]]) -> None:
    names = [f"c{n}" for n in range(len(KINDS))]
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(names, KINDS, strict=True))
    shop.do("drop table if exists shop.things", f"create table shop.things ({columns})")
    with shop.connection.cursor() as cursor:
        cursor.executemany(f"insert into shop.things values ({', '.join(['%s'] * len(names))})", rows)
    [offer] = rdbms.discover(shop.source("shop.things", names))
    offer.fetch(offer, sink := Sink())
    found = [record.values for record in CopyFile(BytesIO(gzip.decompress(sink.content)), "things").records()]
    assert len(found) == len(rows)
    for kind, texts, values in zip(KINDS, zip(*found, strict=True), zip(*rows, strict=True), strict=True):
        read = READ[kind]
        assert [None if text is None else read(text) for text in texts] == list(values)


def test_names_may_be_words_of_sql_and_in_capitals(shop: Publisher, line: Line) -> None:
    shop.do(
        'create table shop."order" ("Id %" integer, "select" text)',
        """insert into shop."order" values (1, '%s')""",
    )
    source = shop.source("shop.order", ("Id %", "select"), incr_column="Id %", data_size="large")
    assert line.run(source) == 1
    assert line.rows("Id %", "select") == [("1", "%s")]


def test_a_broken_connection_leaves_nothing_and_the_next_run_has_all(
    shop: Publisher, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shop, 60_000)
    proper, came = parts.Packer.write, 0

    def cut(packer: parts.Packer, text: bytes) -> None:
        nonlocal came
        came += 1
        if came == 1:
            mine = "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            shop.ask(f"select pg_terminate_backend(pid, 5000) from ({mine}) as of_reader")
        proper(packer, text)

    with monkeypatch.context() as patch:
        patch.setattr(parts.Packer, "write", cut)
        with pytest.raises(PublisherError, match=r"places: postgresql://127.0.0.1:\d+/shop: .*terminat"):
            line.extract(shop.source())
    assert not list(line.store.list(""))
    assert line.run(shop.source()) == 60_000
    assert line.query("select count(distinct id) from raw.places") == [(60_000,)]


def test_a_large_table_is_one_delivery_of_one_moment(
    shop: Publisher, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shop, 10_000)
    proper = parts.read_chunk

    def disturbed(*asked: object) -> parts.Part:
        shop.do("delete from shop.orders where id = (select max(id) from shop.orders)")
        shop.do("insert into shop.orders select min(least(id, 0)) - 1, 'late', now() from shop.orders")
        return proper(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(parts, "read_chunk", disturbed)
    assert line.run(shop.source(data_size="large")) == 10_000
    assert line.query("select min(id::int), max(id::int), count(distinct id) from raw.places") == [
        (1, 10_000, 10_000)
    ]
    [(address,)] = line.query("select delivery_filename from metadata.delivery")
    with line.store.open(line.store.key(address)) as stored:
        assert stored.read().count(b"\x1f\x8b\x08") == 1 + 4  # the header, and four parts


@pytest.mark.parametrize(
    "setup",
    [
        pytest.param(["analyze shop.orders"], id="histogram"),
        pytest.param([], id="no statistics"),
        pytest.param(
            ["alter table shop.orders drop constraint orders_pkey", "alter table shop.orders alter id drop not null",
             "update shop.orders set id = null where id % 3 = 0", "analyze shop.orders"], id="null keys",
        ),
        pytest.param(
            ["alter table shop.orders alter id type text", "update shop.orders set id = 'é''\\' || id where id < '3'",
             "analyze shop.orders"], id="text",
        ),
        pytest.param(["truncate shop.orders"], id="empty"),
        pytest.param(["delete from shop.orders where id > 2"], id="fewer rows than parts"),
    ],
)  # fmt: skip
def test_the_parts_of_a_large_table_are_the_whole(shop: Publisher, line: Line, setup: list[str]) -> None:
    fill(shop, 1000)
    shop.do(*setup)
    proper = shop.ask("select id::text, name from shop.orders order by 1, 2")
    assert line.run(shop.source(data_size="large", options={"chunks": "7"})) == len(proper)
    if proper:
        assert line.query('select id, name from raw.places order by id collate "C", name') == sorted(
            proper, key=lambda row: ((row[0] is None, row[0]), row[1])
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"server": "127.0.0.1:1"},
            r"places: postgresql://127\.0\.0\.1:1/shop: .*refused.*lets in its username",
        ),
        ({"database_name": "nowhere"}, 'database "nowhere" does not exist'),
        ({"url_template": "postgres97://"}, "names postgres97, which SQLAlchemy does not know"),
        ({"url_template": "oracle+oracledb://"}, "driver of oracle.oracledb is not installed"),
        ({"url_template": "mysql+pymysql://"}, "options .* are not those of mysql.pymysql .*'sslmode'"),
        ({"server": "a:b:c"}, "conn_str shop_database makes no address"),
    ],
)
def test_a_database_that_cannot_be_reached_is_named(
    shop: Publisher, line: Line, change: dict[str, str], message: str
) -> None:
    source = shop.source(conn_str=replace(shop.conn_str, **change))
    with pytest.raises(PublisherError, match=message):
        line.extract(source)


def test_a_table_that_is_not_there_is_named(shop: Publisher, line: Line) -> None:
    with pytest.raises(PublisherError, match=r'places: .*relation "shop.orders" does not exist'):
        line.extract(shop.source())


def test_what_libpq_knows_of_our_own_database_stays_there(
    shop: Publisher, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shop, 1)
    monkeypatch.setenv("PGOPTIONS", "-c search_path=nowhere -c headwater.run_id=mine")
    source = shop.source(script="select *, current_setting('headwater.run_id', true) as run from shop.orders")
    line.run(source)
    assert line.query("select _rest ->> 'run' from raw.places") == [(None,)]


def test_what_a_conn_str_leaves_open_is_not_asked_of_the_environment(
    shop: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGHOST", "PGPORT", "PGSSLMODE", "PGCONNECT_TIMEOUT"):
        monkeypatch.setenv(name, "1")
    blank = replace(shop.conn_str, server="db.example.com", options=None)
    engine = engine_of(shop.source(conn_str=blank))
    _, message = engine.dialect.create_connect_args(engine.url)
    expected = {"host": "db.example.com", "port": 5432, "sslmode": "prefer", "connect_timeout": "10"}
    assert expected.items() <= message.items()
    with pytest.raises(
        PublisherError, match="places: no server and no username of the database, expected in its"
    ):
        engine_of(shop.source(conn_str=replace(blank, server=None, username=None)))


def test_what_a_conn_str_says_itself_holds(shop: Publisher, line: Line) -> None:
    fill(shop, 2)
    port = str(shop.conn_str.server).rpartition(":")[2]
    conn_str = replace(
        shop.conn_str,
        server=None,
        url_template=f"postgresql://127.0.0.1:{port}/?connect_timeout=3",
        options="sslmode=disable;options=-csearch_path=shop",
    )
    source = shop.source("orders", conn_str=conn_str)
    assert line.run(source) == 2
    assert engine_of(source).url.query["connect_timeout"] == "3"


READ_IT = """
import sys
from benchmarks.measure import peak_mib
from tests.extract.sources.sql.conftest import Publisher
from headwater.extract.sources import rdbms
from headwater.metadata.static.model import ConnStr

class Nowhere:
    size = 0
    def write(self, chunk): self.size += len(chunk)
    def restart(self): self.size = 0

server, database, user, data_size = sys.argv[1:]
conn_str = ConnStr("shop_database", "shop", server, database, user, None, "sslmode=disable", None, None)
source = Publisher(conn_str, None).source(data_size=data_size, incr_column="changed")
[offer] = rdbms.discover(source)
offer.fetch(offer, sink := Nowhere())
print(offer.fingerprint["records"], sink.size, round(peak_mib() * 1024))
"""


@pytest.mark.long
@pytest.mark.parametrize("size", ["small", "large"])
def test_memory_does_not_grow_with_the_table(shop: Publisher, size: str) -> None:
    conn = shop.conn_str
    asked = [
        sys.executable,
        "-c",
        READ_IT,
        str(conn.server),
        str(conn.database_name),
        str(conn.username),
        size,
    ]
    fill(shop, 1)
    few = subprocess.run(asked, capture_output=True, text=True, check=True, cwd=PROJECT)
    shop.do(
        "insert into shop.orders select n, md5(n || 'a') || md5(n || 'b') || md5(n || 'c') || md5(n || 'd'),"
        " timestamptz '2026-03-01Z' + n * interval '1 second' from generate_series(2, 1000000) as n",
        "analyze shop.orders",
    )
    many = subprocess.run(asked, capture_output=True, text=True, check=True, cwd=PROJECT)
    (_, _, idle_kib), (count, size_bytes, peak_kib) = (map(int, run.stdout.split()) for run in (few, many))
    assert count == 1_000_000
    assert size_bytes > 64 << 20  # packed
    assert peak_kib < 400 << 10
    assert peak_kib - idle_kib < 64 << 10
