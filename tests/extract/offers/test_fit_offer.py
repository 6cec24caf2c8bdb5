"""Facts that a publisher tells: those that cannot be put on record are refused, and no others."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.extract.offers.fit_offer import fit_fingerprint, fit_offer
from headwater.extract.offers.offer import Offer, Sink
from headwater.extract.run import ExtractSummary, extract_source
from headwater.metadata.errors import PublisherError
from headwater.metadata.static.model import Source
from tests.support.hostile import FILE_NAMES, HEADERS, params
from tests.support.publisher import Publisher
from tests.support.sources import DATE, make_source

SOURCE = make_source()
WHY = {
    "nul": "its name has a NUL, which no table can have",
    "no_utf8": "its name is no text in UTF-8",
    "8000_characters": "its name has 8,012 bytes, expected 1,024 at most",
}
GOOD = "20260105-good.csv"
CONTENT = b"id,name\n1,Ulm\n"
PATTERN = {"file_pattern": r"(?P<date>20260[0-9]{3}).*\.(csv|exe)$"}


def fetch_nothing(offer: Offer, sink: Sink) -> Offer:
    sink.write(b"x")
    return offer


def offer(name: str = "f.csv", **more: Any) -> Offer:
    return Offer(name, "sftp://x/f", DATE, more.pop("fingerprint", {}), fetch_nothing, **more)


@pytest.mark.parametrize(("name", "why"), [(FILE_NAMES[entry], why) for entry, why in WHY.items()], ids=WHY)
def test_a_name_that_cannot_be_stored_is_refused_by_source_address_and_value(name: str, why: str) -> None:
    with pytest.raises(PublisherError) as refused:
        fit_offer(SOURCE, offer(name))
    message = str(refused.value)
    assert message.startswith("places: the publisher offers '")
    assert f"at sftp://x/f: {why}" in message
    assert message.isprintable()
    assert len(message) < 300


@pytest.mark.parametrize("name", params(FILE_NAMES, leaving_out=WHY))
def test_any_other_name_is_taken_as_it_is(name: str) -> None:
    assert fit_offer(SOURCE, offer(name)).publisher_name == name


def test_names_are_as_long_as_an_index_can_hold_them() -> None:
    assert fit_offer(SOURCE, offer("ü" * 512))
    with pytest.raises(PublisherError, match="its name has 1,025 bytes, expected 1,024 at most"):
        fit_offer(SOURCE, offer("ü" * 512 + "x"))


@pytest.mark.parametrize("field", ["watermark_from", "watermark_to"])
@pytest.mark.parametrize("value", ["a\0b", "\udce9", ["a\0b"], {"a\0b": 1}])
def test_a_watermark_that_cannot_be_stored_is_refused(field: str, value: Any) -> None:
    watermark: dict[str, Any] = {field: {"changed_at": value}}
    with pytest.raises(PublisherError, match=r"its watermark changed_at .* has a NUL or half a character"):
        fit_offer(SOURCE, replace(offer("a"), **watermark))


def test_a_date_without_a_zone_is_refused() -> None:
    with pytest.raises(
        PublisherError, match="its date 2026-03-01 00:00:00 has no time zone, expected one in UTC"
    ):
        fit_offer(SOURCE, replace(offer(), delivery_date=datetime(2026, 3, 1)))  # noqa: DTZ001


def test_what_is_only_compared_is_remembered_by_its_digest_where_it_cannot_be_stored() -> None:
    payload = {"etag": HEADERS["nul"], "last_modified": "\udce9", "size": 3, "other": "ü" * 1025}
    fit = fit_fingerprint(payload)
    assert fit["size"] == 3
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", fit[name]) for name in ("etag", "last_modified", "other"))
    assert fit_fingerprint(payload) == fit
    assert fit_fingerprint({**payload, "etag": '"a\0c"'})["etag"] != fit["etag"]
    plain = {"etag": HEADERS["high_bytes"], "last_modified": HEADERS["escape"], "size": 3}
    assert fit_fingerprint(plain) == plain


class Extraction:
    """Extracts one source, and keeps what it said."""

    def __init__(self, engine: Engine, store: ObjectStore, job_inst_id: int, source: Source) -> None:
        self.engine, self.store, self.job_inst_id, self.source = engine, store, job_inst_id, source

    def run(self) -> ExtractSummary:
        return extract_source(self.engine, self.store, self.source, self.job_inst_id, lambda *_, **__: None)

    def landed(self) -> list[str]:
        ask = sa.text("select publisher_name from metadata.delivery order by 1")
        with self.engine.connect() as connection:
            return list(connection.scalars(ask))


Make = Callable[[Source], Extraction]


@pytest.fixture
def make(database: Engine, store: ObjectStore, job_inst_id: int) -> Make:
    return lambda source: Extraction(database, store, job_inst_id, source)


def test_a_page_of_hostile_links_lands_what_can_be_landed_and_names_the_rest(
    make: Make, publisher: Publisher
) -> None:
    links = [quote(name, errors="surrogateescape") for name in FILE_NAMES.values() if "/" not in name]
    publisher.page("/", *(f'<a href="{link}">x</a>' for link in [*links, GOOD]))
    publisher.files.update({f"/{link}": CONTENT for link in [*links, GOOD]})
    extraction = make(make_source(address=f"{publisher.url}/", options=PATTERN))
    first = extraction.run()
    assert (first.failed, GOOD in extraction.landed()) == ([], True)
    assert sorted(message.partition(": its name ")[2][:8] for message in first.refused) == [
        "has 8,01",
        "has a NU",
    ]
    for message in first.refused:
        assert publisher.url in message
        assert message.isprintable()
    again = extraction.run()
    assert (again.refused, again.landed, again.failed) == (first.refused, [], [])

    publisher.page("/", f'<a href="{GOOD}">x</a>', '<a href="20260106.csv">x</a>')
    publisher.files["/20260106.csv"] = b"id,name\n2,Bonn\n"
    mended = extraction.run()
    assert (mended.refused, mended.failed) == ([], [])
    assert [one.publisher_name for one in mended.landed] == ["20260106.csv"]


@pytest.mark.parametrize("text", params(HEADERS))
@pytest.mark.parametrize("header", ["ETag", "Last-Modified"])
def test_a_header_of_any_kind_lands_once_and_once_more_when_it_changes(
    make: Make, publisher: Publisher, header: str, text: str
) -> None:
    publisher.page("/", f'<a href="{GOOD}">x</a>')
    publisher.files[f"/{GOOD}"] = CONTENT
    plain = {"ETag": "", "Last-Modified": "Mon, 05 Jan 2026 00:00:00 GMT"}
    publisher.headers[f"/{GOOD}"] = {**plain, header: text}
    extraction = make(make_source(address=f"{publisher.url}/", options=PATTERN))
    assert (len(extraction.run().landed), extraction.run().known) == (1, 1)
    forget(extraction)
    again = extraction.run()
    assert (len(again.registered), again.known, again.refused) == (1, 1, [])
    publisher.files[f"/{GOOD}"] = b"id,name\n1,Uhm\n"  # of the same length
    publisher.headers[f"/{GOOD}"][header] = text[:-1] + "2" + text[-1]
    changed = extraction.run()
    assert (len(changed.landed), changed.failed) == (1, [])


def forget(extraction: Extraction) -> None:
    with extraction.engine.begin() as connection:
        connection.execute(sa.text("truncate metadata.delivery cascade"))


def test_a_local_file_whose_name_is_no_text_is_refused_alone(make: Make, tmp_path: Path) -> None:
    odd = os.fsdecode(b"20260106-st\xe9.csv")
    for name in (odd, GOOD):
        (tmp_path / name).write_bytes(CONTENT)
    extraction = make(make_source(folder=str(tmp_path), options=PATTERN))
    summary = extraction.run()
    [message] = summary.refused
    assert message == (
        rf"places: the publisher offers '20260106-st\\udce9.csv' at {tmp_path}/20260106-st\udce9.csv: its name is no"
        " text in UTF-8, expected one that is. It is left out until that is mended"
    )
    assert (extraction.landed(), summary.failed) == ([GOOD], [])
    (tmp_path / odd).rename(tmp_path / "20260106-ste.csv")
    assert (extraction.run().refused, len(extraction.landed())) == ([], 2)
