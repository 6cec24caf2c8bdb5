"""Whatever the deliveries, their order of arrival, batches and policy: tables and counts equal the oracle's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.macros.conftest import HistoryLab
from tests.macros.history_bench import Shape, delta, snapshot
from tests.support.history_oracle import Delivery, Key, Policy, history

SHAPES = (
    Shape(keys={"code": "text"}, tracked={"a": "text", "b": "integer"}, untracked={"seen": "text"}),
    Shape(keys={"code": "text", "part": "integer"}, tracked={"a": "text"}, untracked={}),
    Shape(keys={"code": "text"}, tracked={}, untracked={}),
    Shape(
        keys={"select": "integer", "Mixed Case": "text"},
        tracked={"order": "text", "b": "integer"},
        untracked={},
    ),
)
VALUES = {
    "text": st.sampled_from([None, "", "a", "A", "b", " ", "ä"]),
    "integer": st.sampled_from([None, 0, 1, -1]),
}
KEY_VALUES = {"text": st.sampled_from(["", "a", "B", "ä"]), "integer": st.sampled_from([1, 2])}
# the order of one date is that of the names' bytes: a locale's order would put _x and B elsewhere
NAMES = ("B.csv", "_x.csv", "a.csv", "é.csv")

# each is half a second of loads: as many as usual only where there is time
EXAMPLES = 100 if settings().max_examples < 1000 else settings().max_examples


@dataclass(frozen=True)
class Example:
    """Deliveries in order of arrival, how many come before each load, and which are taken back afterwards."""

    shape: Shape
    deliveries: tuple[Delivery, ...]
    loads_after: frozenset[int]
    withdrawn: tuple[int, ...]
    restored: tuple[int, ...]


@st.composite
def examples(draw: st.DrawFn) -> Example:
    policy = Policy(draw(st.booleans()), draw(st.booleans()), draw(st.booleans()))
    if draw(st.booleans()):
        policy = Policy()
    base = draw(st.sampled_from(SHAPES))
    shape = Shape(base.keys, base.tracked, base.untracked, policy)
    keys = st.tuples(*(KEY_VALUES[kind] for kind in shape.keys.values()))
    rows = st.tuples(*(VALUES[kind] for kind in shape.tracked.values()))
    identities = st.lists(
        st.tuples(st.sampled_from(NAMES), st.integers(1, 4)), min_size=1, max_size=7, unique=True
    )
    deliveries = []
    for name, day in draw(identities):
        held = draw(st.dictionaries(keys, rows, max_size=5))
        others: list[Key] = draw(st.lists(keys, max_size=3, unique=True))
        kind = draw(st.sampled_from([snapshot, snapshot, delta]))
        if kind is snapshot:
            deliveries.append(snapshot(f"{day} {name}", day, held, unreadable=others))
        else:
            deliveries.append(delta(f"{day} {name}", day, held, [key for key in others if key not in held]))
    numbers = range(len(deliveries))
    loads_after = frozenset(number for number in numbers if draw(st.booleans()))
    withdrawn = tuple(number for number in numbers if draw(st.integers(0, 4)) == 0)
    restored = tuple(number for number in withdrawn if draw(st.booleans()))
    return Example(shape, tuple(draw(st.permutations(deliveries))), loads_after, withdrawn, restored)


@pytest.mark.timeout(7200)  # with --long, on a busy machine
@given(example=examples())
@settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_history_and_counts_equal_the_oracle(history_lab: HistoryLab, example: Example) -> None:
    bench = history_lab.bench(example.shape)
    sqns = []
    beliefs: list[tuple[datetime, Sequence[Delivery]]] = []  # what was known when
    for number, delivery in enumerate(example.deliveries):
        sqns.append(bench.stage(delivery))
        beliefs.append((bench.now(), example.deliveries[: number + 1]))
        if number in example.loads_after:
            history_lab.load(bench)
            bench.assert_equals_oracle(example.deliveries[: number + 1])
    history_lab.load(bench)
    bench.assert_equals_oracle(example.deliveries)

    for number in example.withdrawn:
        bench.say(sqns[number], "withdrawn")
    history_lab.load(bench)
    left = [d for number, d in enumerate(example.deliveries) if number not in example.withdrawn]
    bench.assert_equals_oracle(left)
    beliefs.append((bench.now(), left))

    for number in example.restored:
        bench.say(sqns[number], "restored")
    history_lab.load(bench)
    still_out = set(example.withdrawn) - set(example.restored)
    bench.assert_equals_oracle(d for number, d in enumerate(example.deliveries) if number not in still_out)

    for moment, counting in beliefs:
        assert history_lab.known_at(bench, moment) == history(counting, example.shape.policy)
