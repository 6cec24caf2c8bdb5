"""Local folders: which files are the source's, of which date they are, and that none is read half written."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headwater.extract.offers.discover import discover
from headwater.extract.sources import local_files
from headwater.metadata.errors import DeliveryIncomplete, PublisherError
from tests.extract.http.test_client import Sink
from tests.support.sources import make_source

NAMED = {"file_pattern": r"places-(?P<date>\d{4}-\d{2})\.csv$"}


def test_files_that_match_are_offers_by_their_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("places-2026-03.csv", "2025/places-2025-12.csv", "other.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    monkeypatch.setenv("SHARE", str(tmp_path))
    offers = discover(make_source(folder="${SHARE}", options=NAMED))
    assert [(offer.publisher_name, offer.delivery_date) for offer in offers] == [
        ("2025/places-2025-12.csv", datetime(2025, 12, 1, tzinfo=UTC)),
        ("places-2026-03.csv", datetime(2026, 3, 1, tzinfo=UTC)),
    ]
    assert offers[1].fingerprint["size"] == 18
    sink = Sink()
    assert offers[0].fetch(offers[0], sink) == offers[0]
    assert sink.content == b"2025/places-2025-12.csv"


def test_the_moment_of_the_last_change_may_be_the_date(tmp_path: Path) -> None:
    file = tmp_path / "places.csv"
    file.write_bytes(b"x")
    moment = datetime(2026, 3, 1, 10, 30, 0, 250000, tzinfo=UTC)
    os.utime(file, ns=(0, int(moment.timestamp() * 1_000_000) * 1000))
    source = make_source(folder=str(tmp_path), options={"file_pattern": "places", "date_from": "header"})
    [offer] = discover(source)
    assert offer.delivery_date == moment
    assert offer.fetch(offer, Sink()) == offer


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "places-2026-03.csv"
    file.write_bytes(b"half")
    [offer] = discover(make_source(folder=str(tmp_path), options=NAMED))

    class Meddling(Sink):
        def write(self, chunk: bytes) -> None:
            super().write(chunk)
            if self.restarts == 1:
                file.write_bytes(b"half and half")

    sink = Meddling()
    fetched = offer.fetch(offer, sink)
    assert sink.content == b"half and half"
    assert fetched.fingerprint["size"] == 13


def test_a_file_that_never_stands_still_is_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "places-2026-03.csv"
    file.write_bytes(b"half")
    [offer] = discover(make_source(folder=str(tmp_path), options=NAMED))

    class Meddling(Sink):
        def write(self, chunk: bytes) -> None:
            file.write_bytes(chunk + b"more")

    with pytest.raises(DeliveryIncomplete, match="changes while it is read, 3 times in a row"):
        offer.fetch(offer, Meddling())


def test_a_large_file_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_files, "CHUNK", 10)
    (tmp_path / "places-2026-03.csv").write_bytes(b"0123456789abcdef")
    [offer] = discover(make_source(folder=str(tmp_path), options=NAMED))
    chunks: list[bytes] = []

    class Pieces(Sink):
        def write(self, chunk: bytes) -> None:
            chunks.append(chunk)

    offer.fetch(offer, Pieces())
    assert chunks == [b"0123456789", b"abcdef"]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        PublisherError, match=r"nowhere is no folder, expected the one that its files lie in$"
    ):
        discover(make_source(folder=str(tmp_path / "nowhere"), options=NAMED))
    with pytest.raises(PublisherError, match=r"^places: no file in .* matches the file_pattern places-"):
        discover(make_source(folder=str(tmp_path), options=NAMED))
    (tmp_path / "places-2026-13.csv").touch()
    with pytest.raises(PublisherError, match=r"'2026-13' in its name is no date"):
        discover(make_source(folder=str(tmp_path), options=NAMED))
