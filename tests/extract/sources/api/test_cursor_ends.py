"""How cursors end, and what is no end."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from headwater.metadata.errors import PublisherError
from tests.extract.sources.api.conftest import Reader
from tests.support.api_server import Api, Record
from tests.support.publisher import Answer

Fill = Callable[[int], list[Record]]


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
