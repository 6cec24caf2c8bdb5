"""Every way to cut an answer into pages: what was read is what the API holds, or the reading fails as a whole."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from headwater.metadata.errors import PublisherError
from tests.extract.sources.api.conftest import Reader, fetched, records_of
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


# --------------------------------------------------------------------------- failures


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


# --------------------------------------------------------------------------- data that moves


def at_page(number: int, change: Callable[[], Any]) -> Callable[[int], None]:
    """Changes the data once, before the page of that number is answered."""
    done: list[int] = []

    def before_page(answered: int) -> None:
        if answered == number and not done:
            done.append(answered)
            change()

    return before_page


@pytest.mark.parametrize("pagination", ["page", "offset"])
@pytest.mark.parametrize("has_total", [True, False])
def test_a_record_that_comes_while_pages_are_read_makes_no_duplicate(
    reader: Reader, fill: Fill, api: Api, pagination: str, has_total: bool
) -> None:
    fill(25)
    api.rules.has_total = has_total
    new = {"id": 99, "name": "new", "changed": "2026-03-01T00:00:00Z"}
    api.rules.before_page = at_page(1, lambda: api.records.insert(0, new))
    source = reader.source(pagination, options={"total_path": "total"} if has_total else {})
    assert reader.read(source) == api.records
    assert len(api.pages_asked()) == 6


@pytest.mark.parametrize("pagination", ["page", "offset"])
@pytest.mark.parametrize("option", [{"total_path": "total"}, {"read_until_same": "true"}])
def test_a_record_that_goes_while_pages_are_read_loses_no_other(
    reader: Reader, fill: Fill, api: Api, pagination: str, option: dict[str, str]
) -> None:
    fill(25)
    api.rules.has_total = True
    api.rules.before_page = at_page(
        1, lambda: api.records.pop(0)
    )  # the first of page 2 is now the last of page 1
    assert reader.read(reader.source(pagination, options=option)) == api.records
    assert len(api.records) == 24


def test_a_record_that_moves_to_the_end_is_read_once(reader: Reader, fill: Fill, api: Api) -> None:
    fill(25)
    api.rules.has_total = True
    api.rules.before_page = at_page(2, lambda: api.records.append(api.records.pop(0) | {"name": "changed"}))
    assert reader.read(reader.source("page", options={"total_path": "total"})) == api.records


def test_duplicates_that_the_publisher_really_has_are_landed(reader: Reader, fill: Fill, api: Api) -> None:
    api.records = fill(25)
    api.records.append(dict(api.records[3]))
    assert reader.read(reader.source("page")) == api.records
    assert len(api.pages_asked()) == 6  # two readings agree


def test_data_that_never_holds_still_fails(reader: Reader, fill: Fill, api: Api) -> None:
    fill(25)
    api.rules.has_total = True
    api.rules.before_page = lambda answered: api.records.insert(0, {"id": 100 + answered, "changed": "x"})
    with pytest.raises(PublisherError) as message:
        reader.offers(reader.source("page", options={"total_path": "total"}))
    assert "places: its data moved while it was read, 4 times: the total changed from" in str(message.value)
    assert "Expected pages that hold still: run again at a quieter time" in str(message.value)


def test_a_total_that_is_never_reached_is_a_loss(reader: Reader, fill: Fill, api: Api) -> None:
    fill(30)
    api.rules.envelope = {"total": 4000}
    with pytest.raises(
        PublisherError, match="30 records came, and the total says 4000, in two readings that agree"
    ):
        reader.offers(reader.source("cursor", options={"total_path": "total"}))


def test_an_answer_without_its_total_is_an_error(reader: Reader, fill: Fill) -> None:
    fill(3)
    with pytest.raises(PublisherError, match=r"has no number of records at total \(total_path\)"):
        reader.offers(reader.source("page", options={"total_path": "total"}))


def test_the_last_record_may_be_the_cursor(reader: Reader, fill: Fill, api: Api) -> None:
    held = fill(25)
    for record in api.records:
        record["after"] = f"from-{record['id'] + 1}"
    assert [r["id"] for r in reader.read(reader.source("cursor", cursor_path="data.items.-1.after"))] == [
        r["id"] for r in held
    ]


def test_records_may_lie_in_an_odd_order(reader: Reader, fill: Fill, api: Api) -> None:
    fill(20)
    source = reader.source("page", options={"read_until_same": "true"})
    api.rules.before_page = at_page(2, api.records.reverse)
    [offer] = reader.offers(source)
    assert sorted(r["id"] for r in records_of(fetched(offer))) == list(range(20))


# --------------------------------------------------------------------------- how cursors end


@pytest.mark.parametrize("ends", ["null", "missing", "empty text", "itself", "on and on", "has_more"])
@pytest.mark.parametrize("count", [0, 9, 10, 25])
def test_a_cursor_may_end_in_every_way(reader: Reader, fill: Fill, api: Api, ends: str, count: int) -> None:
    held = fill(count)
    api.rules.ends, api.rules.has_total = ends, True
    more = {"has_more_path": "has_more"} if ends == "has_more" else {}
    assert reader.read(reader.source("cursor", options={"total_path": "total", **more})) == held
    full = max(1, -(-count // 10))
    beyond = {"itself": 1, "on and on": 3}.get(ends, 0)  # pages that are asked for in vain
    is_first_empty = not count and bool(beyond)
    assert len(api.pages_asked()) == full + beyond - (is_first_empty and ends == "on and on")


def test_an_empty_page_amid_others_is_not_the_end(reader: Reader, fill: Fill, api: Api) -> None:
    held = fill(25)
    empty = Answer(200, b'{"data": {"items": []}, "meta": {"next": "from-010"}}')
    api.rules.faults = [None, empty]
    assert reader.read(reader.source("cursor")) == held


@pytest.mark.parametrize(("says", "pages"), [("true", 2), ("false", 7)])
def test_the_metadata_says_what_empty_pages_mean(
    reader: Reader, fill: Fill, api: Api, says: str, pages: int
) -> None:
    held = fill(20)
    api.rules.faults = [
        None,
        *(
            Answer(200, json.dumps({"data": {"items": []}, "meta": {"next": cursor}}).encode())
            for cursor in ("from-11", "from-12", "from-13", "from-14", "from-010")
        ),
    ]
    source = reader.source("cursor", options={"empty_page_ends": says})
    assert reader.read(source) == (held if says == "false" else held[:10])
    assert len(api.pages_asked()) == pages


@pytest.mark.parametrize("pagination", ["page", "offset", "next_url"])
def test_other_pages_may_say_that_there_is_more(
    reader: Reader, fill: Fill, api: Api, pagination: str
) -> None:
    held = fill(20)
    api.rules.ends = "has_more"
    assert reader.read(reader.source(pagination, options={"has_more_path": "has_more"})) == held
    assert len(api.pages_asked()) == 2  # and no third one, to see that there is none


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"has_more": True, "meta": {"next": None}}, r"says on page 1 that there is more, and has nothing at meta"),
        ({"has_more": "maybe", "meta": {}}, r"has a string at has_more \(has_more_path\), expected true or false"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_about_more_is_an_error(
    reader: Reader, api: Api, body: dict[str, object], message: str
) -> None:
    api.rules.faults = [Answer(200, json.dumps({"data": {"items": [{"id": 1}]}, **body}).encode())] * 3
    with pytest.raises(PublisherError, match=message):
        reader.offers(reader.source("cursor", options={"has_more_path": "has_more"}))


def test_records_that_lead_to_themselves_are_an_error_still(reader: Reader, api: Api) -> None:
    same = json.dumps({"data": {"items": [{"id": 1}]}, "meta": {"next": "from-1"}}).encode()
    api.rules.faults = [Answer(200, same)] * 9
    with pytest.raises(PublisherError, match="leads in a cycle"):
        reader.offers(reader.source("cursor"))


def test_a_page_of_html_in_the_place_of_json_is_not_asked_for_again_and_again(
    reader: Reader, fill: Fill, api: Api
) -> None:
    fill(3)
    api.rules.faults = [Answer(200, b"<html>Log in</html>")] * 9
    with pytest.raises(PublisherError, match=r"its page 1 is HTML or XML, 3 times in a row: expected JSON"):
        reader.offers(reader.source("cursor"))
    assert len(reader.waits) == 2
