"""A topic to history: every message once, the last word of a key, tombstones, and what is no message of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.home import make_home
from headwater.project import Project
from tests.pipeline.line import Line
from tests.pipeline.project import make_project
from tests.support.broker import Cluster, running

SEEDS = {
    "data_source": "data_source,data_source_type,description\nbus,kafka,The bus of the shop\n",
    "conn_str": """\
conn_str,data_source,server,database_name,username,secret_ref,options,url_template,file_path
bus,bus,${BUS},,,,socket.keepalive.enable=true,,
""",
    "job": """\
job,is_etl,etl_steps,is_full_load,del_temp_data,job_type,schedule,after_job,owner,is_active,description,retries,retry_delay_s,timeout_min,max_active_runs,max_parallel
stock,true,ETL,false,false,batch,,,shop,true,Stock to history,,,,,
""",
    "source": """\
source,job,data_source,owner,schedule,geographic_granularity,delivery_type,extract_function,wrangle_function,\
quality_checks,load_new,load_changed,load_removed,on_null_key,on_duplicate_key,on_unknown_column,\
max_removed_pct,max_fallen_out_pct,description
stock,stock,bus,shop,hourly,shop,delta,,,,,,,,last_wins,,,,One row per article
""",
    "attribute": """\
source,source_name,target_name,target_datatype,format,null_tokens,is_key,is_tracked,is_optional,description
stock,key,article,text,,,true,,,Name of the article
stock,value.shelf.count,count,integer,,,,,,How many there are
stock,value.price,price,"numeric(8,2)",,,,,,What it costs
""",
    "source_attribute": """\
source,name,value,valid_from
stock,topic,stock,
stock,dead_letter_topic,stock-dead,
stock,delete_column,tombstone,
stock,delete_values,true,
""",
}
MARTS = {"articles": "select article from {{ ref('hist_stock') }} where valid_to is null\n"}


@pytest.fixture(scope="module")
def bus() -> Iterator[Cluster]:
    with running() as cluster:
        cluster.topic(2, "stock")
        cluster.topic(1, "stock-dead")
        yield cluster


@pytest.fixture
def line(
    bus: Cluster, database: Engine, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Line:
    monkeypatch.setenv("BUS", bus.servers)
    project = make_project(tmp_path / "shop", SEEDS, MARTS)
    return Line(Project(project, make_home(project)), tmp_path, database, store)


def current(line: Line) -> list[tuple[object, ...]]:
    return line.query(
        'select article, count, price::text from historical."stock" where valid_to is null order by article'
    )


def test_messages_become_versions_and_a_tombstone_ends_one(line: Line, bus: Cluster) -> None:
    def stands(count: int | None, price: str) -> bytes:
        return f'{{"shelf": {{"count": {"null" if count is None else count}}}, "price": {price}}}'.encode()

    bus.produce(
        "stock", ("pen", stands(3, "1.10")), ("ink", stands(None, "12.00")), ("pen", stands(2, "1.10"))
    )
    bus.produce("stock", ("cup", stands(7, "4.5")), (b"oops", b"{"), partition=1)
    line.ran_well()
    assert current(line) == [("cup", 7, "4.50"), ("ink", None, "12.00"), ("pen", 2, "1.10")]
    [(name, facts)] = line.query("select publisher_name, fingerprint from metadata.delivery")
    assert (name, facts) == (f"stock-{5:020}.ndjson.gz", {"messages": 4, "dead_letters": 1})
    assert [value for _, value, _ in bus.read("stock-dead", 1)] == [b"{"]
    assert [(rule, key) for _, rule, _, key, _ in line.quarantine(name)] == [
        ("duplicate_key", {"article": "pen"})
    ]

    before = line.contents()
    line.ran_well()
    assert line.contents() == before

    bus.produce("stock", ("pen", None), ("ink", stands(1, "12.00")))
    line.ran_well()
    assert current(line) == [("cup", 7, "4.50"), ("ink", 1, "12.00")]
    assert line.query("select end_type from historical.stock where article = 'pen'") == [("removed",)]
    assert line.query(
        "select record_count, new_count, changed_count, delete_mark_count from metadata.delivery_status"
        " where layer = 'historical' order by delivery_sqn"
    ) == [(3, 3, 0, 0), (2, 0, 1, 1)]
