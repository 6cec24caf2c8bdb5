"""Pages that fail, lead astray or never end: the reading fails as a whole, or is as if nothing had happened."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from headwater.metadata.errors import PublisherError
from tests.extract.sources.api.conftest import Reader
from tests.support.api_server import Api, Record
from tests.support.publisher import Answer

Fill = Callable[[int], list[Record]]
PAGINATIONS = ("none", "page", "offset", "cursor", "next_url", "link_header")


@pytest.mark.parametrize(
    "fault",
    [
        Answer(500),
        Answer(503, headers={"Retry-After": "3"}),
        Answer(429, headers={"Retry-After": "7"}),
        Answer(200, b'{"data": {"items": [{"id": 1}, {"i'),
        Answer(200, b'{"data": {"items": [', announced=900),
        Answer(200, b""),
        Answer(200, b"<html>Back soon</html>"),
    ],
    ids=["500", "503", "429", "truncated JSON", "body cut off", "nothing", "HTML"],
)
@pytest.mark.parametrize("pagination", PAGINATIONS)
def test_a_page_that_fails_once_is_asked_again(
    reader: Reader, fill: Fill, api: Api, pagination: str, fault: Answer
) -> None:
    held = fill(25)
    api.rules.faults = [fault] if pagination == "none" else [None, fault]
    assert reader.read(reader.source(pagination)) == held
    wait = fault.headers.get("Retry-After")
    assert reader.waits == [float(wait) if wait else 0.5]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Answer(500), "it answers 500 Internal Server Error, 3 times in a row: run again later"),
        (
            Answer(200, b'{"data": {"items": [{"i'),
            r"its page 2 is no JSON \(.*\), 3 times in a row: run again later",
        ),
        (
            Answer(404, b'{"message": "gone"}'),
            r'it answers 404 Not Found \(\{"message": "gone"\}\), expected records',
        ),
        (Answer(200, b'{"error": "quota"}'), r"page 2:1: .*'data'.* \(record_path data.items\)"),
        (Answer(429, headers={"Retry-After": "9999"}), "asks to wait 9999 seconds: run again then"),
    ],
)
def test_a_page_that_goes_on_failing_fails_all_of_it(
    reader: Reader, fill: Fill, api: Api, fault: Answer, message: str
) -> None:
    fill(25)
    api.rules.faults = [None, *[fault] * 3]
    with pytest.raises(PublisherError, match=message):
        reader.offers(reader.source("page"))


def test_an_api_that_leads_in_a_cycle_is_an_error(reader: Reader, fill: Fill, api: Api) -> None:
    fill(25)
    same = json.dumps({"data": {"items": [{"id": 1}]}, "meta": {"next": "from-10"}}).encode()
    api.rules.faults = [Answer(200, same)] * 9
    with pytest.raises(PublisherError, match=r"/items leads in a cycle: page 3 would be page 2 again"):
        reader.offers(reader.source("cursor"))
    next_url = json.dumps({"data": {"items": []}, "meta": {"next": f"{api.url}/items?size=10"}}).encode()
    api.rules.faults = [Answer(200, next_url)] * 9
    with pytest.raises(PublisherError, match="page 2 would be page 1 again"):
        reader.offers(reader.source("next_url"))


@pytest.mark.parametrize("pagination", ["page", "offset"])
def test_an_api_that_gives_every_page_alike_is_an_error(
    reader: Reader, fill: Fill, api: Api, pagination: str
) -> None:
    held = fill(10)
    api.rules.faults = [Answer(200, json.dumps({"data": {"items": held}}).encode())] * 9
    with pytest.raises(
        PublisherError, match=r"page 2 has the records of page 1, expected other ones: does it"
    ):
        reader.offers(reader.source(pagination))


def test_more_pages_than_allowed_are_an_error_and_not_an_end(reader: Reader, fill: Fill) -> None:
    held = fill(30)
    assert reader.read(reader.source("cursor", options={"max_pages": "3"})) == held
    with pytest.raises(PublisherError, match="more than 2 pages, expected an end, or a greater max_pages"):
        reader.offers(reader.source("cursor", options={"max_pages": "2"}))


def test_a_reading_may_be_as_large_as_its_source_allows(reader: Reader, fill: Fill, api: Api) -> None:
    fill(10)
    api.rules.envelope = {"padding": "x" * (1 << 20)}
    with pytest.raises(Exception, match="larger than 1 MiB, the most that the option max_file_mib allows"):
        reader.offers(reader.source("page", options={"max_file_mib": "1"}))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("file:///etc/passwd", "leads to a next page by file: at file:///etc/passwd, expected https"),
        (
            "http://127.0.0.1:9/items",
            r"the publisher leads to 127\.0\.0\.1:9, which is 127\.0\.0\.1, a loopback",
        ),
        ("//[bad/f", "leads to a next page that is no address"),
    ],
)
@pytest.mark.parametrize("pagination", ["next_url", "link_header"])
def test_a_next_page_leads_nowhere_else(
    reader: Reader, fill: Fill, api: Api, pagination: str, target: str, message: str
) -> None:
    fill(10)
    body = {"data": {"items": [{"id": 1}]}, "meta": {"next": target}}
    api.rules.faults = [Answer(200, json.dumps(body).encode(), {"Link": f'<{target}>; rel="next"'})]
    with pytest.raises(PublisherError, match=message):
        reader.offers(reader.source(pagination))


@pytest.mark.parametrize(
    ("pagination", "path", "message"),
    [
        (
            "cursor",
            "meta.nxt",
            r"/items has nothing at meta\.nxt \(cursor_path\) though its first page is full",
        ),
        ("next_url", "mata.next", r"has nothing at mata\.next \(cursor_path\) though its first page is full"),
        (
            "cursor",
            "meta",
            r"has an object at meta \(cursor_path\), expected what leads to the next page, or null",
        ),
        ("next_url", "data.items", r"has a list at data\.items \(cursor_path\)"),
        ("cursor", "more", r"has true at more \(cursor_path\)"),
    ],
)
def test_a_cursor_path_that_leads_nowhere_is_no_end(
    reader: Reader, fill: Fill, api: Api, pagination: str, path: str, message: str
) -> None:
    fill(25)
    api.rules.envelope = {"more": True}
    with pytest.raises(PublisherError, match=message):
        reader.offers(reader.source(pagination, cursor_path=path))


@pytest.mark.parametrize("meta", [{}, {"meta": None}, {"meta": {"next": None}}, {"meta": {"next": ""}}])
@pytest.mark.parametrize("count", [10, 9])
def test_an_end_may_be_told_in_many_ways(
    reader: Reader, fill: Fill, api: Api, meta: Record, count: int
) -> None:
    held = fill(count)
    body = {"data": {"items": held}, "total": count, **meta}
    api.rules.faults = [Answer(200, json.dumps(body).encode())]
    options = {"total_path": "total"} if count == 10 else {}  # a full page that says nothing more needs it
    assert reader.read(reader.source("cursor", options=options)) == held


@pytest.mark.parametrize(
    "message",
    [
        'rel="next last"',
        "REL=next",
        'title="a=b, c; d"; rel="next"',
        'type="x" ; Rel = "prev Next"',
    ],
)
def test_the_next_link_may_be_written_in_many_ways(
    reader: Reader, fill: Fill, api: Api, message: str
) -> None:
    held = fill(25)
    link = f'<{api.url}/items?size=1>; rel="first", </items?size=10&after=from-10>; {message}'
    body = {"data": {"items": held[:10]}}
    api.rules.faults = [Answer(200, json.dumps(body).encode(), {"Link": link})]
    assert reader.read(reader.source("link_header")) == held


def test_a_page_of_html_in_the_place_of_json_is_not_asked_for_again_and_again(
    reader: Reader, fill: Fill, api: Api
) -> None:
    fill(3)
    api.rules.faults = [Answer(200, b"<html>Log in</html>")] * 9
    with pytest.raises(PublisherError, match=r"its page 1 is HTML or XML, 3 times in a row: expected JSON"):
        reader.offers(reader.source("cursor"))
    assert len(reader.waits) == 2
