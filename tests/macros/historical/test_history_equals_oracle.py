"""Whatever the deliveries, their order of arrival, batches and policy: tables and counts equal the oracle's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.macros.conftest import HistoryLab
from tests.macros.history_bench import Shape, delta, partition_snapshot, snapshot
from tests.support.history_oracle import Delivery, Key, Part, Policy, Row, history

SHAPES = (
    Shape(
        keys={"code": "text"},
        tracked={"a": "text", "b": "integer"},
        untracked={"seen": "text", "first": "text"},
    ),
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
# few parts, so that deliveries meet in them
PARTS = {"text": st.sampled_from([None, "a", "B"]), "integer": st.sampled_from([None, 1])}
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
def shapes(draw: st.DrawFn) -> Shape:
    """A source; one of three has parts, by its key where changes are not loaded."""
    base = draw(st.sampled_from(SHAPES))
    policy = draw(st.just(Policy()) | st.builds(Policy, st.booleans(), st.booleans(), st.booleans()))
    if draw(st.integers(0, 2)) == 0:
        places = len(base.keys) + (len(base.tracked) if policy.changed else 0)
        partition_by = draw(st.lists(st.integers(0, places - 1), min_size=1, max_size=2, unique=True))
        policy = replace(policy, partition_by=tuple(partition_by))
    policy = replace(policy, keeps_latest=bool(base.untracked) and draw(st.booleans()))
    return Shape(base.keys, base.tracked, base.untracked, policy)


def values_of(shape: Shape) -> tuple[st.SearchStrategy[Key], st.SearchStrategy[Row]]:
    """Keys and rows of a source."""
    parts = shape.policy.partition_by
    tracked = [
        (PARTS if place in parts else VALUES)[kind]
        for place, kind in enumerate(shape.tracked.values(), start=len(shape.keys))
    ]
    return st.tuples(*(KEY_VALUES[kind] for kind in shape.keys.values())), st.tuples(*tracked)


@st.composite
def contents(draw: st.DrawFn, shape: Shape, name: str, day: int) -> Delivery:
    """A delivery of any kind that the source may have."""
    keys, rows = values_of(shape)
    held = draw(st.dictionaries(keys, rows, max_size=5))
    others: list[Key] = draw(st.lists(keys, max_size=3, unique=True))
    by_parts = ["partition_snapshot"] * 4 if shape.policy.partition_by else []
    kind = draw(st.sampled_from(["snapshot", "snapshot", "delta", *by_parts]))
    if kind == "delta":
        return delta(f"{day} {name}", day, held, [key for key in others if key not in held])
    if kind == "partition_snapshot" and draw(st.booleans()):
        kinds = [
            [*shape.keys.values(), *shape.tracked.values()][place] for place in shape.policy.partition_by
        ]
        part: Part = draw(st.tuples(*(PARTS[kind].filter(lambda value: value is not None) for kind in kinds)))
        return partition_snapshot(f"{day} {name}", day, held, others, part)
    make = snapshot if kind == "snapshot" else partition_snapshot
    return make(f"{day} {name}", day, held, others)


@st.composite
def examples(draw: st.DrawFn) -> Example:
    shape = draw(shapes())
    identities = st.lists(
        st.tuples(st.sampled_from(NAMES), st.integers(1, 4)), min_size=1, max_size=7, unique=True
    )
    deliveries = []
    for name, day in draw(identities):
        deliveries.append(draw(contents(shape, name, day)))
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
