"""Landing: what is landed is whole, on record and said once, wherever the process dies."""

from __future__ import annotations

import hashlib
import json
import os
import random
import string
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.landing import land as land_module
from headwater.extract.landing import register
from headwater.extract.landing import register as register_module
from headwater.extract.landing.land import claim_sqn, land
from headwater.extract.landing.manifest import from_json, manifest_key, object_key
from headwater.extract.landing.register import register_archive
from headwater.extract.landing.store import ObjectStore
from headwater.extract.offers.offer import Offer, Sink
from headwater.metadata.errors import DeliveryIncomplete, DeliveryTooLarge, PublisherError, StorageError
from headwater.metadata.process.deliveries import Delivery
from tests.support.hostile import FILE_NAMES, HEADERS
from tests.support.sources import DATE, make_source

SOURCE = make_source()


def offer(content: bytes, name: str = "places.csv", **more: Any) -> Offer:
    """An offer of a content that comes in small pieces."""

    def fetch(found: Offer, sink: Sink) -> Offer:
        for begin in range(0, len(content), 1 << 20):
            sink.write(content[begin : begin + (1 << 20)])
        return found

    return Offer(name, "memory", DATE, {"size": len(content)}, fetch, **more)


class Landing:
    """Lands offers and tells what there is afterwards."""

    def __init__(self, engine: Engine, store: ObjectStore, job_inst_id: int) -> None:
        self.engine, self.store, self.job_inst_id = engine, store, job_inst_id

    def land(self, found: Offer) -> Delivery | None:
        return land(self.engine, self.store, SOURCE, found, self.job_inst_id)

    def register(self) -> list[Delivery]:
        return register_archive(self.engine, self.store, SOURCE.name, self.job_inst_id)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement))]

    def events(self) -> list[str]:
        return [
            event for (event,) in self.query("select event from metadata.delivery_event order by event_at")
        ]

    def keys(self, prefix: str) -> list[str]:
        return list(self.store.list(prefix))


@pytest.fixture
def landing(database: Engine, store: ObjectStore, job_inst_id: int) -> Landing:
    return Landing(database, store, job_inst_id)


def test_a_landed_delivery_is_an_object_a_manifest_rows_and_an_event(landing: Landing) -> None:
    content = os.urandom(9 << 20)
    landed = landing.land(offer(content, "2026/places of March.csv"))
    assert landed is not None
    key = f"landed/places/{landed.delivery_sqn:010d}/2026_places_of_March.csv"
    assert landing.store.get(key) == content
    assert landed.delivery_filename == landing.store.address(key)
    assert landed.content_sha256 == hashlib.sha256(content).hexdigest()
    assert landed.file_size == len(content)
    manifest = landing.store.get(manifest_key("places", landed.delivery_sqn))
    assert from_json(manifest, landing.store) == landed
    assert json.loads(manifest) == {
        "manifest_version": 1,
        "delivery_sqn": landed.delivery_sqn,
        "source": "places",
        "publisher_name": "2026/places of March.csv",
        "delivery_type": "snapshot",
        "delivery_date": "2026-03-01T00:00:00+00:00",
        "process_date": landed.process_date.isoformat(),
        "content_sha256": landed.content_sha256,
        "file_size": len(content),
        "fingerprint": {"size": len(content)},
        "job_inst_id": landing.job_inst_id,
        "watermark_from": None,
        "watermark_to": None,
        "key": key,
    }
    assert landing.query("select delivery_sqn, publisher_name, content_sha256 from metadata.delivery") == [
        (landed.delivery_sqn, "2026/places of March.csv", landed.content_sha256)
    ]
    assert landing.query("select layer, status, file_size from metadata.delivery_status") == [
        ("landed", "loaded", len(content))
    ]
    assert landing.events() == ["landed"]
    [event] = landing.keys("events/")
    assert event.startswith(f"events/places/{landed.delivery_sqn:010d}/")


def test_the_same_content_again_leaves_no_trace(landing: Landing) -> None:
    first = landing.land(offer(b"content"))
    before = landing.keys("landed/"), landing.keys("manifests/"), landing.keys("events/")
    assert landing.land(offer(b"content")) is None
    assert (landing.keys("landed/"), landing.keys("manifests/"), landing.keys("events/")) == before
    assert first is not None
    assert landing.query("select delivery_sqn from metadata.delivery") == [(first.delivery_sqn,)]


def test_another_content_of_the_same_identity_is_another_delivery(landing: Landing) -> None:
    contents = [b"one", b"two", b"one"]  # also when it was there before: it is not the newest
    landed = [landing.land(offer(content)) for content in contents]
    assert all(landed)
    assert len(landing.keys("manifests/")) == 3


def test_the_same_content_of_another_date_is_another_delivery(landing: Landing) -> None:
    landing.land(offer(b"content"))
    assert landing.land(replace(offer(b"content"), delivery_date=DATE + timedelta(days=1))) is not None


def test_what_the_offer_was_when_it_was_fetched_is_what_landed(landing: Landing) -> None:
    def fetch(found: Offer, sink: Sink) -> Offer:
        sink.write(b"old")
        sink.restart()
        sink.write(b"new")
        return replace(found, fingerprint={"etag": "new"}, delivery_date=DATE + timedelta(days=1))

    landed = landing.land(Offer("places.csv", "memory", DATE, {"etag": "old"}, fetch))
    assert landed is not None
    assert (landed.fingerprint, landed.delivery_date) == ({"etag": "new"}, DATE + timedelta(days=1))
    assert landed.content_sha256 == hashlib.sha256(b"new").hexdigest()
    assert landed.file_size == 3


def test_a_fetch_that_fails_leaves_nothing_that_counts(landing: Landing) -> None:
    def fetch(_found: Offer, sink: Sink) -> Offer:
        sink.write(os.urandom(20 << 20))
        raise DeliveryIncomplete("half of it")

    with pytest.raises(DeliveryIncomplete):
        landing.land(Offer("places.csv", "memory", DATE, {}, fetch))
    assert landing.keys("landed/") == landing.keys("manifests/") == []
    assert landing.query("select * from metadata.delivery") == []


class DiedError(Exception):
    """The process ends here."""


def die(*_: Any, **__: Any) -> None:
    raise DiedError


@pytest.mark.parametrize("step", ["put_new", "register_landed", "record_landed"])
def test_dying_at_any_step_and_running_again_lands_once(
    landing: Landing, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patch:
        if step == "put_new":
            put_new: Callable[[str, bytes], bool] = landing.store.put_new
            patch.setattr(
                landing.store,
                "put_new",
                lambda key, body: die() if "manifests" in key else put_new(key, body),
            )
        else:
            patch.setattr(land_module, step, die)
        with pytest.raises(DiedError):
            landing.land(offer(b"content"))
    registered = landing.register()
    assert len(registered) == (0 if step == "put_new" else 1)
    again = landing.land(offer(b"content"))
    assert (again is not None) == (step == "put_new")  # without a manifest it had not landed
    assert len(landing.keys("manifests/")) == 1
    assert len(landing.query("select * from metadata.delivery")) == 1
    assert landing.query("select layer, status from metadata.delivery_status") == [("landed", "loaded")]
    assert landing.events() == ["landed"]
    assert landing.register() == []
    assert landing.events() == ["landed"]


def test_a_manifest_of_a_process_that_died_while_we_fetched_counts(landing: Landing) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(land_module, "register_landed", die)
        with pytest.raises(DiedError):
            landing.land(offer(b"content"))
    assert landing.land(offer(b"content")) is None
    assert len(landing.keys("manifests/")) == 1


def test_two_processes_that_land_the_same_at_once_land_it_once(landing: Landing) -> None:
    barrier = threading.Barrier(2)

    def fetch(found: Offer, sink: Sink) -> Offer:
        sink.write(b"content")
        barrier.wait()
        return found

    landed: list[Delivery | None] = []
    threads = [
        threading.Thread(target=lambda: landed.append(landing.land(Offer("f", "memory", DATE, {}, fetch))))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one is None for one in landed) == [False, True]
    assert len(landing.keys("manifests/")) == len(landing.keys("landed/")) == 1


def test_another_run_that_registers_meanwhile_does_not_say_again_that_it_landed(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = threading.Thread(target=landing.register)
    proper = register.record_landed

    def record_landed(*arguments: Any) -> None:
        other.start()
        other.join(0.3)  # it waits for us, or it would say so now
        proper(*arguments)

    monkeypatch.setattr(land_module, "record_landed", record_landed)
    landing.land(offer(b"content"))
    other.join()
    assert landing.events() == ["landed"]


def test_a_number_is_never_given_twice_even_by_a_new_database(landing: Landing) -> None:
    other_source = make_source(name="rivers")
    landed = [
        land(landing.engine, landing.store, other_source, offer(b"%d" % n), landing.job_inst_id)
        for n in range(3)
    ]
    taken = [one.delivery_sqn for one in landed if one]
    with landing.engine.begin() as connection:
        connection.execute(sa.text("truncate metadata.delivery cascade"))
        connection.execute(sa.text("alter sequence metadata.delivery_sqn_seq restart"))
    assert claim_sqn(landing.engine, landing.store, "places") == max(taken) + 1


def test_an_object_that_is_there_already_is_never_overwritten(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.store.put_new(object_key("places", 77, "places.csv"), b"older")
    monkeypatch.setattr(land_module, "claim_sqn", lambda *_: 77)
    with pytest.raises(StorageError, match="is there already, and objects are never overwritten"):
        landing.land(offer(b"newer"))
    assert landing.store.get(object_key("places", 77, "places.csv")) == b"older"


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("a.csv", "a.csv"),
        ("/../../etc/passwd", "etc_passwd"),
        ("get?file=ü.csv&v=2", "get_file=_.csv_v=2"),
        ("...", "file"),
        ("x" * 500 + ".csv", "x" * 116 + ".csv"),
    ],
)
def test_a_key_ends_in_the_publishers_name_as_far_as_is_safe(name: str, end: str) -> None:
    assert object_key("places", 7, name) == f"landed/places/0000000007/{end}"


def test_dates_are_kept_to_the_microsecond(landing: Landing) -> None:
    moment = DATE.replace(microsecond=123456).astimezone(UTC)
    landed = landing.land(replace(offer(b"x"), delivery_date=moment))
    assert landed is not None
    [(stored,)] = landing.query("select delivery_date from metadata.delivery")
    assert stored == landed.delivery_date == moment


@pytest.mark.parametrize(("size", "is_landed"), [(1 << 20, True), ((1 << 20) + 1, False)])
def test_a_delivery_may_be_as_large_as_its_source_allows(
    landing: Landing, size: int, is_landed: bool
) -> None:
    source = replace(SOURCE, options={"max_file_mib": "1"})

    def bring() -> Delivery | None:
        return land(landing.engine, landing.store, source, offer(os.urandom(size)), landing.job_inst_id)

    if is_landed:
        assert bring() is not None
    else:
        with pytest.raises(
            DeliveryTooLarge, match="larger than 1 MiB, the most that the option max_file_mib"
        ):
            bring()
        assert landing.keys("landed/") == landing.keys("manifests/") == []


LONG = "".join(random.Random(0).choices(string.ascii_letters, k=8_000))  # which no index takes
UNWRITABLE: dict[str, Callable[[Offer], Offer]] = {
    "nul": lambda found: replace(found, publisher_name="a\0b.csv"),
    "no index takes it": lambda found: replace(found, publisher_name=LONG),
    "half a character": lambda found: replace(found, publisher_name="st\udce9.csv"),
    "no number of jsonb": lambda found: replace(found, fingerprint={"size": float("nan")}),
    "no value of JSON": lambda found: replace(found, fingerprint={"size": object()}),
    "watermark": lambda found: replace(found, watermark_to={"at": "a\0b"}),
}


@pytest.mark.parametrize("payload", UNWRITABLE.values(), ids=UNWRITABLE)
def test_what_postgres_does_not_take_leaves_no_manifest(
    landing: Landing, monkeypatch: pytest.MonkeyPatch, payload: Callable[[Offer], Offer]
) -> None:
    """Also where the rules for offers know nothing of it."""
    first = landing.land(offer(b"first"))
    monkeypatch.setattr(land_module, "fit_offer", lambda _, found: found)
    with pytest.raises(
        PublisherError, match=r"^places: what the publisher tells of .* cannot be put on record \("
    ):
        landing.land(payload(offer(b"content")))
    assert len(landing.keys("landed/")) == len(landing.keys("manifests/")) == 1
    assert landing.register() == []
    second = landing.land(offer(b"second"))
    assert landing.query("select delivery_sqn from metadata.delivery order by 1") == [
        (one.delivery_sqn,) for one in (first, second) if one
    ]


def test_what_turns_out_at_fetching_is_checked_as_what_was_offered(landing: Landing) -> None:
    def fetch(found: Offer, sink: Sink) -> Offer:
        sink.write(b"content")
        return replace(found, publisher_name=name, fingerprint={"etag": HEADERS["nul"]})

    name = FILE_NAMES["nul"]
    with pytest.raises(PublisherError, match="its name has a NUL"):
        landing.land(Offer("places.csv", "memory", DATE, {}, fetch))
    assert landing.keys("landed/") == landing.keys("manifests/") == []
    name = "places.csv"
    landed = landing.land(Offer("places.csv", "memory", DATE, {}, fetch))
    assert landed is not None
    assert landed.fingerprint["etag"].startswith("sha256:")


def test_a_database_that_goes_away_is_not_taken_for_a_refusal(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row may be right: nothing is said of the publisher."""

    def register(connection: sa.Connection, _: Delivery) -> bool:
        connection.exec_driver_sql("select pg_terminate_backend(pg_backend_pid())")
        return True

    monkeypatch.setattr(register_module, "register", register)
    with pytest.raises(sa.exc.OperationalError):
        landing.land(offer(b"content"))
    assert landing.keys("manifests/") == []
