"""Every way to cut an answer into pages: what was read is what the API holds."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from io import BytesIO

import pytest

from tests.extract.sources.api.conftest import Reader, fetched
from tests.support.api_server import Api, Record
from tests.support.publisher import Answer

Fill = Callable[[int], list[Record]]
PAGINATIONS = ("none", "page", "offset", "cursor", "next_url", "link_header")


@pytest.mark.parametrize("pagination", PAGINATIONS)
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 35])
def test_what_is_read_is_what_the_api_holds(reader: Reader, fill: Fill, pagination: str, count: int) -> None:
    held = fill(count)
    assert reader.read(reader.source(pagination)) == held


@pytest.mark.parametrize("pagination", ["none", "page", "offset", "cursor"])
def test_what_is_asked_by_post_stands_in_the_payload(
    reader: Reader, fill: Fill, api: Api, pagination: str
) -> None:
    held = fill(25)
    source = reader.source(pagination, http_method="POST", payload_json='{"kind": "open"}')
    assert reader.read(source) == held
    assert {asked["kind"] for asked in api.pages_asked()} == {"open"}
    assert [r.path for r in api.requests] == ["/items"] * len(api.requests)


@pytest.mark.parametrize("pagination", ["page", "offset", "cursor", "next_url", "link_header"])
def test_a_server_that_gives_less_than_asked_for_is_read_to_its_end(
    reader: Reader, fill: Fill, api: Api, pagination: str
) -> None:
    api.rules.at_most = 4
    held = fill(30)
    assert reader.read(reader.source(pagination)) == held


@pytest.mark.parametrize("pagination", ["page", "offset"])
def test_the_total_ends_it_without_another_page(
    reader: Reader, fill: Fill, api: Api, pagination: str
) -> None:
    api.rules.has_total = True
    held = fill(20)
    assert reader.read(reader.source(pagination, options={"total_path": "total"})) == held
    assert len(api.pages_asked()) == 2


def test_pages_may_count_from_zero(reader: Reader, fill: Fill, api: Api) -> None:
    api.rules.first_page = 0
    held = fill(25)
    assert reader.read(reader.source("page", options={"first_page": "0"})) == held
    assert [asked["page"] for asked in api.pages_asked()] == ["0", "1", "2"]


def test_an_endpoint_may_have_parameters_of_its_own(reader: Reader, fill: Fill, api: Api) -> None:
    held = fill(5)
    source = reader.source(options={"endpoint": "/items?kind=open"}, api_url=f"{api.url}/", page_size=None)
    assert reader.read(source) == held
    assert api.pages_asked() == [{"kind": "open"}]


def test_equal_pages_make_an_equal_file(reader: Reader, fill: Fill) -> None:
    fill(25)
    source = reader.source("page")
    [one], [other] = reader.offers(source), reader.offers(source)
    assert fetched(one) == fetched(other)
    assert one.fingerprint == other.fingerprint
    assert one.fingerprint["pages"] == 3
    assert one.fingerprint["records"] == 25


@pytest.mark.parametrize("pagination", ["page", "offset", "cursor"])
def test_an_answer_without_content_has_no_records(
    reader: Reader, fill: Fill, api: Api, pagination: str
) -> None:
    held = fill(10)
    body = {"data": {"items": held}, "total": 10, "meta": {"next": "from-10"}}
    api.rules.faults = [Answer(204)]
    assert reader.read(reader.source(pagination)) == []
    api.rules.faults = [Answer(200, json.dumps(body).encode()), Answer(204)]
    assert reader.read(reader.source(pagination)) == held


def test_an_answer_may_begin_with_a_byte_order_mark(reader: Reader, fill: Fill, api: Api) -> None:
    held = fill(3)
    body = b"\xef\xbb\xbf" + json.dumps({"data": {"items": held}}).encode()
    api.rules.faults = [Answer(200, body)]
    source = reader.source("page")
    [offer] = reader.offers(source)
    with zipfile.ZipFile(BytesIO(fetched(offer))) as archive:
        assert archive.read("page-000001.json") == body
    assert offer.fingerprint["records"] == 3


def test_a_text_that_no_database_can_have_is_left_to_raw(reader: Reader, fill: Fill, api: Api) -> None:
    fill(3)
    api.records[1]["name"] = "a\0b"
    assert reader.read(reader.source("page")) == api.records
