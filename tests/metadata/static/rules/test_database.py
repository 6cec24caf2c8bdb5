"""The rules of a source of a database, each with its message."""

from __future__ import annotations

import re

import pytest

from headwater.metadata.static.read import read_catalog
from tests.support.seeds import EditableSeeds

WINDOW = ":watermark_from"


def add(
    seeds: EditableSeeds, *options: str, kind: str = "delta", script: str = "select 1", proc: str = "false"
) -> None:
    """A good source of a table, with other options."""
    seeds.append("data_source", "shop,rdbms,A shop")
    seeds.append("conn_str", "shop_database,shop,db.example.org,shop,reader,env:SHOP_READER,,,")
    seeds.append("tbl", "shop.orders,shop,changed,large", "shop.things,shop,,small")
    seeds.append("sql_script", f'orders_of_shop,{proc},"{script}"')
    seeds.append("source", f"orders,sales,shop,retail,daily,shop,{kind},,,,,,,,,,,,An order")
    seeds.append("attribute", "orders,id,order_id,integer,,,true,,,Number of the order")
    seeds.append("source_attribute", *(f"orders,{option}," for option in options))


def test_a_good_source_of_a_table(seeds: EditableSeeds) -> None:
    add(seeds, "tbl,shop.orders", "lag_window,15 minutes", "first_watermark,2026-01-01", "chunks,8")
    assert seeds.messages() == []
    source = read_catalog(seeds.folder).sources["orders"]
    assert source.tbl is not None
    assert (source.tbl.incr_column, source.tbl.data_size, source.sql_script) == ("changed", "large", None)
    assert source.options["format"] == "copy_text"
    assert source.attributes[0].null_tokens == ()  # a database tells NULL from the empty text


def test_a_good_source_of_a_script(seeds: EditableSeeds) -> None:
    script = "select id::text from o where c >= :watermark_from"
    add(seeds, "sql_script,orders_of_shop", "tbl,shop.orders", "first_watermark,0", script=script)
    assert seeds.messages() == []
    found = read_catalog(seeds.folder).sources["orders"].sql_script
    assert found is not None
    assert found.sql_text == script


@pytest.mark.parametrize(
    ("options", "more", "message"),
    [
        ([], {}, 'source: "orders" has no tbl and no sql_script, expected one of the two options, to say what is read'),
        (["tbl,shop.order"], {}, 'value: tbl "shop.order" is not known, expected one of raw.cities, raw.sales,'
         " staging.stg_sales, shop.orders, shop.things (perhaps shop.orders)"),
        (["tbl,raw.sales"], {}, 'value: tbl "raw.sales" belongs to "till", expected a table of "shop"'),
        (["tbl,shop.things", "chunks,3"], {}, "name: chunks stands where all is read at once, expected a tbl of"
         " data_size large, and no sql_script"),
        (["tbl,shop.things", "lag_window,3"], {}, "name: lag_window stands where all is read each time, expected"
         " delivery_type delta, and a tbl that has an incr_column"),
        (["tbl,shop.orders", "first_watermark,3"], {"kind": "snapshot"}, "name: first_watermark stands where all is"
         " read each time, expected delivery_type delta, and a tbl that has an incr_column"),
        (["tbl,shop.orders", "file_pattern,x"], {}, "name: file_pattern stands for a source of type rdbms, expected"
         " a source of files"),
        (["tbl,shop.orders", "format,json"], {}, "value: a database has no files to read, expected no format"),
        (["tbl,shop.orders", "delimiter,;"], {}, "name: delimiter stands for a source of format copy_text, expected"
         " format csv"),
        (["tbl,shop.orders", "endpoint,x"], {}, "name: endpoint stands for a source of type rdbms, expected one of"
         " rest_api"),
        (["sql_script,orders"], {}, 'value: sql_script "orders" is not known, expected one of tidy, orders_of_shop'
         " (perhaps orders_of_shop)"),
        (["sql_script,orders_of_shop"], {"proc": "true"}, 'value: sql_script "orders_of_shop" is a procedure, expected'
         " a query"),
        (["sql_script,orders_of_shop"], {"script": "select :day"}, 'value: sql_script "orders_of_shop" asks for :day,'
         " expected no parameters but :watermark_from and :watermark_to"),
        (["sql_script,orders_of_shop"], {"script": "select :watermark_to"}, 'value: sql_script "orders_of_shop" asks'
         " for a watermark, expected delivery_type delta, and beside it the option tbl, of a table that has an"
         " incr_column"),
        (["sql_script,orders_of_shop", "tbl,shop.orders"], {}, 'value: sql_script "orders_of_shop" reads all each'
         " time, expected a condition with :watermark_from, or a source without an incr_column"),
        (["sql_script,orders_of_shop", "tbl,shop.orders"], {"script": "select :watermark_from"}, "value: sql_script"
         ' "orders_of_shop" has no :watermark_from the first time, expected the option first_watermark'),
    ],
)  # fmt: skip
def test_a_broken_one_gets_its_message(
    seeds: EditableSeeds, options: list[str], more: dict[str, str], message: str
) -> None:
    add(seeds, *options, **more)
    assert [answer.partition(": ")[2] for answer in seeds.messages()][:1] == [message]


def test_an_option_of_a_database_stands_for_no_other_source(seeds: EditableSeeds) -> None:
    seeds.append("source_attribute", "cities,tbl,raw.cities,")
    assert [message.partition(": ")[2] for message in seeds.messages()] == [
        "name: tbl stands for a source of type http_files, expected one of rdbms"
    ]


@pytest.mark.parametrize(
    ("conn_str", "messages"),
    [
        (",shop,,,,sqlite://,", []),
        (",,,,,sqlite:////var/shop.db,", []),
        ("db.example.org,shop,,,,mysql+pymysql://,", []),
        (",,,,,${SHOP_URL},", []),
        (",,,,,postgresql://db.example.org/shop,", []),
        (",,,,,sqlite://,", ["database_name: is blank, expected a database_name for a data source of type rdbms"]),
        (",shop,,,,,", ["server: is blank, expected a server for a data source of type rdbms"]),
        ("db.example.org,shop,,,,/var/shop.db,", ['url_template: "/var/shop.db" is not an address of a database,'
         " expected a dialect of SQLAlchemy such as postgresql://, sqlite:// or mysql+pymysql://"]),
        (",,,,,postgresql://me:Pa55word@db.example.org/shop,", ["url_template: holds a password, expected only its"
         " name, in secret_ref"]),
    ],
)  # fmt: skip
def test_a_connection_says_where_the_database_is(
    seeds: EditableSeeds, conn_str: str, messages: list[str]
) -> None:
    seeds.append("data_source", "shop,rdbms,A shop")
    seeds.append("conn_str", f"shop_database,shop,{conn_str}")
    assert [message.partition(": ")[2] for message in seeds.messages()] == messages


@pytest.mark.parametrize(
    ("conn_str", "messages"),
    [
        (",,,,,s3://depot/out/,", []),
        ("https://s3.example.org,,AKIADEPOT,env:DEPOT_SECRET,region=eu-west-1,s3://depot,", []),
        (",,,airflow:depot,,${DEPOT_BUCKET},", []),
        (",,,,,https://depot/out/,", ['url_template: "https://depot/out/" is not the address of a bucket, expected'
         " s3://bucket/prefix/ or ${NAME}…"]),
        (",,AKIADEPOT,,,s3://depot,", ["secret_ref: is blank beside a username, expected where the secret of the access"
         " key is"]),
        (",,,env:DEPOT_SECRET,,s3://depot,", ["username: is blank beside a secret_ref, expected the id of the access"
         " key"]),
    ],
)  # fmt: skip
def test_a_connection_says_which_bucket(seeds: EditableSeeds, conn_str: str, messages: list[str]) -> None:
    seeds.append("data_source", "depot,object_store,Files of the depot")
    seeds.append("conn_str", f"depot_files,depot,{conn_str}")
    assert [message.partition(": ")[2] for message in seeds.messages()] == messages


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("rdbms", "sslmode=verify-full; application_name = shop ;", None),
        ("rdbms", "options=-c search_path=shop -c jit=off", None),
        (
            "rdbms",
            "sslmode=verify-full application_name=shop",
            "application_name stands in the value of sslmode",
        ),
        (
            "rdbms",
            "sslmode=verify-full&application_name=shop",
            "application_name stands in the value of sslmode",
        ),
        ("rdbms", "sslmode=verify-full;sslmode=require", "sslmode comes twice"),
        ("rdbms", "verify-full", '"verify-full" is no option'),
        ("rdbms", "sslmode=;application_name=shop", '"sslmode=" is no option'),
        ("rdbms", "ssl mode=require", '"ssl mode=require" is no option'),
        ("object_store", "region=eu-west-1;anonymous=true", None),
        ("object_store", "region=${REGION}", None),
        ("object_store", "region=eu-west-1;regoin=x", "regoin is not an option of an object_store"),
        ("object_store", "anonymous=yes", 'anonymous is "yes"'),
        ("object_store", "region=eu-west-1 anonymous=true", "anonymous stands in the value of region"),
        ("kafka", "sasl.oauthbearer.config=principal=me scope=read;security.protocol=sasl_ssl", None),
        ("kafka", "group.id=mine", "group.id cannot be set in the options"),
        ("kafka", "security.protocol", '"security.protocol" is no option'),
    ],
)
def test_options_of_a_connection_are_read_in_one_way(
    seeds: EditableSeeds, kind: str, options: str, message: str | None
) -> None:
    place = {"rdbms": "postgresql://db/shop", "object_store": "s3://depot/", "kafka": ""}[kind]
    seeds.append("data_source", f"shop,{kind},A shop")
    seeds.append("conn_str", f"shop_place,shop,db.example.org,,,,{options},{place},")
    messages = [text for text in seeds.messages() if "options" in text]
    if message is None:
        assert messages == []
    else:
        [text] = messages
        assert re.match(rf"seeds/conn_str\.csv:\d+: options: {re.escape(message)}, expected ", text)
