"""Random lives of a source through the whole line, from its publisher's folder to history, on real S3 and with dbt.

What the macros make of any life is proven in `tests/macros/historical/`; here the layers before them play their own
part in it: landing, raw, staging, checks, purges and rebuilds.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from headwater.pipeline import decide, retention
from headwater.pipeline.rebuild import rebuild
from tests.pipeline.line import Line, cities
from tests.support.history_oracle import Delivery

STEPS = 8
SHORT, LONG = 2, 20


class Life:
    """A source's life on a line; `versions` are the contents of each file in order of landing."""

    def __init__(self, line: Line, random: Random) -> None:
        self.line, self.random = line, random
        self.landings: list[tuple[int, Delivery]] = []
        self.withdrawn: set[int] = set()
        self.halted: set[int] = set()

    def counting(self) -> list[Delivery]:
        """Of each file the newest landing that is neither halted nor withdrawn."""
        out = self.withdrawn | self.halted
        return list({delivery.name: delivery for sqn, delivery in self.landings if sqn not in out}.values())

    def deliver(self) -> None:
        """One or two files: new, late, or again with other content; seldom with a key that comes twice."""
        days = self.random.sample(range(1, 6), self.random.choice((1, 1, 2)))
        published = []
        for day in sorted(days):
            held = self.random.sample("abcd", self.random.randint(1, 4))
            delivery = cities(day, {key: (key.upper(), self.random.randint(1, 2)) for key in sorted(held)})
            has_twin = self.random.random() < 0.2
            before = self.newest(delivery.name)
            if before and before[1] == delivery:
                continue  # the same content is no delivery
            key = held[0]
            row = delivery.rows[(key,)]
            self.line.deliver("cities", delivery, *([f"{key},{row[0]},{row[1]},{delivery.name}"] * has_twin))
            published.append((delivery, has_twin))
        self.line.run("cities")
        for delivery, has_twin in published:
            sqn = self.line.sqn(delivery.name)
            self.landings.append((sqn, delivery))
            if has_twin:
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
        assert rebuild(self.line.project, ["cities"], self.line.messages.append).exit_code == 0


@pytest.mark.parametrize(
    "seed", [*range(SHORT), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(SHORT, LONG))]
)
def test_any_life_on_the_whole_line_ends_every_run_in_the_history_of_the_oracle(
    line: Line, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    random = Random(seed)
    life = Life(line, random)

    def keep(_: object) -> dict[str, int]:
        return {layer: random.choice((0, 1, 2)) for layer in ("raw", "staging") if random.random() < 0.8}

    monkeypatch.setattr(retention, "policy", keep)
    steps: list[Callable[[], None]] = [life.deliver, life.deliver, life.decide, life.decide, life.rebuild]
    for step in [life.deliver, *random.choices(steps, k=STEPS - 1)]:
        step()
        line.assert_history("cities", *life.counting())
    monkeypatch.setattr(retention, "policy", lambda _: {})
    before = line.contents()
    line.ran_well("cities")
    assert line.contents() == before
