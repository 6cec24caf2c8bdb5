"""An API to history: what changed comes, what did not makes no delivery, and the secret is seen nowhere.

`orders` asks for what changed, `order_lines` takes the lists inside them, and `stock` is read as a whole each time,
with a token that does not last.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from headwater.extract.http.exchange import Patience
from headwater.extract.landing.store import ObjectStore
from headwater.extract.sources import rest_api
from headwater.home import make_home
from headwater.project import Project
from tests.pipeline.line import Line, of_source
from tests.pipeline.project import make_project
from tests.pipeline.seen import seen
from tests.support.api_server import Api
from tests.support.publisher import Answer

SECRET = "Pl4nted-secret-of-the-shop"
SEEDS = {
    "data_source": "data_source,data_source_type,description\nshop,rest_api,A shop\ndepot,rest_api,Its depot\n",
    "conn_api": """\
conn_api,data_source,parent_conn_api,api_url,http_method,need_token,secret_ref,payload_json,pagination_type,\
page_param_name,per_page_param_name,page_size,cursor_param_name,cursor_path,use_incremental,modified_since_param
shop_items,shop,,${SHOP_API}/items,GET,false,env:SHOP_KEY,,page,page,size,10,,,true,since
depot_token,depot,,${DEPOT_API}/token,POST,false,env:SHOP_KEY,"{""client_secret"": ""${SECRET}""}",none,,,,,,,
depot_items,depot,depot_token,${DEPOT_API}/items,GET,true,,,cursor,,size,10,after,meta.next,,
""",
    "job": """\
job,is_etl,etl_steps,is_full_load,del_temp_data,job_type,schedule,after_job,owner,is_active,description,retries,retry_delay_s,timeout_min,max_active_runs,max_parallel
shop,true,ETL,false,false,batch,,,shop,true,The shop to history,,,,,
""",
    "source": """\
source,job,data_source,owner,schedule,geographic_granularity,delivery_type,extract_function,wrangle_function,\
quality_checks,load_new,load_changed,load_removed,on_null_key,on_duplicate_key,on_unknown_column,\
max_removed_pct,max_fallen_out_pct,description
orders,shop,shop,shop,hourly,shop,delta,,,,,,,,last_wins,,,,One row per order
order_lines,shop,shop,shop,hourly,shop,delta,,,,,,,,last_wins,,,,One row per line of an order
stock,shop,depot,shop,hourly,shop,snapshot,,,,,,,,,,,,One row per article
""",
    "attribute": """\
source,source_name,target_name,target_datatype,format,null_tokens,is_key,is_tracked,is_optional,description
orders,id,order_id,integer,,,true,,,Number of the order
orders,buyer.name,buyer,text,,,,,,Who buys
orders,changed,changed_at,timestamptz,,,,false,,When it changed
order_lines,^.id,order_id,integer,,,true,,,Number of the order
order_lines,no,line_no,integer,,,true,,,Number of the line
order_lines,price,price_eur,"numeric(8,2)",,,,,,What it costs
stock,id,article,integer,,,true,,,Number of the article
stock,count,count,integer,,,,,,How many there are
""",
    "source_attribute": """\
source,name,value,valid_from
orders,record_path,data.items,
orders,total_path,total,
orders,watermark_path,changed,
orders,lag_window,10 minutes,
orders,auth,query,
orders,auth_name,api_key,
order_lines,record_path,data.items[].lines[],
order_lines,read_until_same,true,
order_lines,watermark_path,^.changed,
order_lines,lag_window,10 minutes,
order_lines,auth,header,
order_lines,auth_name,api_key,
stock,conn_str,depot_items,
stock,record_path,data.items,
""",
}
MARTS = {"buyers": "select order_id, buyer from {{ ref('hist_orders') }} where valid_to is null\n"}


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with Api.running() as api:
        api.rules.pagination, api.rules.has_total, api.rules.key = "page", True, ("api_key", SECRET)
        monkeypatch.setenv("SHOP_API", api.url)
        monkeypatch.setenv("SHOP_KEY", SECRET)
        yield api


@pytest.fixture
def depot(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with Api.running() as api:
        api.rules.pagination, api.rules.login = "cursor", f"clerk:{SECRET}"
        api.rules.token, api.rules.lives = "none yet", 2
        monkeypatch.setenv("DEPOT_API", api.url)
        yield api


@pytest.fixture(scope="module")
def project_of_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("shop") / "shop", SEEDS, MARTS)


@pytest.fixture
def line(
    project_of_shop: Path,
    database: Engine,
    store: ObjectStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Line:
    quick, proper = Patience(attempts=2, read_timeout_s=2, sleep=lambda _: None), rest_api.discover
    monkeypatch.setattr(rest_api, "discover", lambda source, landed: proper(source, landed, quick))
    return Line(Project(project_of_shop, make_home(project_of_shop)), tmp_path, database, store)


def order(number: int, minute: int, buyer: str, *prices: str) -> dict[str, Any]:
    lines = [{"no": no, "price": float(price)} for no, price in enumerate(prices, 1)]
    changed = f"2026-03-01T{minute // 60:02}:{minute % 60:02}:00Z"
    return {"id": number, "buyer": {"name": buyer, "city": "Ulm"}, "changed": changed, "lines": lines}


def counts(line: Line, source: str) -> list[tuple[Any, ...]]:
    """Of every delivery: records in raw and staging, and what became of them in history."""
    return line.query(
        "select r.record_count, s.record_count, h.new_count, h.changed_count, h.removed_count, h.unchanged_count"
        " from metadata.delivery d"
        " join metadata.delivery_status r on r.delivery_sqn = d.delivery_sqn and r.layer = 'raw'"
        " join metadata.delivery_status s on s.delivery_sqn = d.delivery_sqn and s.layer = 'staging'"
        " join metadata.delivery_status h on h.delivery_sqn = d.delivery_sqn and h.layer = 'historical'"
        " where d.source = :source order by d.delivery_sqn",
        source=source,
    )


def test_an_api_to_history(line: Line, shop: Api, depot: Api, capfd: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    shop.records = [order(n, n, f"buyer {n}", "1.50", "20") for n in range(35)]
    depot.records = [{"id": n, "count": n * 10} for n in range(25)]
    line.ran_well()
    assert counts(line, "orders") == [(35, 35, 35, 0, 0, 0)]
    assert counts(line, "order_lines") == [(70, 70, 70, 0, 0, 0)]
    assert counts(line, "stock") == [(25, 25, 25, 0, 0, 0)]
    prices = "select order_id, line_no, price_eur::text from historical.order_lines order by 1, 2 limit 2"
    assert line.query(prices) == [
        (0, 1, "1.50"), (0, 2, "20.00"),
    ]  # fmt: skip

    before = line.contents()
    again = line.ran_well()
    assert [result.landed for result in again.sources] == [0, 0, 0]
    assert line.contents() == before

    shop.records[3] = order(3, 60, "another buyer", "1.50", "21")
    shop.records.append(order(35, 61, "buyer 35", "5"))
    depot.records = [{"id": n, "count": n * 10 + (n == 4)} for n in range(1, 25)]
    depot.rules.headers = {"Date": format_datetime(now + timedelta(hours=1), usegmt=True)}
    line.ran_well()
    # the window from 00:24 on holds eleven orders (24 to 34) again, or ten where one of them changed
    assert counts(line, "orders")[1:] == [(13, 13, 1, 1, 0, 11)]
    assert counts(line, "order_lines")[1:] == [(25, 25, 1, 1, 0, 23)]
    assert counts(line, "stock")[1:] == [(24, 24, 0, 1, 1, 23)]
    assert line.query("select order_id, buyer from marts.buyers where order_id in (3, 35) order by 1") == [
        (3, "another buyer"), (35, "buyer 35"),
    ]  # fmt: skip
    assert line.query("select count(*) from historical.orders where valid_to is null") == [(36,)]

    message = capfd.readouterr()
    everything = seen(line) + message.out + message.err
    assert "Pl4nted" not in everything
    assert "token-of-the-day" not in everything


def test_a_failure_in_the_middle_and_the_next_run(line: Line, shop: Api, depot: Api) -> None:
    shop.records = [order(n, n, f"buyer {n}", "1.50") for n in range(35)]
    depot.records = [{"id": n, "count": n} for n in range(25)]
    shop.rules.faults = [None, None, *[Answer(500, f"bad key {SECRET}".encode())] * 2]
    result = line.run("orders", "stock")
    [failure] = of_source(result, "orders").failures
    assert failure == (
        f"orders: {shop.url}/items: it answers 500 Internal Server Error (bad key [secret]), 2 times in a row:"
        " run again later."
    )
    assert of_source(result, "stock").loaded == 1
    assert line.query("select count(*) from metadata.delivery where source = 'orders'") == [(0,)]
    line.ran_well("orders")
    assert counts(line, "orders") == [(35, 35, 35, 0, 0, 0)]
    assert "Pl4nted" not in seen(line)


def test_bad_input_has_its_message(
    line: Line, shop: Api, depot: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.records = [
        order(1, 1, "one"),
        {"id": "two", "buyer": {"name": "two"}, "changed": "2026-03-01T00:02:00Z"},
    ]
    line.run("orders")
    assert line.query("select rule, column_name, row ->> 'id' from metadata.quarantined_row") == [
        ("type", "order_id", "two")
    ]
    monkeypatch.delenv("SHOP_KEY")
    [failure] = of_source(line.run("order_lines"), "order_lines").failures
    assert failure == (
        "order_lines: the secret env:SHOP_KEY is not set, expected the environment variable SHOP_KEY"
    )
    depot.rules.faults = [Answer(200, b'{"data": {"rows": []}}')]
    monkeypatch.setenv("SHOP_KEY", SECRET)
    [failure] = of_source(line.run("stock"), "stock").failures
    assert failure.startswith(f"stock: {depot.url}/items page 1:1: ")
    assert "record_path data.items" in failure
