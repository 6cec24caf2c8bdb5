"""Tables of databases: the catalog says the key and the types, and the command brings them to history."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.dialects import mysql

from headwater.extract.landing.store import ObjectStore
from headwater.metadata.errors import NewSourceRefused, PublisherError
from headwater.metadata.static.read import read_catalog
from headwater.new_source.begin import Given, prepare_proposal
from headwater.new_source.proposal import Proposal
from headwater.new_source.proposal_doubts import doubts_of, harmful_doubts_of
from headwater.new_source.table import _datatype
from headwater.new_source.write import write
from headwater.project import Project
from tests.extract.sources.sql.conftest import Publisher, file_shop, shop, shop_database  # noqa: F401
from tests.headwater.new_source.conftest import content_of
from tests.headwater.new_source.test_command import new_source
from tests.pipeline.project import make_project

CONN_STR = "conn_str,data_source,server,database_name,username,secret_ref,options,url_template,file_path"
ORDERS = """
create table shop.orders (
    country varchar(2) not null, number bigint not null, "Placed On" date, total numeric(12, 4), weight float4,
    is_paid boolean, state shop.state, tags text[], what jsonb, ident uuid, letter char(3), at_hour time,
    updated_at timestamptz not null default '2026-03-01Z', primary key (country, number)
)"""


@pytest.fixture
def project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shop: Publisher, file_shop: Publisher  # noqa: F811
) -> Project:  # fmt: skip
    """A project that knows how to reach a shop's Postgres and a bank's file, and no source."""
    server, user = shop.conn_str.server, shop.conn_str.username
    seeds = {
        "data_source": "data_source,data_source_type,description\nshop,rdbms,A shop\nbank,rdbms,A bank\n",
        "conn_str": f"{CONN_STR}\nshop_database,shop,{server},shop,{user},,sslmode=disable,,\n"
        f"bank_file,bank,,{file_shop.conn_str.database_name},,,,sqlite://,\n",
    }
    root = make_project(tmp_path / "town", seeds, {})
    monkeypatch.setenv("HEADWATER_PROJECT", str(root))
    return Project(root, tmp_path / "home")


@pytest.fixture
def orders(shop: Publisher) -> Publisher:  # noqa: F811
    shop.do(
        "create type shop.state as enum ('new', 'sent')",
        ORDERS,
        "comment on column shop.orders.total is 'What all of it costs, in euros'",
        "insert into shop.orders values ('DE', 1, '2026-02-28', 1.5, 0.25, true, 'new', '{a,b}', '{\"a\": 1}',"
        " '123e4567-e89b-12d3-a456-426614174000', 'x', '12:00')",
        "insert into shop.orders (country, number) values ('DE', 2), ('FR', 1)",
    )
    return shop


def proposed(project: Project, origin: str, tbl: str | None, given: Given | None = None) -> Proposal:
    options = {"tbl": tbl} if tbl else {}
    given = given or Given()
    return prepare_proposal(
        project, "orders", origin, Given(given.key, given.delivery_type, owner="shop", options=options)
    )


def types(proposal: Proposal) -> dict[str, str]:
    return {attribute.target_name: attribute.typed.datatype for attribute in proposal.attributes}


@pytest.mark.usefixtures("orders")
def test_the_catalog_of_a_postgres_says_key_types_and_what_columns_mean(project: Project) -> None:
    proposal = proposed(project, "shop_database", "shop.orders")
    assert proposal.key == ["country", "number"]
    assert list(types(proposal).values()) == [
        "varchar(2)", "bigint", "date", "numeric(12,4)", "real", "boolean", "text", "text", "jsonb", "uuid", "text",
        "time", "timestamptz",
    ]  # fmt: skip
    assert proposal.options == {"tbl": "shop.orders"}
    assert (proposal.delivery_type, proposal.size) == ("snapshot", 3)
    [doubt] = doubts_of(proposal)  # the catalog says the rest
    assert (doubt.is_harmful, doubt.rests_on) == (False, "--type delta reads what changed, by updated_at")
    [total] = [one for one in proposal.attributes if one.target_name == "total"]
    assert total.comment == "What all of it costs, in euros"


@pytest.mark.usefixtures("store")
def test_one_command_brings_a_table_to_history(project: Project, orders: Publisher, database: Engine) -> None:
    arguments: tuple[str, ...] = (
        "--from",
        "shop_database",
        "--option",
        "tbl=shop.orders",
        "--type",
        "delta",
        "--json",
    )
    unsettled = new_source(2, "orders", *arguments)
    assert "--incr-column updated_at" in unsettled.stderr
    assert json.loads(unsettled.stdout)["written"] == []
    arguments += ("--incr-column", "updated_at")
    facts = json.loads(new_source(0, "orders", *arguments).stdout)
    assert (facts["sources"][0]["loaded"], facts["failures"]) == (1, [])
    source = read_catalog(project.seeds).sources["orders"]
    assert source.tbl is not None
    assert (source.tbl.incr_column, source.tbl.data_size) == ("updated_at", "small")
    with database.connect() as connection:
        found = connection.execute(sa.text("select * from historical.orders order by 1, 2")).mappings().all()
        assert connection.scalar(sa.text("select count(*) from metadata.quarantined_row")) == 0
    assert len(found) == 3
    first = orders.ask('select "Placed On", total, weight, is_paid, what, ident::text, at_hour, updated_at'
                       " from shop.orders where country = 'DE' and number = 1")  # fmt: skip
    names = ("placed_on", "total", "weight", "is_paid", "what", "ident", "at_hour", "updated_at")
    assert [tuple(str(value) if name == "ident" else value for name, value in
                  ((name, found[0][name]) for name in names))] == first  # fmt: skip
    assert "What all of it costs, in euros" in (project.seeds / "attribute.csv").read_text()


@pytest.mark.parametrize(
    ("kind", "datatype"),
    [
        (mysql.BIGINT(unsigned=True), "numeric(20,0)"), (mysql.INTEGER(unsigned=True), "bigint"),
        (mysql.TINYINT(1), "smallint"), (mysql.MEDIUMINT(), "integer"), (mysql.DECIMAL(10, 2), "numeric(10,2)"),
        (mysql.FLOAT(), "double precision"), (mysql.DOUBLE(), "double precision"), (mysql.DATETIME(fsp=6), "timestamp"),
        (mysql.TIMESTAMP(fsp=3), "timestamp"), (mysql.VARCHAR(20), "varchar(20)"), (mysql.CHAR(3), "text"),
        (mysql.LONGTEXT(), "text"), (mysql.BLOB(), "text"), (mysql.BIT(8), "text"), (mysql.YEAR(4), "text"),
        (mysql.ENUM("a"), "text"), (mysql.TIME(fsp=6), "time"), (mysql.DATE(), "date"), (sa.types.NullType(), "text"),
    ],
)  # fmt: skip
def test_the_types_of_a_mariadb_are_ours_where_nothing_is_lost(
    kind: sa.types.TypeEngine[object], datatype: str
) -> None:
    assert _datatype(kind, mysql.dialect()).datatype == datatype


@pytest.mark.usefixtures("orders")
def test_a_large_table_is_known_by_its_statistics(project: Project, orders: Publisher) -> None:
    orders.do(
        "analyze shop.orders",
        "select pg_restore_relation_stats('schemaname', 'shop', 'relname', 'orders', 'reltuples', 2e6::real)",
    )
    proposal = proposed(project, "shop_database", "shop.orders", Given(delivery_type="delta"))
    assert proposal.size == 2_000_000
    assert [(doubt.about, doubt.is_harmful) for doubt in doubts_of(proposal)] == [
        ("incr_column", True), ("delivery_type", False),
    ]  # fmt: skip


def test_an_empty_table_has_a_catalog_too(project: Project, orders: Publisher) -> None:
    orders.do("truncate shop.orders")
    assert proposed(project, "shop_database", "shop.orders").key[0] == "country"


@pytest.mark.usefixtures("store", "database")
def test_a_file_of_sqlite_is_checked_by_its_values(project: Project, file_shop: Publisher) -> None:  # noqa: F811
    file_shop.do(
        "create table rates (currency text, day text, rate real, remark text)",
        "insert into rates values ('USD', '2026-03-01', 1.1, ''), ('JPY', '2026-03-01', 160.25, null),"
        " ('USD', '2026-03-02', 1.1, 'NA')",
    )
    proposal = proposed(project, "bank_file", "rates")
    assert proposal.key == ["currency", "day"]
    assert [kind.split("(")[0] for kind in types(proposal).values()] == ["text", "date", "numeric", "text"]
    assert [doubt.flag for doubt in harmful_doubts_of(proposal)] == ["--key currency,day"]
    arguments = ("rates", "--from", "bank_file", "--option", "tbl=rates", "--json")
    facts = json.loads(new_source(0, *arguments, *harmful_doubts_of(proposal)[0].flag.split()).stdout)
    assert [row["layers"]["historical"]["record_count"] for row in facts["deliveries"]] == [3]


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize(
    ("origin", "tbl", "message"),
    [
        ("shop_database", None, r"expected one of its tables: --option tbl=shop\.orders"),
        ("shop_database", "shop.order", r"no table shop\.order, expected .*shop\.orders"),
        ("bank_file", None, "expected one of its tables: --option tbl=NAME"),
    ],
)
def test_a_table_has_to_be_named(project: Project, origin: str, tbl: str | None, message: str) -> None:
    before = content_of(project)
    with pytest.raises(NewSourceRefused, match=message):
        proposed(project, origin, tbl)
    assert content_of(project) == before


def test_a_database_that_cannot_be_reached_is_named(project: Project) -> None:
    path = project.seeds / "conn_str.csv"
    path.write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", path.read_text()))
    with pytest.raises(PublisherError, match=r"shop_database: postgresql://127\.0\.0\.1:1/shop: "):
        proposed(project, "shop_database", "shop.orders")


@pytest.mark.usefixtures("orders", "store")
def test_a_query_is_left_to_a_person(project: Project, store: ObjectStore) -> None:
    given = Given(options={"sql_script": "newest"})
    with pytest.raises(NewSourceRefused, match="a query has no catalog"):
        prepare_proposal(project, "orders", "shop_database", given)
    assert not list(store.list(""))


@pytest.mark.parametrize("message", ['shop."User"', "shop.User"])
def test_a_table_whose_name_needs_quotes_is_proposed_in_quotes(
    project: Project, shop: Publisher, message: str  # noqa: F811
) -> None:  # fmt: skip
    shop.do(
        'create table shop."User" ("userId" integer primary key, name text)',
        "insert into shop.\"User\" values (1, 'a'), (2, 'b')",
        "comment on column shop.\"User\".name is ' {% if x %} {{ env_var(''HOME'') }} '",
    )
    with pytest.raises(NewSourceRefused, match=r'no table shop\.Users, expected .*shop\."User"'):
        proposed(project, "shop_database", "shop.Users")
    proposal = proposed(project, "shop_database", message)
    assert (proposal.options["tbl"], proposal.key) == ('shop."User"', ["user_id"])
    write(project, proposal)
    source = read_catalog(project.seeds).sources["orders"]
    assert source.tbl is not None
    assert source.tbl.name == 'shop."User"'
    assert source.attributes[1].description == "{% if x %} {{ env_var('HOME') }}"
