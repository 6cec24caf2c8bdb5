"""The rules of a source of an API, each with its message."""

from __future__ import annotations

import pytest

from headwater.metadata.static.read import read_catalog
from tests.support.seeds import EditableSeeds

OPTIONS = {
    "conn_str": "crm_customers", "record_path": "data", "watermark_path": "changed", "lag_window": "15 minutes",
    "read_until_same": "true",
}  # fmt: skip


def add(seeds: EditableSeeds, without: str | None = None, **options: str) -> None:
    """A good source of the API, with other options."""
    seeds.append("source", "customers,sales,crm,retail,daily,shop,delta,,,,,,,,,,,,A customer")
    seeds.append("attribute", "customers,id,customer,integer,,,true,,,Number of the customer")
    facts = {name: value for name, value in {**OPTIONS, **options}.items() if name != without}
    seeds.append("source_attribute", *(f"customers,{name},{value}," for name, value in facts.items()))


def test_a_good_source_of_an_api(seeds: EditableSeeds) -> None:
    add(seeds, auth="header", auth_name="X-Token", token_path="data.token", first_page="0")
    assert seeds.messages() == []
    source = read_catalog(seeds.folder).sources["customers"]
    assert source.conn_api is not None
    assert (source.conn_api.name, [api.name for api in source.token_apis]) == ("crm_customers", ["crm_token"])
    assert (source.options["format"], source.options["zip_members"]) == ("json", "all")
    assert "format" not in read_catalog(seeds.folder).sources["cities"].options


@pytest.mark.parametrize(
    ("without", "options", "message"),
    [
        ("read_until_same", {}, 'source: "customers" is read by page, and pages may shift while they are read,'
         " expected total_path, where each answer tells how many records there are; or read_until_same true, to"
         " read until two readings agree; or read_until_same false, to take the risk of losing records"),
        ("watermark_path", {}, 'source: "customers" asks for what changed, and has no watermark_path, expected'
         " watermark_path: where each record says when it changed"),
        (None, {"lag_window": "a while"}, 'value: lag_window "a while" is not a time, expected one such as 15 minutes'
         " or 2 days, or a number where watermarks are numbers"),
        (None, {"auth": "header"}, "value: auth header has no auth_name, expected the name of the header part"),
        (None, {"auth_name": "key"}, "name: auth_name stands alone, expected auth header or query"),
        (None, {"auth": "digest"}, 'value: auth "digest" is not known, expected one of bearer, basic, header, query'),
        ("record_path", {"format": "csv"}, "value: an API is read as JSON, expected json, or no format"),
        (None, {"file_pattern": "x"}, "name: file_pattern stands for a source of type rest_api,"
         " expected a source of files"),
        (None, {"max_pages": "many"}, 'value: max_pages "many" is not a whole number from 1, expected 1, 2, 3 …'),
    ],
)  # fmt: skip
def test_a_broken_one_gets_its_message(
    seeds: EditableSeeds, without: str | None, options: dict[str, str], message: str
) -> None:
    add(seeds, without, **options)
    assert [answer.partition(": ")[2] for answer in seeds.messages()][:1] == [message]


def test_an_option_of_an_api_stands_for_no_other_source(seeds: EditableSeeds) -> None:
    seeds.append("source_attribute", "cities,total_path,total,")
    assert [message.partition(": ")[2] for message in seeds.messages()] == [
        "name: total_path stands for a source of type http_files, expected one of rest_api"
    ]


def test_watermarks_need_an_api_that_is_asked_for_what_changed(seeds: EditableSeeds) -> None:
    seeds.edit("conn_api", "per_page,100,,,true,since", "per_page,100,,,false,")
    add(seeds, "lag_window")
    assert [message.partition(": ")[2] for message in seeds.messages()] == [
        "name: watermark_path stands for an API that is read as a whole, expected use_incremental true in conn_api.csv"
    ]


def test_a_snapshot_is_more_than_what_changed(seeds: EditableSeeds) -> None:
    add(seeds)
    seeds.edit("source", "retail,daily,shop,delta,,,,,", "retail,daily,shop,snapshot,,,,,")
    assert [message.partition(": ")[2] for message in seeds.messages()] == [
        "delivery_type: is snapshot, and only what changed is asked for, expected delta"
    ]


def test_a_secret_that_nobody_knows_how_to_send(seeds: EditableSeeds) -> None:
    seeds.edit("conn_api", "customers,GET,true,,", "customers,GET,false,env:CRM_KEY,")
    seeds.edit("conn_api", "crm_customers,crm,crm_token,", "crm_customers,crm,,")
    add(seeds)
    assert [message.partition(": ")[2] for message in seeds.messages()] == [
        'source: how the secret of "crm_customers" travels is not said, expected the option auth: bearer, basic,'
        " header or query"
    ]


def test_a_token_and_a_secret_beside_it(seeds: EditableSeeds) -> None:
    seeds.edit("conn_api", "customers,GET,true,,", "customers,GET,true,env:CRM_KEY,")
    assert [message.partition(": ")[2] for message in seeds.messages()] == [
        "secret_ref: stands beside a parent_conn_api, expected a blank cell: the secret of the parent_conn_api"
    ]
