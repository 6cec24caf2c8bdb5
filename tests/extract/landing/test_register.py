"""Registering: a database that knows less than S3 learns it again, and nothing is fetched from the publisher."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.landing.manifest import manifest_key
from headwater.extract.landing.register import register_archive
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.errors import ArchiveBroken, StorageError
from headwater.metadata.process.events import record_event
from tests.extract.landing.test_land import LONG, Landing, offer
from tests.support.hostile import HEADERS

TABLES = (
    "select * from metadata.delivery order by 1",
    "select delivery_sqn, layer, status, file_size from metadata.delivery_status order by 1, 2",
    "select * from metadata.delivery_event order by event_at",
)


@pytest.fixture
def landing(database: Engine, store: ObjectStore, job_inst_id: int) -> Landing:
    return Landing(database, store, job_inst_id)


def everything(landing: Landing) -> list[list[tuple[Any, ...]]]:
    return [landing.query(statement) for statement in TABLES]


def forget(landing: Landing) -> None:
    """A database that begins anew."""
    with landing.engine.begin() as connection:
        connection.execute(sa.text("truncate metadata.delivery cascade"))
        connection.execute(sa.text("alter sequence metadata.delivery_sqn_seq restart"))


def test_a_lost_database_is_what_it_was(landing: Landing) -> None:
    landed = [landing.land(offer(b"%d" % number, f"{number}.csv")) for number in range(3)]
    assert landed[1] is not None
    sqn = landed[1].delivery_sqn
    record_event(
        landing.engine, landing.store, sqn, "places", "halted", checks=("a", "b"), why="wrong", who="x"
    )
    record_event(landing.engine, landing.store, sqn, "places", "accepted", why="right all the same", who="y")
    before = everything(landing)
    forget(landing)
    assert [d.delivery_sqn for d in landing.register()] == [d.delivery_sqn for d in landed if d]
    assert everything(landing) == before


def test_registering_again_changes_nothing(landing: Landing) -> None:
    landing.land(offer(b"x"))
    before = everything(landing)
    assert landing.register() == []
    assert everything(landing) == before


def test_only_the_source_asked_for_is_registered(landing: Landing) -> None:
    landing.land(offer(b"x"))
    forget(landing)
    assert register_archive(landing.engine, landing.store, "place", landing.job_inst_id) == []
    assert landing.query("select * from metadata.delivery") == []


def test_later_deliveries_are_numbered_above_those_of_s3(landing: Landing) -> None:
    first = landing.land(offer(b"x"))
    forget(landing)
    landing.register()
    second = landing.land(offer(b"y"))
    assert first is not None
    assert second is not None
    assert second.delivery_sqn > first.delivery_sqn


def test_a_manifest_that_is_none_is_said(landing: Landing) -> None:
    landing.store.put_new(manifest_key("places", 5), b'{"manifest_version": 99}')
    with pytest.raises(StorageError, match=r"is no manifest of version 1: another version$"):
        landing.register()


def test_a_number_of_another_delivery_is_a_contradiction(landing: Landing) -> None:
    landed = landing.land(offer(b"x"))
    assert landed is not None
    key = manifest_key("places", landed.delivery_sqn)
    manifest = landing.store.get(key).decode().replace("places/", "rivers/")
    manifest = manifest.replace('"source": "places"', '"source": "rivers"')
    landing.store.put_new(key.replace("places", "rivers"), manifest.encode())
    with pytest.raises(
        ArchiveBroken, match=r"rivers: delivery 1 of places\.csv is on S3, but the database has another"
    ) as broken:
        register_archive(landing.engine, landing.store, "rivers", landing.job_inst_id)
    assert broken.value.hides_deliveries


def test_an_event_of_no_delivery_is_a_contradiction(landing: Landing) -> None:
    landed = landing.land(offer(b"x"))
    assert landed is not None
    [key] = landing.keys("events/")
    event = json.loads(landing.store.get(key))
    forged = {**event, "delivery_sqn": 99, "event_id": event["event_id"][::-1].replace("-", "0", 4)}
    forged["event_id"] = "00000000-0000-4000-8000-000000000000"
    landing.store.put_new(
        key.replace(event["event_id"], forged["event_id"]).replace("0000000001", "0000000099"),
        json.dumps(forged).encode(),
    )
    with pytest.raises(StorageError, match="names delivery 99, which has no manifest"):
        landing.register()


def manifest(sqn: int = 7, **more: Any) -> dict[str, Any]:
    """A manifest of places, as landing would have written it."""
    return {
        "manifest_version": 1,
        "delivery_sqn": sqn,
        "source": "places",
        "publisher_name": "old.csv",
        "delivery_type": "snapshot",
        "delivery_date": "2026-01-01T00:00:00+00:00",
        "process_date": "2026-01-01T00:00:00+00:00",
        "content_sha256": "0" * 64,
        "file_size": 1,
        "fingerprint": {},
        "job_inst_id": None,
        "watermark_from": None,
        "watermark_to": None,
        "key": f"landed/places/{sqn:010d}/old.csv",
        **more,
    }


CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "source": (manifest(source="rivers", key="landed/rivers/0000000007/old.csv"), "it names delivery 7 of rivers"),
    "number": (manifest(sqn=8), "it names delivery 8 of places, expected the one of its key"),
    "object of another": (manifest(key="landed/rivers/0000000007/old.csv"), "lies at landed/rivers/0000000007"),
    "object of another number": (manifest(key="landed/places/0000000001/old.csv"), "below landed/places/0000000007"),
    "version": (manifest(manifest_version=2), "another version"),
    "no date": (manifest(delivery_date="yesterday"), "delivery_date: Input should be a valid datetime"),
    "no zone": (manifest(delivery_date="2026-01-01T00:00:00"), "delivery_date: Input should have timezone info"),
    "type": (manifest(file_size="1"), "file_size: Input should be a valid integer"),
    "digest": (manifest(content_sha256="x"), "content_sha256: String should match pattern"),
    "kind": (
        manifest(delivery_type="backup"),
        "delivery_type: Input should be 'snapshot', 'partition_snapshot' or 'delta'",
    ),
    "more": (manifest(owner="eve"), "owner: Extra inputs are not permitted"),
    "no manifest": ({}, "is no manifest of version 1: 'manifest_version'"),
}  # fmt: skip


@pytest.mark.parametrize(("facts", "why"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_manifest_that_contradicts_its_key_is_named_and_all_others_are_registered(
    landing: Landing, facts: dict[str, Any], why: str
) -> None:
    landed = landing.land(offer(b"x"))
    assert landed is not None
    forget(landing)
    landing.store.put_new(manifest_key("places", 7), json.dumps(facts).encode())
    with pytest.raises(ArchiveBroken) as broken:
        landing.register()
    assert broken.value.hides_deliveries  # who asked the publisher now might land it twice
    [problem] = broken.value.problems
    assert problem.startswith(f"{landing.store.address(manifest_key('places', 7))}: ")
    assert why in problem
    assert str(broken.value).startswith(
        "places: 1 object of its archive cannot be registered, and its publisher is not asked meanwhile. Put back what"
        f" was there, or move it to another prefix, then run again: {problem}"
    )
    assert landing.query("select delivery_sqn from metadata.delivery") == [(landed.delivery_sqn,)]
    assert landing.events() == ["landed"]


UNWRITABLE = {
    "nul": "old\0.csv",
    "longer than an index takes": LONG,
    "number of jsonb": None,
}


@pytest.mark.parametrize("name", UNWRITABLE.values(), ids=UNWRITABLE)
def test_a_manifest_that_postgres_does_not_take_stops_nothing(landing: Landing, name: str | None) -> None:
    """As earlier versions wrote them."""
    landed = landing.land(offer(b"x"))
    assert landed is not None
    forget(landing)
    message = manifest(fingerprint={"size": float("nan")}) if name is None else manifest(publisher_name=name)
    landing.store.put_new(manifest_key("places", 7), json.dumps(message).encode())
    with pytest.raises(ArchiveBroken, match=r"manifests/places/0000000007\.json: ") as broken:
        landing.register()
    assert not broken.value.hides_deliveries
    assert len(str(broken.value)) < 600
    assert landing.query("select delivery_sqn from metadata.delivery") == [(landed.delivery_sqn,)]
    after = landing.land(offer(b"y", "next.csv"))
    assert after is not None
    assert after.delivery_sqn > landed.delivery_sqn


def test_a_fingerprint_that_was_stored_as_it_came_is_remembered_by_its_digest(landing: Landing) -> None:
    message = manifest(
        fingerprint={"etag": HEADERS["nul"], "last_modified": HEADERS["8000_characters"], "size": 1}
    )
    landing.store.put_new(manifest_key("places", 7), json.dumps(message).encode())
    [registered] = landing.register()
    assert registered.fingerprint["size"] == 1
    assert re.fullmatch("sha256:[0-9a-f]{64}", registered.fingerprint["etag"])
    assert landing.register() == []


STRAYS = (
    "manifests/places/readme.txt",
    "manifests/places/.DS_Store",
    "manifests/places/7.json",
    "manifests/places/old/0000000007.json",
    "manifests/places/9999999999999999999.json.bak",
    "events/places/readme.txt",
    "events/places/0000000001/readme.txt",
)


def test_what_is_none_of_ours_by_its_name_is_passed_over_with_one_warning_for_each_prefix(
    landing: Landing,
) -> None:
    landed = landing.land(offer(b"x"))
    assert landed is not None
    forget(landing)
    for key in STRAYS:
        landing.store.put_new(key, b"hello")
    warnings: list[str] = []
    registered = register_archive(
        landing.engine, landing.store, "places", landing.job_inst_id, warnings.append
    )
    assert registered == [landed]
    address = landing.store.address
    assert warnings == [
        f"{address('manifests/places/.DS_Store')} and 4 more: passed over, by its name no manifest of ours. Expected"
        " nothing else below manifests/: move it elsewhere",
        f"{address('events/places/0000000001/readme.txt')} and 1 more: passed over, by its name no event of ours."
        " Expected nothing else below events/: move it elsewhere",
    ]


def test_a_folder_made_in_a_console_is_passed_over(landing: Landing) -> None:
    """The embedded S3 keeps no such objects: others do."""

    class WithFolders(ObjectStore):
        def list(self, prefix: str) -> Iterator[str]:
            yield prefix
            yield from landing.store.list(prefix)

    landed = landing.land(offer(b"x"))
    forget(landing)
    store = WithFolders(landing.store._client, landing.store.bucket)
    warnings: list[str] = []
    assert register_archive(landing.engine, store, "places", landing.job_inst_id, warnings.append) == [landed]
    assert [message.partition(": passed over")[0] for message in warnings] == [
        store.address("manifests/places/"),
        store.address("events/places/"),
    ]


FORGED: dict[str, tuple[dict[str, Any], str]] = {
    "event": ({"event": "withdrawn"}, "expected the event of its key"),
    "unknown": ({"event": "forgotten"}, "its event 'forgotten' is not known, expected one of landed, halted"),
    "moment": ({"event_at": "2020-01-01T00:00:00+00:00"}, "expected the event of its key"),
    "delivery": ({"delivery_sqn": 2}, "expected the event of its key"),
    "id": ({"event_id": "00000000-0000-4000-8000-000000000000"}, "expected the event of its key"),
    "signer": ({"who": {"name": "eve"}}, "it is not what was written (who: Input should be a valid string)"),
    "checks": ({"checks": "ledger"}, "it is not what was written (checks: "),
}


@pytest.mark.parametrize(("forged", "why"), FORGED.values(), ids=FORGED)
def test_an_event_that_contradicts_its_key_is_named_and_is_not_believed(
    landing: Landing, forged: dict[str, Any], why: str
) -> None:
    for content in (b"1", b"2"):
        landing.land(offer(content))
    [first, second] = landing.keys("events/")
    event = json.loads(landing.store.get(first))
    landing.store.delete(first)
    landing.store.put_new(first, json.dumps({**event, **forged}).encode())
    forget(landing)
    with pytest.raises(ArchiveBroken) as broken:
        landing.register()
    assert not broken.value.hides_deliveries
    [problem] = broken.value.problems
    assert problem.startswith(f"{landing.store.address(first)}: ")
    assert why in problem
    assert landing.query("select delivery_sqn from metadata.delivery_event") == [(2,)]
    assert landing.keys("events/") == [first, second]


def test_what_an_event_says_to_people_is_stored_whatever_it_is(landing: Landing) -> None:
    landing.land(offer(b"x"))
    record_event(landing.engine, landing.store, 1, "places", "halted", why="a\0b", who="\udce9ve")
    before = everything(landing)
    forget(landing)
    landing.register()
    assert everything(landing) == before
    assert landing.query("select why, who from metadata.delivery_event where event = 'halted'") == [
        (r"a\x00b", r"\udce9ve")
    ]


def test_a_claim_that_is_no_number_of_ours_is_none(landing: Landing) -> None:
    for name in ("readme.txt", "7", "9223372036854775807", "99999999999999999999999", "0000000009/x"):
        landing.store.put_new(f"delivery_sqns/{name}", b"")
    landing.store.put_new("delivery_sqns/0000000001", b"another")
    landing.store.put_new("delivery_sqns/0000000004", b"another")
    landed = landing.land(offer(b"x"))
    assert landed is not None
    assert landed.delivery_sqn == 5
