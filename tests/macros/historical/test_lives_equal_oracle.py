"""Whatever happens to the deliveries of a source, in whatever order, every load ends in the oracle's history.

Deliveries come, late ones and ones of one date too, come again, are corrected, halted, accepted, withdrawn, restored
and replayed; raw and staging are purged, all is forgotten and rebuilt; what was known is asked for now and then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.exc import DatabaseError

from tests.macros.conftest import HistoryLab
from tests.macros.historical.test_history_equals_oracle import NAMES, SHAPES, contents, shapes, values_of
from tests.macros.history_bench import Shape, snapshot
from tests.support.history_oracle import Delivery, Key, Row, history

LIVES = 40
LIVES_IN_LONG_TESTS = 1000
STEPS = 25
LAYERS = ("raw", "staging", "checks", "historical")


@dataclass
class Landing:
    """A delivery as it came, and what was said of it."""

    sqn: int
    delivery: Delivery
    losers: dict[Key, Row]
    will_pass: bool
    verdict: str = "pending"
    is_withdrawn: bool = False

    @property
    def identity(self) -> tuple[datetime, str]:
        return self.delivery.date, self.delivery.name

    @property
    def checks(self) -> tuple[str, ...]:
        """Return what it fails when it does not pass."""
        return ("duplicate_keys",) if self.losers else ("removed",)


RECOGNISED: list[int] = []  # rows that each life recognised

# what raw and staging keep: mostly little, so that what comes next needs what is gone
retentions = st.fixed_dictionaries(
    {}, optional={"raw": st.sampled_from([0, 1, 3]), "staging": st.sampled_from([0, 0, 1, 2])}
)
sometimes = st.sampled_from([True, True, False])


@st.composite
def with_losers(draw: st.DrawFn, shape: Shape, name: str, day: int) -> tuple[Delivery, dict[Key, Row]]:
    """A delivery and, seldom, rows in it whose keys come again further down."""
    delivery = draw(contents(shape, name, day))
    _, rows = values_of(shape)
    return delivery, {key: draw(rows) for key in delivery.rows} if draw(st.integers(0, 6)) == 0 else {}


class Life(RuleBasedStateMachine):
    """One source. What it must hold is read plainly from `landings`, without SQL."""

    def __init__(self, lab: HistoryLab) -> None:
        super().__init__()
        self.lab = lab
        self.landings: list[Landing] = []
        self.beliefs: list[tuple[datetime, list[Delivery]]] = []

    @initialize(shape=shapes(), keep=retentions)
    def begin(self, shape: Shape, keep: dict[str, int]) -> None:
        self.bench = self.lab.bench(shape)
        self.keep = keep

    def counting(self) -> list[Delivery]:
        """Of each identity the newest landing that passed and is not withdrawn."""
        passed = [one for one in self.landings if one.verdict == "passed" and not one.is_withdrawn]
        return list({one.identity: one.delivery for one in passed}.values())

    # what publishers do and people decide; mostly a run follows

    @rule(data=st.data(), count=st.integers(1, 3), is_run=sometimes)
    def deliver(self, data: st.DataObject, count: int, is_run: bool) -> None:
        for _ in range(count):
            name, day = data.draw(st.sampled_from(NAMES)), data.draw(st.integers(1, 5))
            delivery, losers = data.draw(with_losers(self.bench.shape, name, day))
            will_pass = data.draw(st.integers(0, 4)) > 0
            sqn = self.bench.land(delivery, losers)
            if sqn is not None:
                self.landings.append(Landing(sqn, delivery, losers, will_pass and not losers))
        if is_run:
            self.run(data)

    @precondition(lambda self: self.landings)
    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        newest = list({one.identity: one for one in self.landings}.values())
        again = data.draw(st.sampled_from(newest))
        assert self.bench.land(again.delivery, again.losers) is None

    @precondition(lambda self: self.landings)
    @rule(data=st.data(), will_pass=st.booleans(), is_run=sometimes)
    def decide(self, data: st.DataObject, will_pass: bool, is_run: bool) -> None:
        one = data.draw(st.sampled_from(self.landings))
        fitting = ["restored"] if one.is_withdrawn else ["withdrawn", "replayed"]
        if one.verdict == "halted" and not one.is_withdrawn:
            fitting.append("accepted")
        decision = data.draw(st.sampled_from(fitting))
        self.bench.say(one.sqn, decision, *(one.checks if decision == "accepted" else ()))
        if decision == "accepted":
            one.verdict = "passed"
        elif decision == "replayed":
            one.verdict, one.will_pass = "pending", will_pass and not one.losers
        else:
            one.is_withdrawn = decision == "withdrawn"
        if is_run:
            self.run(data)

    # what runs do, each to its end or not

    @rule()
    def fill(self) -> None:
        self.bench.fill()

    @precondition(lambda self: self.landings)
    @rule()
    def judge(self) -> None:
        by_sqn = {one.sqn: one for one in self.landings}
        for sqn in self.bench.pending("checks"):
            one = by_sqn[sqn]
            one.verdict = "passed" if one.will_pass else "halted"
            self.bench.say(sqn, one.verdict, *([] if one.will_pass else one.checks))

    @precondition(lambda self: self.landings)
    @rule(data=st.data())
    def load(self, data: st.DataObject) -> None:
        self.bench.fill()
        self.lab.load(self.bench)
        counting = self.counting()
        self.bench.assert_equals_oracle(counting)
        self.beliefs.append((self.bench.now(), counting))
        if data.draw(sometimes):
            self.ask(*data.draw(st.sampled_from(self.beliefs)))

    def ask(self, moment: datetime, believed: list[Delivery]) -> None:
        """The state known then is the state believed, once all that it is made of is staged."""
        if missing := self.bench.unstaged(moment):
            with pytest.raises(DatabaseError, match="Not staged: source "):
                self.lab.known_at(self.bench, moment)
            self.bench.recall(missing)
        assert self.lab.known_at(self.bench, moment) == history(believed, self.bench.shape.policy)

    def run(self, data: st.DataObject) -> None:
        """A whole run, and a second one, which finds nothing to do."""
        self.bench.fill()
        self.judge()
        assert self.bench.pending("raw") == [], "for what passes, all that history needs is staged already"
        self.load(data)
        self.purge(self.keep)
        assert not any(map(self.bench.pending, LAYERS))

    # what retention and rebuilds do

    @precondition(lambda self: self.landings)
    @rule(keep=retentions)
    def purge(self, keep: dict[str, int]) -> None:
        pending = {layer: self.bench.pending(layer) for layer in LAYERS}
        self.bench.purge(**keep)
        for layer, sqns in pending.items():
            assert self.bench.pending(layer) == sqns, "nothing waits for what was purged"

    @precondition(lambda self: self.landings)
    @rule()
    def begin_rebuild(self) -> None:
        self.bench.begin_rebuild()

    @precondition(lambda self: self.landings)
    @rule()
    def break_rebuild_off(self) -> None:
        self.bench.break_rebuild_off()

    def teardown(self) -> None:
        if self.landings:
            self.bench.fill()
            self.judge()
            self.bench.fill()
            self.lab.load(self.bench)
            self.bench.assert_equals_oracle(self.counting())
            for belief in self.beliefs[-3:]:
                self.ask(*belief)


class RecognisingLife(Life):
    """The life of a source whose snapshots are staged in part: only what no current version says."""

    @initialize(shape=st.sampled_from(SHAPES[1:]), keep=retentions)
    def begin(self, shape: Shape, keep: dict[str, int]) -> None:
        self.bench = self.lab.bench(shape, recognises=True)
        self.keep = keep

    # most runs meet one new snapshot, and most of what it says is current
    @rule(data=st.data(), steps=st.lists(st.sampled_from([1, 1, 1, 0, -1]), min_size=1, max_size=5))
    def deliver_next(self, data: st.DataObject, steps: list[int]) -> None:
        for step in steps:
            newest = max((one.delivery.date.day for one in self.landings), default=0)
            self.deliver_like_before(data, min(max(newest + step, 1), 28))

    def deliver_like_before(self, data: st.DataObject, day: int) -> None:
        """Deliver the newest snapshot again, with a few rows changed, gone or unreadable, and run."""
        before = next((one for one in reversed(self.landings) if one.delivery.type == "snapshot"), None)
        rows = dict(before.delivery.rows) if before else {}
        changed = data.draw(contents(self.bench.shape, "next.csv", day))
        for key, row in list(changed.rows.items())[:2]:
            rows[key] = row
        for key in list(changed.unreadable)[:1]:
            rows.pop(key, None)
        delivery = snapshot(f"{day} next.csv", day, rows, tuple(changed.unreadable)[1:])
        sqn = self.bench.land(delivery)
        if sqn is not None:
            self.landings.append(Landing(sqn, delivery, {}, data.draw(st.integers(0, 4)) > 0))
        self.run(data)

    def teardown(self) -> None:
        super().teardown()
        RECOGNISED.append(self.bench.recognised_count)


def live(kind: type[Life], lab: HistoryLab, config: pytest.Config) -> None:
    """Live as many lives of a kind as the tests have time for."""
    run_state_machine_as_test(
        lambda: kind(lab),  # type: ignore[arg-type]  # it only calls what it is given
        settings=settings(
            max_examples=LIVES_IN_LONG_TESTS if config.getoption("--long") else LIVES,
            stateful_step_count=STEPS,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(7200)  # with --long, on a busy machine
def test_any_life_of_a_source_whose_snapshots_are_staged_in_part_ends_in_the_history_of_the_oracle(
    history_lab: HistoryLab, pytestconfig: pytest.Config
) -> None:
    RECOGNISED.clear()
    live(RecognisingLife, history_lab, pytestconfig)
    assert sum(RECOGNISED) > LIVES, "lives in which nothing is recognised prove nothing of it"


@pytest.mark.timeout(7200)  # with --long, on a busy machine
def test_any_life_of_a_source_ends_every_load_in_the_history_of_the_oracle(
    history_lab: HistoryLab, pytestconfig: pytest.Config
) -> None:
    live(Life, history_lab, pytestconfig)
