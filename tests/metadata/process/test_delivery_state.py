"""The state that a delivery's events amount to: compared with a plain reading of them, for every short sequence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pytest
from sqlalchemy.engine import Engine

from tests.metadata.process.conftest import Ledger

EVENTS = ("halted", "passed", "accepted", "withdrawn", "restored", "replayed")
LONGEST = 3


def plainly_read(events: Sequence[str], is_in_history: bool) -> tuple[bool, str]:
    """Return whether a delivery counts that is the only one of its identity, and its status."""
    verdict, is_withdrawn = "pending", False
    for event in events:
        if event in ("passed", "accepted"):
            verdict = "passed"
        elif event == "halted":
            verdict = "halted"
        elif event == "replayed":
            verdict, is_in_history = "pending", False  # it is checked again
        else:
            is_withdrawn = event == "withdrawn"
    counts = verdict == "passed" and not is_withdrawn
    if is_withdrawn:
        return counts, "withdrawn"
    if verdict == "halted":
        return counts, "halted"
    return counts, "loaded" if counts and is_in_history else "pending"


@pytest.mark.parametrize("is_in_history", [False, True])
def test_every_sequence_of_events_amounts_to_what_a_plain_reading_says(
    ledger: Ledger, database: Engine, is_in_history: bool
) -> None:
    expected = {}
    sequences = [events for length in range(LONGEST + 1) for events in product(EVENTS, repeat=length)]
    assert len(sequences) == 1 + 6 + 36 + 216
    for sqn, events in enumerate(sequences, start=1):
        ledger.land(sqn, f"{sqn}.csv")
        if is_in_history:
            ledger.reach(sqn, "historical")
        ledger.say(sqn, "landed", *events)
        expected[sqn] = (events, *plainly_read(events, is_in_history))
    with database.connect() as connection:
        rows = connection.exec_driver_sql(
            "select delivery_sqn, counts, status from metadata.delivery_state"
        ).all()
    assert {row[0]: (expected[row[0]][0], *row[1:]) for row in rows} == expected


CHANGE_COUNTS = {
    "pending": (),
    "passed": ("passed",),
    "accepted": ("halted", "accepted"),
    "halted": ("halted",),
    "withdrawn": ("passed", "withdrawn"),
    "restored": ("passed", "withdrawn", "restored"),
    "replayed": ("passed", "replayed"),
}
PASSED = ("passed", "accepted", "restored")


@pytest.mark.parametrize(("older", "newer"), list(product(CHANGE_COUNTS, repeat=2)))
def test_of_one_identity_the_newest_that_passed_and_is_not_withdrawn_counts(
    ledger: Ledger, older: str, newer: str
) -> None:
    ledger.land(1)
    ledger.land(2)
    ledger.land(3, name="b.csv")  # other identities are no part of it
    ledger.land(4, day=2)
    for sqn in (3, 4):
        ledger.say(sqn, "passed")
    ledger.say(2, *CHANGE_COUNTS[newer])
    ledger.say(1, *CHANGE_COUNTS[older])  # the order of the verdicts does not matter

    first, second = ledger.state(1), ledger.state(2)
    assert second.counts == (newer in PASSED)
    assert first.counts == (older in PASSED and newer not in PASSED)
    assert not second.is_superseded
    assert first.is_superseded == (newer in PASSED)
    assert (first.status == "superseded") == (newer in PASSED and older not in ("halted", "withdrawn"))
    assert ledger.state(3).counts
    assert ledger.state(4).counts


def test_what_counts_and_is_not_loaded_or_the_reverse_differs_from_history(ledger: Ledger) -> None:
    ledger.land(1)
    assert not ledger.state(1).differs_from_history
    ledger.say(1, "passed")
    assert ledger.state(1).differs_from_history
    ledger.reach(1, "historical")
    assert not ledger.state(1).differs_from_history
    ledger.say(1, "withdrawn")
    assert ledger.state(1).differs_from_history
