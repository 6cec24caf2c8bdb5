"""Events: on S3 before Postgres, never overwritten, read back as they were written."""

from __future__ import annotations

import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.metadata.errors import StorageError
from headwater.metadata.process.deliveries import lock_source
from headwater.metadata.process.events import (
    event_key,
    from_json,
    record_event,
    register_event,
    to_json,
    was_replayed,
)
from headwater.metadata.process.tables import delivery_event
from tests.metadata.process.conftest import Ledger


class WatchedStore:
    """Keeps what is put, and how many events Postgres knew at that moment."""

    def __init__(self, database: Engine, *, is_taken: bool = False, is_down: bool = False) -> None:
        self._database, self._is_taken, self._is_down = database, is_taken, is_down
        self.objects: dict[str, bytes] = {}
        self.known_to_postgres: list[int] = []

    def put_new(self, key: str, body: bytes) -> bool:
        self.known_to_postgres.append(count(self._database))
        if self._is_down:
            raise StorageError("S3 is down")
        if not self._is_taken:
            self.objects[key] = body
        return not self._is_taken


def count(database: Engine) -> int:
    with database.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(delivery_event)).scalar_one()


def test_an_event_is_on_s3_before_postgres_knows_it(ledger: Ledger, database: Engine) -> None:
    ledger.land(1)
    store = WatchedStore(database)
    message = record_event(
        database, store, 1, "places", "halted", why="ünsound", checks=("ledger",), who="eve"
    )
    assert store.known_to_postgres == [0]
    ((key, body),) = store.objects.items()
    assert key == event_key("places", message)
    assert key.startswith("events/places/0000000001/")
    assert key.endswith(f"Z-{message.event_id}-halted.json")
    assert from_json(body) == message
    with database.connect() as connection:
        row = connection.execute(sa.select(delivery_event)).one()
    assert (row.event_id, row.event, row.checks, row.why, row.who, row.event_at) == (
        message.event_id, "halted", ["ledger"], "ünsound", "eve", message.event_at,
    )  # fmt: skip


def test_an_event_waits_until_nobody_writes_layers_of_the_source(ledger: Ledger, database: Engine) -> None:
    """A load's pending deliveries must stay pending until it commits."""
    ledger.land(1)
    store = WatchedStore(database)
    waits = sa.text("select count(*) from pg_locks where locktype = 'advisory' and not granted")
    with ThreadPoolExecutor() as others:
        with database.begin() as load:
            lock_source(load, "places")
            message = others.submit(record_event, database, store, 1, "places", "withdrawn", why="wrong")
            while not load.execute(waits).scalar():
                assert not message.done()
                time.sleep(0.01)
            assert (store.objects, count(database)) == ({}, 0)
        assert message.result().event == "withdrawn"
    assert count(database) == 1


@pytest.mark.parametrize("trouble", ["is_taken", "is_down"])
def test_an_event_that_s3_does_not_take_did_not_happen(
    ledger: Ledger, database: Engine, trouble: str
) -> None:
    ledger.land(1)
    with pytest.raises(StorageError):
        record_event(database, WatchedStore(database, **{trouble: True}), 1, "places", "passed", why="well")
    assert count(database) == 0


def test_an_event_that_only_s3_has_is_registered_once(ledger: Ledger, database: Engine) -> None:
    store = WatchedStore(database)
    with pytest.raises(sa.exc.IntegrityError):  # Postgres does not know the delivery yet, as after a crash
        record_event(database, store, 1, "places", "passed", why="well")
    (body,) = store.objects.values()
    ledger.land(1)
    with database.begin() as connection:
        assert register_event(connection, from_json(body)) is True
        assert register_event(connection, from_json(body)) is False
    assert ledger.state(1).verdict == "passed"


def test_the_object_of_an_event_is_plain_json(ledger: Ledger, database: Engine) -> None:
    ledger.land(1)
    message = record_event(database, WatchedStore(database), 1, "places", "passed", why="well", who="eve")
    assert json.loads(to_json(message)) == {
        "event_id": str(message.event_id), "delivery_sqn": 1, "event": "passed", "checks": [], "why": "well",
        "who": "eve", "event_at": str(message.event_at),
    }  # fmt: skip


def test_only_a_replayed_delivery_was_replayed(ledger: Ledger, database: Engine) -> None:
    ledger.land(1)
    ledger.land(2, "b.csv")
    ledger.say(1, "passed", "withdrawn")
    ledger.say(2, "replayed", "passed")
    with database.connect() as connection:
        assert [was_replayed(connection, sqn) for sqn in (1, 2)] == [False, True]


@pytest.fixture
def clock(database: Engine) -> Clock:
    """The clock of the database, as events see it, in the hand of the test."""
    return Clock(database)


class Clock:
    def __init__(self, database: Engine) -> None:
        self._database = database
        with database.begin() as connection:
            body: str = connection.execute(
                sa.text("select pg_get_functiondef('metadata.next_event_at'::regproc)")
            ).scalar_one()
            assert "clock_timestamp()" in body
            named = "(select moment from clock)"
            connection.exec_driver_sql("create table clock as select clock_timestamp() as moment")
            connection.exec_driver_sql(body.replace("clock_timestamp()", named).replace("%", "%%"))

    def shows(self, moment: str) -> None:
        with self._database.begin() as connection:
            connection.execute(sa.text("update clock set moment = :moment"), {"moment": moment})


CLOCKS = (
    "2026-03-01 12:00:00+00",
    "2026-03-01 12:00:00.000001+00",
    "2026-02-01 00:00:00+00",
    "2027-01-01 00:00:00+00",
)


def test_events_follow_each_other_whatever_the_clock_says_and_registered_from_s3_in_any_order(
    ledger: Ledger, database: Engine, clock: Clock
) -> None:
    """A clock that stands, goes back, and goes far ahead, before each of four events."""
    lives = list(itertools.product(CLOCKS, repeat=4))
    events = ("passed", "withdrawn", "restored", "withdrawn")
    expected: dict[int, list[tuple[object, ...]]] = {}
    bodies: list[bytes] = []
    for sqn, clocks in enumerate(lives, start=1):
        ledger.land(sqn, f"{sqn}.csv")
        store = WatchedStore(database)
        moments = []
        for now, event in zip(clocks, events, strict=True):
            clock.shows(now)
            message = record_event(database, store, sqn, "places", event, why="a test")
            moments.append(message.event_at)
        assert moments == sorted(set(moments)), clocks
        bodies += store.objects.values()
        expected[sqn] = [
            ("passed", False, True), ("passed", True, False), ("passed", False, True), ("passed", True, False),
        ]  # fmt: skip
        for moment, known in zip(moments, expected[sqn], strict=True):
            assert amounted(database, sqn, moment) == known, (clocks, moment)
    kept = {sqn: ledger.state(sqn) for sqn in expected}
    with (
        database.begin() as connection
    ):  # a database that is lost, and another machine that registers what S3 has
        connection.execute(sa.delete(delivery_event))
        for body in reversed(bodies):
            assert register_event(connection, from_json(body))
    assert {sqn: ledger.state(sqn) for sqn in expected} == kept


def amounted(database: Engine, sqn: int, moment: datetime) -> tuple[object, ...]:
    """Verdict, whether it was withdrawn and whether it counted, by what was known at a moment."""
    ask = sa.text(
        "select verdict, is_withdrawn, counts from metadata.delivery_state_at(:moment) where delivery_sqn = :sqn"
    )
    with database.connect() as connection:
        return tuple(connection.execute(ask, {"moment": moment, "sqn": sqn}).one())


def test_an_event_of_before_that_has_the_same_moment_as_another_stays_valid(
    ledger: Ledger, database: Engine
) -> None:
    """Events of a time when nothing kept two from having one moment: what comes now follows both."""
    ledger.land(1)
    ledger.say(1, "passed", "withdrawn")
    with database.begin() as connection:
        connection.execute(sa.update(delivery_event).values(event_at="2999-01-01"))
    record_event(database, WatchedStore(database), 1, "places", "restored", why="a test")
    assert ledger.state(1).counts
