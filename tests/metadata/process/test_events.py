"""Events: on S3 before Postgres, never overwritten, read back as they were written."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from metadata.errors import StorageError
from metadata.process.deliveries import lock_source
from metadata.process.events import event_key, from_json, record_event, register_event, to_json, was_replayed
from metadata.process.tables import delivery_event


class WatchedStore:
    """Keeps what is put, and how many events Postgres knew at that moment."""

    def __init__(self, database, *, is_taken=False, is_down=False):
        self._database, self._is_taken, self._is_down = database, is_taken, is_down
        self.objects, self.known_to_postgres = {}, []

    def put_new(self, key, body):
        self.known_to_postgres.append(count(self._database))
        if self._is_down:
            raise StorageError("S3 is down")
        if not self._is_taken:
            self.objects[key] = body
        return not self._is_taken


def count(database):
    with database.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(delivery_event)).scalar_one()


def test_an_event_is_on_s3_before_postgres_knows_it(ledger, database):
    ledger.land(1)
    store = WatchedStore(database)
    said = record_event(database, store, 1, "places", "halted", why="ünsound", checks=("ledger",), who="eve")
    assert store.known_to_postgres == [0]
    ((key, body),) = store.objects.items()
    assert key == event_key("places", said)
    assert key.startswith("events/places/0000000001/")
    assert key.endswith(f"Z-{said.event_id}-halted.json")
    assert from_json(body) == said
    with database.connect() as connection:
        row = connection.execute(sa.select(delivery_event)).one()
    assert (row.event_id, row.event, row.checks, row.why, row.who, row.event_at) == (
        said.event_id, "halted", ["ledger"], "ünsound", "eve", said.event_at,
    )  # fmt: skip


def test_an_event_waits_until_nobody_writes_layers_of_the_source(ledger, database):
    """What a load has found pending must be so until it commits."""
    ledger.land(1)
    store = WatchedStore(database)
    waits = sa.text("select count(*) from pg_locks where locktype = 'advisory' and not granted")
    with ThreadPoolExecutor() as others:
        with database.begin() as load:
            lock_source(load, "places")
            said = others.submit(record_event, database, store, 1, "places", "withdrawn", why="wrong")
            while not load.execute(waits).scalar():
                assert not said.done()
                time.sleep(0.01)
            assert (store.objects, count(database)) == ({}, 0)
        assert said.result().event == "withdrawn"
    assert count(database) == 1


@pytest.mark.parametrize("trouble", ["is_taken", "is_down"])
def test_an_event_that_s3_does_not_take_did_not_happen(ledger, database, trouble):
    ledger.land(1)
    with pytest.raises(StorageError):
        record_event(database, WatchedStore(database, **{trouble: True}), 1, "places", "passed", why="well")
    assert count(database) == 0


def test_an_event_that_only_s3_has_is_registered_once(ledger, database):
    store = WatchedStore(database)
    with pytest.raises(sa.exc.IntegrityError):  # Postgres does not know the delivery yet, as after a crash
        record_event(database, store, 1, "places", "passed", why="well")
    (body,) = store.objects.values()
    ledger.land(1)
    with database.begin() as connection:
        assert register_event(connection, from_json(body)) is True
        assert register_event(connection, from_json(body)) is False
    assert ledger.state(1).verdict == "passed"


def test_the_object_of_an_event_is_plain_json(ledger, database):
    ledger.land(1)
    said = record_event(database, WatchedStore(database), 1, "places", "passed", why="well", who="eve")
    assert json.loads(to_json(said)) == {
        "event_id": str(said.event_id), "delivery_sqn": 1, "event": "passed", "checks": [], "why": "well",
        "who": "eve", "event_at": str(said.event_at),
    }  # fmt: skip


def test_only_a_replayed_delivery_was_replayed(ledger, database):
    ledger.land(1)
    ledger.land(2, "b.csv")
    ledger.say(1, "passed", "withdrawn")
    ledger.say(2, "replayed", "passed")
    with database.connect() as connection:
        assert [was_replayed(connection, sqn) for sqn in (1, 2)] == [False, True]
