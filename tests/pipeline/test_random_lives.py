"""Random lives of a source through the whole line, from its publisher's folder to history, on real S3 and with dbt.

What the macros make of any life is proven in `tests/macros/historical/`; here the layers before them play their own
part in it: landing, raw, staging, checks, purges and rebuilds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from headwater.pipeline import decide, retention
from headwater.pipeline.rebuild import rebuild
from tests.macros.history_bench import Shape, assert_equals_oracle
from tests.pipeline.engineer import STAGING, Engineer
from tests.pipeline.line import Line, cities, ratings
from tests.pipeline.project import SHAPES
from tests.support.history_oracle import Delivery, Key, Row

STEPS = 8
SHORT, LONG = 2, 20
SHORT_EDITED, LONG_EDITED = 1, 20

# an author's staging model: it derives two columns, one of them across the rows of a delivery, and leaves out rows
MODEL = """typed.*, people * 10 + length(name) as tens, max(people) over () as most from typed
    where people = 1 or city in ('a', 'b')"""
EDITED = Shape(
    SHAPES["cities"].keys,
    {**SHAPES["cities"].tracked, "tens": "integer", "most": "integer"},
    SHAPES["cities"].untracked,
)


def is_modelled(key: Key, row: Row) -> bool:
    return row[1] == 1 or key[0] in "ab"


def as_modelled(delivery: Delivery) -> Delivery:
    """Return what the author's model makes of a delivery: rows that it leaves out are as if not delivered."""
    kept = {key: row for key, row in delivery.rows.items() if is_modelled(key, row)}
    return replace(
        delivery,
        rows={
            key: (*row, row[1] * 10 + len(row[0]), max(other[1] for other in kept.values()))
            for key, row in kept.items()
        },
    )


class Life:
    """A source's life on a line; `versions` are the contents of each file in order of landing."""

    def __init__(
        self,
        line: Line,
        random: Random,
        is_kept: Callable[[Key, Row], bool] = lambda *_: True,
        source: str = "cities",
    ) -> None:
        self.line, self.random, self.is_kept, self.source = line, random, is_kept, source
        self.landings: list[tuple[int, Delivery]] = []
        self.withdrawn: set[int] = set()
        self.halted: set[int] = set()

    def counting(self) -> list[Delivery]:
        """Of each file the newest landing that is neither halted nor withdrawn."""
        out = self.withdrawn | self.halted
        return list({delivery.name: delivery for sqn, delivery in self.landings if sqn not in out}.values())

    def deliver(self) -> None:
        """One or two files: new, late, or again with other content; seldom with a key that comes twice.

        A file of which the model leaves out every row halts like an empty one.
        """
        days = self.random.sample(range(1, 6), self.random.choice((1, 1, 2)))
        published = []
        for day in sorted(days):
            held = self.random.sample("abcd", self.random.randint(1, 4))
            people = {key: self.random.randint(1, 2) for key in sorted(held)}
            delivery = (
                cities(day, {key: (key.upper(), count) for key, count in people.items()})
                if self.source == "cities"
                else ratings(day, {key: (count,) for key, count in people.items()})
            )
            has_twin = self.source == "cities" and self.random.random() < 0.2
            before = self.newest(delivery.name)
            if before and before[1] == delivery:
                continue  # the same content is no delivery
            key = held[0]
            row = delivery.rows[(key,)]
            twin = [",".join(map(str, (key, *row, delivery.name)))] * has_twin
            self.line.deliver(self.source, delivery, *twin)
            is_empty = not any(self.is_kept(*item) for item in delivery.rows.items())
            published.append((delivery, is_empty or (has_twin and self.is_kept((key,), row))))
        self.line.run(self.source)
        for delivery, is_halted in published:
            sqn = self.line.sqn(delivery.name)
            self.landings.append((sqn, delivery))
            if is_halted:
                self.halted.add(sqn)
        self.landings.sort(key=lambda landing: landing[0])

    def newest(self, name: str) -> tuple[int, Delivery] | None:
        return next((landing for landing in reversed(self.landings) if landing[1].name == name), None)

    def decide(self) -> None:
        """Withdraw, restore, accept or replay one of them, as fits it."""
        if not self.landings:
            return
        sqn = self.random.choice(self.landings)[0]
        if sqn in self.withdrawn:
            decision = "restore"
            self.withdrawn.discard(sqn)
        elif sqn in self.halted and self.random.random() < 0.7:
            decision = "accept"
            self.halted.discard(sqn)
        elif sqn not in self.halted and self.random.random() < 0.6:
            decision = "withdraw"
            self.withdrawn.add(sqn)
        else:
            self.replay(sqn)
            return
        decide.decide(self.line.project, decision, sqn, "a test", self.line.messages.append)

    def replay(self, sqn: int) -> None:
        result = decide.decide(self.line.project, "replay", sqn, "a test", self.line.messages.append)
        if result.halts:  # one that was accepted is checked again
            self.halted.add(sqn)

    def rebuild(self) -> None:
        assert rebuild(self.line.project, [self.source], self.line.messages.append).exit_code == 0


def seeds(short: int, long: int) -> list[object]:
    """Return the numbers that lives are drawn by: the first few run without --long too."""
    return [*range(short), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(short, long))]


@pytest.mark.parametrize("seed", seeds(SHORT, LONG))
def test_any_life_on_the_whole_line_ends_every_run_in_the_history_of_the_oracle(
    line: Line, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    life = Life(line, Random(seed))
    live(life, monkeypatch, lambda: line.assert_history("cities", *life.counting()))


@pytest.mark.parametrize("seed", seeds(SHORT, LONG))
def test_any_life_in_which_rows_are_recognised_ends_every_run_in_the_history_of_the_oracle(
    line: Line, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setenv("HEADWATER_RECOGNISE", "always")
    life = Life(line, Random(seed), source="ratings")
    live(life, monkeypatch, lambda: line.assert_history("ratings", *life.counting()))


@pytest.mark.parametrize("seed", seeds(SHORT_EDITED, LONG_EDITED))
def test_any_life_with_an_edited_model_is_that_of_what_the_model_makes_of_each_delivery(
    line: Line, engineer: Engineer, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    engineer.edit(f"{STAGING}.sql", "* from typed\n", f"{MODEL}\n")
    engineer.list_in_history("tens,\n        most")
    life = Life(line, Random(seed), is_modelled)
    live(
        life,
        monkeypatch,
        lambda: assert_equals_oracle(line.database, "cities", EDITED, map(as_modelled, life.counting())),
    )


def live(life: Life, monkeypatch: pytest.MonkeyPatch, assert_history: Callable[[], None]) -> None:
    """Take random steps, and look at history after each."""
    random, line = life.random, life.line

    def keep(_: object) -> dict[str, int]:
        return {layer: random.choice((0, 1, 2)) for layer in ("raw", "staging") if random.random() < 0.8}

    monkeypatch.setattr(retention, "policy", keep)
    steps: list[Callable[[], None]] = [life.deliver, life.deliver, life.decide, life.decide, life.rebuild]
    for step in [life.deliver, *random.choices(steps, k=STEPS - 1)]:
        step()
        assert_history()
    monkeypatch.setattr(retention, "policy", lambda _: {})
    before = line.contents()
    line.ran_well(life.source)
    assert line.contents() == before
