"""Layers that lost their rows: what may go, what must come back, and that nothing is asked of rows that are gone."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from headwater.metadata.process import deliveries
from tests.metadata.process.conftest import SOURCE, Ledger

LAYERS = ("raw", "staging")


def load(ledger: Ledger, *days: int) -> None:
    """Deliveries in history, numbered and dated by their day."""
    for day in days:
        ledger.land(day, f"{day}.csv", day)
        ledger.say(day, "passed")
        ledger.reach(day, "raw", "staging", "checks", "historical")


def mark(ledger: Ledger, status: str, *sqns: int, layers: tuple[str, ...] = LAYERS) -> None:
    with ledger.database.begin() as connection:
        for sqn in sqns:
            for layer in layers:
                deliveries.record_layer(connection, sqn, layer, status=status, job_inst_id=1)


def purgeable(ledger: Ledger, keep: int, layer: str = "staging") -> list[int]:
    with ledger.database.connect() as connection:
        return deliveries.purgeable(connection, SOURCE, layer, keep)


@pytest.mark.parametrize(("keep", "gone"), [(0, [1, 2, 3]), (1, [1, 2]), (2, [1]), (3, []), (9, [])])
def test_all_but_the_newest_in_history_may_go(ledger: Ledger, keep: int, gone: list[int]) -> None:
    load(ledger, 3, 1, 2)
    assert purgeable(ledger, keep, "raw") == purgeable(ledger, keep, "staging") == gone
    mark(ledger, "purged", 1, layers=("raw",))
    assert purgeable(ledger, keep, "raw") == [sqn for sqn in gone if sqn != 1]
    assert purgeable(ledger, keep, "staging") == gone


def test_of_one_date_the_last_by_the_bytes_of_its_name_is_the_newest(ledger: Ledger) -> None:
    for sqn, name in enumerate(("é.csv", "a.csv", "_x.csv", "B.csv"), start=1):
        ledger.land(sqn, name)
        ledger.say(sqn, "passed")
        ledger.reach(sqn, "raw", "staging", "historical")
    assert purgeable(ledger, 2) == [4, 3]


@pytest.mark.parametrize(
    ("events", "may_go"),
    [
        (("passed", "withdrawn"), True),
        (("halted",), False),  # waits for a decision
        (("halted", "withdrawn"), True),
        ((), False),  # waits for its verdict
    ],
)
def test_what_history_does_not_hold_may_go_once_nothing_waits_for_it(
    ledger: Ledger, events: tuple[str, ...], may_go: bool
) -> None:
    load(ledger, 2, 3)
    ledger.land(1, "1.csv", 1)
    ledger.reach(1, "raw", "staging")
    ledger.say(1, *events)
    assert (1 in purgeable(ledger, 1)) == may_go


def test_what_another_landing_superseded_may_go(ledger: Ledger) -> None:
    load(ledger, 2, 3)
    for sqn in (11, 12):
        ledger.land(sqn, "1.csv", 1)
        ledger.say(sqn, "passed")
        ledger.reach(sqn, "raw", "staging")
    ledger.reach(12, "historical")
    assert purgeable(ledger, 2) == [11, 12]


def test_what_a_rewind_will_need_stays(ledger: Ledger) -> None:
    load(ledger, 1, 2, 3, 4)
    ledger.say(2, "withdrawn")
    assert purgeable(ledger, 0) == [1]  # history has yet to be made anew from the 2nd on


@pytest.mark.parametrize(
    ("name", "day", "needed"),
    [("late.csv", 2, [2, 3, 4]), ("z.csv", 3, [3, 4]), ("late.csv", 4, [4]), ("new.csv", 5, [])],
)
def test_from_the_first_pending_delivery_on_all_that_counts_is_wanted_back(
    ledger: Ledger, name: str, day: int, needed: list[int]
) -> None:
    load(ledger, 1, 2, 3, 4)
    mark(ledger, "purged", 1, 2, 3, 4)
    assert ledger.all_pending() == {}
    ledger.land(9, name, day)
    assert sorted(ledger.pending("raw")) == sorted([*needed, 9])
    mark(ledger, "loaded", 9, layers=("raw",))
    assert sorted(ledger.pending("raw")) == needed
    assert ledger.pending("staging") == [9]
    assert purgeable(ledger, 0) == []


def test_what_staging_lost_and_raw_has_is_staged_again_and_not_checked_again(ledger: Ledger) -> None:
    load(ledger, 1, 2)
    mark(ledger, "purged", 1, 2, layers=("staging",))
    ledger.say(1, "withdrawn")
    assert ledger.all_pending() == {"staging": [2], "historical": [1]}


def test_what_is_recalled_is_wanted_whatever_it_counts_for(ledger: Ledger) -> None:
    load(ledger, 1, 2)
    ledger.land(3, "3.csv", 3)
    ledger.say(3, "passed", "withdrawn")
    mark(ledger, "purged", 1, layers=("raw",))
    mark(ledger, "recalled", 1, 3, layers=("staging",))
    assert ledger.all_pending() == {"raw": [1, 3]}
    mark(ledger, "loaded", 1, 3, layers=("raw",))
    assert ledger.all_pending() == {"staging": [1, 3]}
    assert purgeable(ledger, 0, "raw") == [2]


def test_a_replay_takes_what_was_purged_through_every_layer_again(ledger: Ledger) -> None:
    load(ledger, 1, 2)
    mark(ledger, "purged", 1, 2)
    ledger.say(1, "replayed")
    assert ledger.all_pending() == {"raw": [1, 2], "historical": [1]}


def test_what_was_known_is_not_told_without_the_rows_that_it_is_made_of(ledger: Ledger) -> None:
    load(ledger, 1, 2)
    mark(ledger, "purged", 1)
    assert known(ledger, "2026-01-01") is True  # nothing had come yet
    with pytest.raises(sa.exc.DatabaseError) as error:
        known(ledger, "infinity")
    assert (
        str(error.value.orig).splitlines()[0]
        == f"Not staged: source {SOURCE}: what was known at infinity is made of deliveries 1, which staging does not"
        f" hold. `headwater as-of {SOURCE} --on DAY --known-at MOMENT` brings them back from S3."
    )
    mark(ledger, "loaded", 1, layers=("staging",))
    assert known(ledger, "infinity") is True


def known(ledger: Ledger, moment: str) -> Any:
    with ledger.database.connect() as connection:
        statement = sa.text("select metadata.require_staged_at(:source, cast(:moment as timestamptz))")
        return connection.execute(statement, {"source": SOURCE, "moment": moment}).scalar()
