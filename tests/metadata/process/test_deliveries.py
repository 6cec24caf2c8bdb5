"""Deliveries: registered once, remembered by identity, pending where they are."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from headwater.metadata.process import deliveries
from headwater.metadata.process.tables import delivery_status
from tests.metadata.process.conftest import SOURCE, Ledger, at, delivery


def test_registering_twice_writes_one_row_and_keeps_the_first(database: Engine) -> None:
    landed = delivery(5)
    with database.begin() as connection:
        assert deliveries.register(connection, landed) is True
        assert deliveries.register(connection, landed) is False
        assert deliveries.register(connection, delivery(5, "another.csv")) is False
        assert deliveries.raw_pending(connection, SOURCE) == [landed]


def test_numbers_begin_above_every_registered_one_and_never_go_back(database: Engine) -> None:
    with database.begin() as connection:
        assert deliveries.next_delivery_sqn(connection) == 1
        deliveries.register(connection, delivery(41))
        assert deliveries.next_delivery_sqn(connection) == 42
        deliveries.register(connection, delivery(7, "late.csv"))
        assert deliveries.next_delivery_sqn(connection) == 43


def test_of_an_identity_the_newest_landing_is_known(database: Engine) -> None:
    with database.begin() as connection:
        for sqn in (9, 3):  # registered in another order than landed
            deliveries.register(connection, delivery(sqn))
        deliveries.register(connection, delivery(10, day=2))
        deliveries.register(connection, delivery(11, source="others"))
        offered = [("a.csv", at(1)), ("a.csv", at(2)), ("a.csv", at(3)), ("b.csv", at(1))]
        assert deliveries.known_fingerprints(connection, SOURCE, offered) == {
            ("a.csv", at(1)): {"size": 9},
            ("a.csv", at(2)): {"size": 10},
        }
        assert deliveries.known_fingerprints(connection, SOURCE, []) == {}
        assert deliveries.newest_content(connection, SOURCE, "a.csv", at(1)) == f"{9:064x}"
        assert deliveries.newest_content(connection, SOURCE, "a.csv", at(3)) is None
        assert deliveries.newest_content(connection, "others", "b.csv", at(1)) is None


def test_only_what_is_offered_is_read_however_much_has_landed(database: Engine) -> None:
    came: list[int] = []
    sa.event.listen(database, "after_cursor_execute", lambda *payload: came.append(payload[1].rowcount))
    with database.begin() as connection:
        for sqn in range(1, 61):  # many readings under one name, some of them twice
            deliveries.register(connection, delivery(sqn, day=1 + sqn % 20))
        came.clear()
        assert deliveries.known_fingerprints(connection, SOURCE, [("a.csv", at(7))]) == {
            ("a.csv", at(7)): {"size": 46}
        }
    assert came == [1]


def test_of_a_name_and_a_watermark_the_newest_is_told_to_extractors(database: Engine) -> None:
    with database.begin() as connection:
        for sqn, day in ((1, 1), (2, 3), (3, 2)):
            deliveries.register(connection, delivery(sqn, day=day))
        for sqn, reached in (
            (9, "b"),
            (6, "a"),
            (8, "b"),
            (7, "c"),
        ):  # registered in another order than landed
            deliveries.register(connection, delivery(sqn, watermark_to={"changed": reached}))
        deliveries.register(connection, delivery(10, "b.csv"))
        deliveries.register(connection, delivery(11, source="others"))
        payload = deliveries.newest_landed(connection, SOURCE)
        assert [one.delivery_sqn for one in payload] == [2, 6, 7, 9, 10]
        assert payload[0] == delivery(2, day=3)


def test_recording_a_layer_again_replaces_what_stood_there(ledger: Ledger, database: Engine) -> None:
    ledger.land(1)
    ledger.reach(1, "raw")
    with database.begin() as connection:
        job: int = connection.execute(sa.text("select metadata.this_job_inst('a job')")).scalar_one()
        deliveries.record_layer(
            connection, 1, "raw", status="loaded", job_inst_id=job, record_count=3, parsed_count=4
        )
        (row,) = connection.execute(sa.select(delivery_status)).all()
    assert (row.layer, row.record_count, row.parsed_count, row.job_inst_id) == ("raw", 3, 4, job)


def test_a_historical_status_whose_fates_do_not_add_up_is_refused_by_postgres(
    ledger: Ledger, database: Engine
) -> None:
    ledger.land(1)
    ledger.reach(1, "historical")
    with (
        pytest.raises(sa.exc.IntegrityError, match="delivery_status_ledger_check"),
        database.begin() as connection,
    ):
        connection.execute(delivery_status.update().values(new_count=1))


def test_the_lock_of_a_source_keeps_others_out_of_that_source_only(database: Engine) -> None:
    attempt = sa.text(
        "select pg_try_advisory_xact_lock(hashtextextended('headwater source ' || cast(:source as text), 0))"
    )
    with database.connect() as one, database.connect() as other:
        deliveries.lock_source(one, SOURCE)
        deliveries.lock_source(one, SOURCE)
        assert other.execute(attempt, {"source": SOURCE}).scalar() is False
        assert other.execute(attempt, {"source": "others"}).scalar() is True
        one.rollback()
        assert other.execute(attempt, {"source": SOURCE}).scalar() is True


def test_a_delivery_goes_from_layer_to_layer_and_is_pending_in_one_at_a_time(ledger: Ledger) -> None:
    ledger.land(1)
    assert ledger.all_pending() == {"raw": [1]}
    ledger.reach(1, "raw")
    assert ledger.all_pending() == {"staging": [1]}
    ledger.reach(1, "staging")
    assert ledger.all_pending() == {"checks": [1]}
    ledger.say(1, "passed")
    assert ledger.all_pending() == {"historical": [1]}
    ledger.reach(1, "historical")
    assert ledger.all_pending() == {}


@pytest.mark.parametrize("layers", [(), ("raw",), ("raw", "staging")])
@pytest.mark.parametrize("event", ["halted", "withdrawn"])
def test_what_is_halted_or_withdrawn_is_pending_nowhere(
    ledger: Ledger, layers: tuple[str, ...], event: str
) -> None:
    ledger.land(1)
    ledger.reach(1, *layers)
    ledger.say(1, event)
    assert ledger.all_pending() == {}


def test_pending_deliveries_come_in_order_of_date_then_of_the_bytes_of_their_name(ledger: Ledger) -> None:
    for sqn, (name, day) in enumerate([("b", 2), ("a", 2), ("B", 2), ("_", 2), ("z", 1), ("é", 2)], start=1):
        ledger.land(sqn, name, day)
    ledger.land(7, "a", 2)  # the same identity again: after the first landing
    assert ledger.pending("raw") == [5, 3, 4, 2, 7, 1, 6]
    ledger.reach(3, "raw", "staging")
    assert ledger.pending("raw") == [5, 4, 2, 7, 1, 6]


def through(ledger: Ledger, *sqns: int) -> None:
    for sqn in sqns:
        ledger.reach(sqn, "raw", "staging")
        ledger.say(sqn, "passed")
        ledger.reach(sqn, "historical")


def test_history_must_let_go_of_what_was_withdrawn_and_take_back_what_was_restored(ledger: Ledger) -> None:
    ledger.land(1, "a", 1)
    ledger.land(2, "b", 2)
    through(ledger, 1, 2)
    ledger.say(1, "withdrawn")
    assert ledger.all_pending() == {"historical": [1]}
    ledger.say(1, "restored")
    assert ledger.all_pending() == {}


def test_history_must_exchange_what_is_superseded_but_only_for_one_that_passed(ledger: Ledger) -> None:
    ledger.land(1)
    through(ledger, 1)
    ledger.land(2)
    assert ledger.all_pending() == {"raw": [2]}
    ledger.reach(2, "raw", "staging")
    ledger.say(2, "halted")
    assert ledger.all_pending() == {}
    ledger.say(2, "accepted", checks=("null_keys",))
    assert ledger.all_pending() == {"historical": [1, 2]}


def forget(database: Engine, *layers: str) -> None:
    with database.begin() as connection:
        connection.execute(delivery_status.delete().where(delivery_status.c.layer.in_(layers)))


def test_what_history_replays_is_staged_again_from_there_on(ledger: Ledger, database: Engine) -> None:
    for sqn, day in ((1, 1), (2, 2), (3, 3)):
        ledger.land(sqn, f"{sqn}.csv", day)
    through(ledger, 1, 2, 3)
    forget(database, "staging")
    assert ledger.all_pending() == {}  # history holds them: nobody needs them staged
    ledger.say(2, "withdrawn")
    assert ledger.all_pending() == {"staging": [3], "historical": [2]}
    forget(database, "raw")
    assert ledger.all_pending() == {"raw": [3], "historical": [2]}


def test_a_replayed_delivery_goes_through_every_layer_again(ledger: Ledger) -> None:
    ledger.land(1)
    through(ledger, 1)
    ledger.say(1, "replayed")
    assert ledger.all_pending() == {"raw": [1], "historical": [1]}
    ledger.reach(1, "raw")
    assert ledger.pending("staging") == [1]
    ledger.reach(1, "staging")
    assert ledger.pending("checks") == [1]
    ledger.say(1, "passed")
    assert ledger.all_pending() == {"historical": [1]}
    ledger.reach(1, "historical")
    assert ledger.all_pending() == {}


def test_one_that_is_accepted_in_spite_of_duplicate_keys_is_staged_again(ledger: Ledger) -> None:
    ledger.land(1)
    ledger.reach(1, "raw", "staging")
    ledger.say(1, "halted", checks=("duplicate_keys",))
    ledger.say(1, "accepted", checks=("duplicate_keys",))
    assert ledger.pending("staging") == [1]
    ledger.reach(1, "staging")
    assert ledger.all_pending() == {"historical": [1]}
