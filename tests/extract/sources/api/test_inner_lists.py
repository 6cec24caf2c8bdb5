"""Records in lists within the elements of a page: pages, offsets and totals count the elements."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.extract.formats import json_values
from headwater.extract.sources.api import elements
from headwater.metadata.static.model import Source
from tests.extract.sources.api.conftest import Reader
from tests.support.api_server import Api, Record

LINES = {"record_path": "data.items[].lines[]"}


def orders(*counts: int) -> list[Record]:
    """Orders with so many lines each."""
    return [
        {"id": n, "changed": f"2026-03-01T00:{n:02}:00Z", "lines": [{"no": no} for no in range(count)]}
        for n, count in enumerate(counts)
    ]


def lines_of(reader: Reader, source: Source) -> list[tuple[int, int]]:
    return [(order["id"], line["no"]) for order in reader.read(source) for line in order["lines"]]


@pytest.mark.parametrize("pagination", ["page", "offset", "cursor"])
@pytest.mark.parametrize("has_total", [True, False])
def test_pages_whose_elements_hold_ever_fewer_records_are_all_read(
    reader: Reader, api: Api, pagination: str, has_total: bool
) -> None:
    api.records = orders(*[5] * 10, *[3] * 10, *[0] * 10, *[2] * 5)
    api.rules.has_total = has_total
    source = reader.source(pagination, options={**LINES, **({"total_path": "total"} if has_total else {})})
    held = [(order["id"], line["no"]) for order in api.records for line in order["lines"]]
    assert lines_of(reader, source) == held
    assert len(held) == 90
    [offer] = reader.offers(source)
    assert offer.fingerprint["records"] == 90


def test_offsets_count_elements(reader: Reader, api: Api) -> None:
    api.records = orders(*[5] * 25)
    lines_of(reader, reader.source("offset", options=LINES))
    assert [asked["page"] for asked in api.pages_asked()] == ["0", "10", "20"]


def test_what_is_around_records_is_digested_once(
    reader: Reader, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.records = orders(1000)
    written: list[int] = []
    proper = json_values.as_json

    def as_json(value: Any) -> str:
        text = proper(value)
        written.append(len(text))
        return text

    monkeypatch.setattr(elements, "as_json", as_json)
    assert len(lines_of(reader, reader.source("page", options=LINES))) == 1000
    assert sum(written) < 20_000


def test_another_line_is_another_delivery_and_an_element_without_any_is_none(
    reader: Reader, api: Api
) -> None:
    api.records = orders(3, 2)
    source = reader.source(options=LINES)
    [first] = reader.offers(source)
    api.records += orders(0, 0, 0)[2:]
    [second] = reader.offers(source)
    api.records[0]["lines"][0]["no"] = 7
    [third] = reader.offers(source)
    digests = [offer.fingerprint["records_sha256"] for offer in (first, second, third)]
    assert digests[0] == digests[1] != digests[2]
