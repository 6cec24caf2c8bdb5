"""Discovery: what is new is told by name and fingerprint, never by content; users bring their own extractors."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headwater.extract.offers.delivery_date import read_date
from headwater.extract.offers.discover import discover, extractor, is_known, same_content
from headwater.extract.offers.offer import Offer, Sink
from headwater.extract.offers.payload import reads_as_it_asks
from headwater.metadata.errors import PublisherError
from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.static import extensions
from headwater.metadata.static.model import DataSource, Source
from tests.support.packages import installing
from tests.support.sources import DATE, make_source


def fetch_nothing(offer: Offer, sink: Sink) -> Offer:
    sink.write(b"")
    return offer


OFFER = Offer("f.csv", "sftp://x/f.csv", DATE, {"etag": '"1"', "size": 3}, fetch_nothing)


def list_two(source: Source) -> Iterator[Offer]:
    """An extractor as a user would write one."""
    assert source.name == "places"
    yield replace(OFFER, delivery_date=DATE + timedelta(days=1))
    yield OFFER


def list_twice(_source: Source) -> list[Offer]:
    return [OFFER, replace(OFFER, address="sftp://x/g.csv")]


def test_a_source_may_bring_its_own_extractor() -> None:
    source = make_source(extract_function="tests.extract.offers.test_discover:list_two")
    assert [offer.delivery_date for offer in discover(source)] == [DATE, DATE + timedelta(days=1)]


def test_two_offers_of_one_identity_are_refused() -> None:
    with pytest.raises(PublisherError) as refused:
        discover(make_source(extract_function="tests.extract.offers.test_discover:list_twice"))
    assert str(refused.value) == (
        "places: f.csv of 2026-03-01 is offered twice, at sftp://x/f.csv and at sftp://x/g.csv: "
        "expected one name for one delivery"
    )


def test_only_a_type_that_wants_to_know_what_landed_has_it_asked() -> None:
    asked: list[int] = []

    def landed() -> list[Delivery]:
        asked.append(1)
        return []

    with pytest.raises(PublisherError):
        discover(make_source(folder="/nowhere/at/all"), landed)
    assert asked == []
    assert (
        discover(make_source(extract_function="tests.extract.offers.test_discover:list_since"), landed) == []
    )
    assert asked == [1]


def list_since(source: Source, landed: Sequence[Delivery]) -> Iterator[Offer]:
    """An extractor that wants to know what landed."""
    assert source.name == "places"
    return (replace(OFFER, publisher_name=one.publisher_name) for one in landed)


@pytest.mark.parametrize("name", ["nowhere.at.all:f", "tests.extract.offers.test_discover:nothing"])
def test_an_extractor_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(PublisherError, match=rf"^places: extract_function '{name}' cannot be used"):
        discover(make_source(extract_function=name))


def test_a_type_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(PublisherError) as refused:
        discover(make_source(extract_function="carrier_pigeon"))
    assert str(refused.value) == (
        'places: "carrier_pigeon" is no source type, expected one of http_files, rest_api, rdbms, object_store, kafka,'
        " local_files"
    )


CARRIER = """
from headwater.extract import SourceType

def discover(source, landed):
    raise AssertionError(len(landed))

SOURCE_TYPE = SourceType(name="carrier", description="", discover={discover})
"""


def test_a_type_of_a_package_is_asked_and_says_itself_whether_it_reads_while_it_asks(tmp_path: Path) -> None:
    source = make_source(data_source=DataSource("loft", "carrier", "Pigeons"))
    with pytest.MonkeyPatch.context() as patch, installing(tmp_path / "packages", patch) as install:
        install("pigeons", CARRIER.format(discover="discover"), sources={"carrier": "pigeons:SOURCE_TYPE"})
        with pytest.raises(AssertionError, match=r"^0$"):  # it was asked, and told what landed
            discover(source)
        assert not reads_as_it_asks(source)  # though it wants to know what landed


def test_a_type_whose_function_is_not_there_is_named_with_its_package(tmp_path: Path) -> None:
    source = make_source(data_source=DataSource("loft", "carrier", "Pigeons"))
    with pytest.MonkeyPatch.context() as patch, installing(tmp_path / "packages", patch) as install:
        install(
            "pigeons",
            CARRIER.format(discover="'a_loft:discover'"),
            sources={"carrier": "pigeons:SOURCE_TYPE"},
        )
        with pytest.raises(PublisherError) as refused:
            discover(source)
    assert str(refused.value) == (
        'places: discover of the source type "carrier" of pigeons 1.0 cannot be used, a_loft:discover raises'
        " ModuleNotFoundError: No module named 'a_loft'; expected a package that can be imported"
    )


@pytest.mark.parametrize("name", extensions.BUILT_IN[extensions.SOURCES])
def test_a_type_reads_while_it_asks_if_it_asks_for_what_landed(name: str) -> None:
    source = make_source(data_source=DataSource("loft", name, "Whatever"))
    takes_landed = "landed" in inspect.signature(extractor(source)).parameters
    assert reads_as_it_asks(source) == takes_landed == (name in ("rest_api", "rdbms", "kafka"))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"etag": "1", "size": 3}, {"etag": "1", "size": 3}, True),
        ({"etag": "1", "last_modified": "a"}, {"etag": "1", "last_modified": "b"}, True),  # a farm of servers
        ({"etag": "1", "size": 3}, {"etag": "2", "size": 3}, False),
        ({"last_modified": "a", "size": 3}, {"last_modified": "a", "size": 4}, False),
        ({"last_modified": "a", "size": 3}, {"last_modified": "b", "size": 3}, False),
        ({"last_modified": "a", "size": 3}, {"last_modified": "a", "size": 3, "etag": "1"}, True),
        ({"size": 3}, {"etag": "1"}, False),  # nothing in common: better fetch it
        ({}, {"etag": "1"}, False),
        ({}, {}, True),
    ],
)
def test_fingerprints_are_compared_in_what_both_tell(
    one: dict[str, Any], other: dict[str, Any], same: bool
) -> None:
    assert same_content(one, other) is same
    assert same_content(other, one) is same


def test_an_offer_is_known_by_name_date_and_fingerprint() -> None:
    landed = {("f.csv", DATE): {"etag": '"1"', "size": 3}}
    assert is_known(OFFER, landed)
    assert not is_known(replace(OFFER, publisher_name="g.csv"), landed)
    assert not is_known(replace(OFFER, delivery_date=datetime(2026, 3, 2, tzinfo=UTC)), landed)
    assert not is_known(replace(OFFER, fingerprint={"etag": '"2"', "size": 3}), landed)


def test_a_moment_that_utc_does_not_have_is_no_date() -> None:
    source = make_source(options={"date_format": "%Y-%m-%d%z"})
    assert read_date(source, "0001-01-01+1400") is None
    assert read_date(source, "2026-03-01+0000") == DATE
