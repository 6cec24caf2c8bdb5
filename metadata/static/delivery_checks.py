"""Doubts: what makes a delivery suspect beside those before it, and what a source may say should follow.

    removed                     a snapshot would remove more than max_removed_pct of the current keys
    min_rows                    fewer rows than min_rows can go on
    empty                       no row at all can go on
    nothing_new                 a snapshot in which history finds nothing new, changed or removed
    delivery_date_in_future     dated more than a day after we got it
    delivery_date_before_start  dated before first_delivery_date
    type_changed                (nearly) all values of a column fall out for their type
    gap                         a period of expected_every went by without a delivery

The option `on_<doubt>` of a source is `halt`, `warn` or `ignore`; what follows without it stands here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reaction = Literal["halt", "warn", "ignore"]

REACTIONS: tuple[Reaction, ...] = ("halt", "warn", "ignore")
PERIODS = ("day", "week", "month", "quarter", "year")


@dataclass(frozen=True)
class Doubt:
    """A doubt and what follows from it by default.

    `needs` is the option without which it never arises, or max_removed_pct, a column of `source`. One that
    `compares` looks at what a snapshot leaves out or repeats, which says nothing of a delta.
    """

    name: str
    by_default: Reaction
    needs: str | None = None
    compares: bool = False
    by_default_for_delta: Reaction | None = None

    @property
    def option(self) -> str:
        """The option that says what follows."""
        return f"on_{self.name}"

    def default(self, delivery_type: str) -> Reaction:
        """Return what follows where the source does not say."""
        return (self.by_default_for_delta if delivery_type == "delta" else None) or self.by_default


_DOUBTS = (
    Doubt("removed", "halt", needs="max_removed_pct", compares=True),
    Doubt("min_rows", "halt", needs="min_rows"),
    Doubt("empty", "halt", by_default_for_delta="ignore"),
    Doubt("type_changed", "halt"),
    Doubt("nothing_new", "warn", compares=True),
    Doubt("delivery_date_in_future", "halt"),
    Doubt("delivery_date_before_start", "halt", needs="first_delivery_date"),
    Doubt("gap", "warn", needs="expected_every"),
)

DOUBTS = {doubt.name: doubt for doubt in _DOUBTS}
