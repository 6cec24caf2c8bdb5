"""Registering: a database that knows less than S3 learns it again, and nothing is fetched from the publisher."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from extract.manifest import manifest_key
from extract.register import register_archive
from extract.store import ObjectStore
from metadata.errors import StorageError
from metadata.process.events import record_event
from tests.extract.test_land import Landing, offer

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
    manifest = json.loads(landing.store.get(key))
    landing.store.put_new(
        key.replace("places", "rivers"), json.dumps({**manifest, "source": "rivers"}).encode()
    )
    with pytest.raises(
        StorageError, match=r"^rivers: delivery 1 of places\.csv is on S3, but the database has another"
    ):
        register_archive(landing.engine, landing.store, "rivers", landing.job_inst_id)


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
    with pytest.raises(StorageError, match="speaks of delivery 99, which has no manifest"):
        landing.register()
