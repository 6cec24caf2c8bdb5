"""Databases to history: a table as a whole, what changed in another one, and a query on a file.

`orders` asks for what changed, `stock` is read as a whole in parts, and `rates` comes from a query on an SQLite file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.extract.sources.sql import parts
from headwater.home import make_home
from headwater.project import Project
from tests.extract.sources.sql.conftest import Publisher, shop, shop_database  # noqa: F401
from tests.pipeline.line import Line, of_source
from tests.pipeline.project import make_project
from tests.pipeline.seen import seen
from tests.pipeline.test_rest_api import counts

SECRET = "Pl4nted-password-of-the-shop"
SEEDS = {
    "data_source": "data_source,data_source_type,description\nshop,rdbms,A shop\nbank,rdbms,A file of its bank\n",
    "conn_str": """\
conn_str,data_source,server,database_name,username,secret_ref,options,url_template,file_path
shop_database,shop,${SHOP_SERVER},shop,${SHOP_USER},env:SHOP_KEY,sslmode=disable,,
bank_file,bank,,${BANK_FILE},,,,sqlite://,
""",
    "tbl": """\
tbl,data_source,incr_column,data_size
shop.orders,shop,changed,small
shop.stock,shop,,large
""",
    "sql_script": """\
sql_script,is_stored_proc,sql_text
newest_rates,false,"select currency, max(day) as day, rate from rates
group by currency"
""",
    "job": """\
job,is_etl,etl_steps,is_full_load,del_temp_data,job_type,schedule,after_job,owner,is_active,description,retries,retry_delay_s,timeout_min,max_active_runs,max_parallel
shop,true,ETL,false,false,batch,,,shop,true,The shop to history,,,,,
""",
    "source": """\
source,job,data_source,owner,schedule,geographic_granularity,delivery_type,extract_function,wrangle_function,\
quality_checks,load_new,load_changed,load_removed,on_null_key,on_duplicate_key,on_unknown_column,\
max_removed_pct,max_fallen_out_pct,description
orders,shop,shop,shop,hourly,shop,delta,,,,,,,,,,,,One row per order
stock,shop,shop,shop,hourly,shop,snapshot,,,,,,,,,,,,One row per article
rates,shop,bank,shop,daily,world,snapshot,,,,,,,,,,,,One row per currency
""",
    "attribute": """\
source,source_name,target_name,target_datatype,format,null_tokens,is_key,is_tracked,is_optional,description
orders,id,order_id,integer,,,true,,,Number of the order
orders,note,note,text,,,,,,What was said of it
orders,is_paid,is_paid,boolean,,,,,,Whether it was paid
orders,price,price_eur,"numeric(24,6)",,,,,,What it costs
orders,changed,changed_at,timestamptz,,,,false,,When it changed
stock,article,article,text,,,true,,,The article
stock,count,count,integer,,,,,,How many there are
stock,picture,picture,text,,,,,,What it looks like
rates,currency,currency,varchar(3),,,true,,,The currency
rates,day,day,date,,,,,,The day of its newest rate
rates,rate,rate,numeric,,,,,,That rate
""",
    "source_attribute": """\
source,name,value,valid_from
orders,tbl,shop.orders,
orders,lag_window,10 minutes,
stock,tbl,shop.stock,
stock,chunks,3,
rates,sql_script,newest_rates,
""",
}
MARTS = {
    "unpaid": "select order_id, note from {{ ref('hist_orders') }} where valid_to is null and not is_paid\n"
}


@pytest.fixture(scope="module")
def project_of_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("shop") / "shop", SEEDS, MARTS)


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "bank.db", isolation_level=None)
    connection.execute("create table rates (currency text, day text, rate numeric)")
    monkeypatch.setenv("BANK_FILE", str(tmp_path / "bank.db"))
    yield connection
    connection.close()


@pytest.fixture
def line(
    project_of_shop: Path, database: Engine, store: ObjectStore, tmp_path: Path, shop: Publisher,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> Line:  # fmt: skip
    assert shop.conn_str.server is not None
    monkeypatch.setenv("SHOP_SERVER", shop.conn_str.server)
    monkeypatch.setenv("SHOP_USER", shop.admit(SECRET))
    monkeypatch.setenv("SHOP_KEY", SECRET)
    shop.do(
        "create table shop.orders (id integer primary key, note text, is_paid boolean not null, price numeric,"
        " changed timestamptz default '2026-03-01Z')",
        "insert into shop.orders select n, case n % 3 when 0 then null when 1 then '' else 'ü' || n end, n % 2 = 0,"
        " n + 0.100000, timestamptz '2026-03-01Z' + n * interval '1 minute' from generate_series(1, 35) as n",
        "create table shop.stock (article text primary key, count integer, picture bytea)",
        r"insert into shop.stock select 'article ' || n, n, '\x00ff' from generate_series(1, 500) as n",
    )
    return Line(Project(project_of_shop, make_home(project_of_shop)), tmp_path, database, store)


def test_databases_to_history(
    line: Line, shop: Publisher, bank: sqlite3.Connection, capfd: pytest.CaptureFixture[str]  # noqa: F811
) -> None:  # fmt: skip
    bank.execute(
        "insert into rates values ('USD', '2026-03-01', 1.1), ('USD', '2026-03-02', 1.12), ('JPY', '2026-03-01', 160)"
    )
    line.ran_well()
    assert counts(line, "orders") == [(35, 35, 35, 0, 0, 0)]
    assert counts(line, "stock") == [(500, 500, 500, 0, 0, 0)]
    assert counts(line, "rates") == [(2, 2, 2, 0, 0, 0)]
    history = "select order_id, note, is_paid, price_eur, changed_at from historical.orders order by order_id"
    assert line.query(history) == shop.ask("select * from shop.orders order by id")
    assert line.query("select distinct picture from historical.stock") == [(r"\x00ff",)]
    assert line.query("select * from marts.unpaid where order_id in (1, 3) order by 1") == [
        (1, ""),
        (3, None),
    ]

    before = line.contents()
    assert [result.landed for result in line.ran_well().sources] == [0, 0, 0]
    assert line.contents() == before

    shop.do(
        "update shop.orders set note = 'changed', changed = '2026-03-01 01:00Z' where id = 3",
        "insert into shop.orders values (36, 'new', true, 1, '2026-03-01 01:01Z')",
        "delete from shop.stock where article = 'article 7'",
        "update shop.stock set count = 0 where article = 'article 8'",
    )
    bank.execute("insert into rates values ('JPY', '2026-03-03', 161)")
    line.ran_well()
    # the window from 00:25 on holds eleven orders (25 to 35) again: they change nothing
    assert counts(line, "orders")[1:] == [(13, 13, 1, 1, 0, 11)]
    assert counts(line, "stock")[1:] == [(499, 499, 0, 1, 1, 498)]
    assert counts(line, "rates")[1:] == [(2, 2, 0, 1, 0, 1)]
    current = (
        "select order_id, note, is_paid, price_eur, changed_at from historical.orders where valid_to is null"
    )
    assert line.query(f"{current} order by order_id") == shop.ask("select * from shop.orders order by id")

    message = capfd.readouterr()
    assert "Pl4nted" not in seen(line) + message.out + message.err


def test_a_server_that_goes_in_the_middle_and_the_next_run(
    line: Line, shop: Publisher, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    proper, gone = parts.Packer.write, False

    def cut(packer: parts.Packer, text: bytes) -> None:
        nonlocal gone
        if not gone:
            gone = True
            mine = "select pid from pg_stat_activity where datname = 'shop' and pid <> pg_backend_pid()"
            shop.ask(f"select pg_terminate_backend(pid, 5000) from ({mine}) as of_reader")
        proper(packer, text)

    monkeypatch.setattr(parts.Packer, "write", cut)
    shop.do(r"insert into shop.stock select 'more ' || n, n, '\x00' from generate_series(1, 20000) as n")
    [failure] = of_source(line.run("stock"), "stock").failures
    assert failure.startswith(f"stock: postgresql://{shop.conn_str.server}/shop: ")
    assert line.query("select count(*) from metadata.delivery") == [(0,)]
    line.ran_well("stock")
    assert counts(line, "stock") == [(20_500, 20_500, 20_500, 0, 0, 0)]
    assert line.query("select count(*) from historical.stock") == [(20_500,)]


def test_bad_input_has_its_message(line: Line, shop: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    shop.do("alter table shop.orders rename note to remark")
    [(_, halt)] = [(source, why) for source in line.run("orders").sources for why in source.halts]
    assert "'note' is missing" in str(halt)
    monkeypatch.setenv("SHOP_SERVER", "127.0.0.1:1")
    [failure] = of_source(line.run("stock"), "stock").failures
    assert "stock: postgresql://127.0.0.1:1/shop: " in failure
    assert "Connection refused" in failure
    monkeypatch.delenv("SHOP_KEY")
    [failure] = of_source(line.run("stock"), "stock").failures
    assert failure == "stock: the secret env:SHOP_KEY is not set, expected the environment variable SHOP_KEY"
