"""Data that moves while its pages are read: no record is read twice, and none is lost in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headwater.metadata.errors import PublisherError
from tests.extract.sources.api.conftest import Reader, fetched, records_of
from tests.support.api_server import Api, Record

Fill = Callable[[int], list[Record]]
PAGINATIONS = ("none", "page", "offset", "cursor", "next_url", "link_header")


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
