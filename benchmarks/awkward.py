"""Six awkward series of deliveries of three columns: customer, city, and the date of the delivery.

Standard library only, since the environments of the peers import it, too.
"""

from __future__ import annotations

from dataclasses import dataclass

ARRIVAL_DAYS = (1, 3, 4)  # of January 2026: the days on which the deliveries of every series arrive
FIRST = (("A", "Rome"), ("B", "Oslo"), ("C", "Lima"))
SECOND = (("A", "Riga"), ("B", "Oslo"), ("C", "Lima"), ("D", "Kyiv"))
THIRD = (("A", "Riga"), ("B", "Bonn"), ("C", "Lima"), ("D", "Kyiv"))


@dataclass(frozen=True)
class Snapshot:
    """A delivery that holds everything: its date as a day of January 2026, and its rows of customer and city."""

    day: int
    rows: tuple[tuple[str, str], ...]

    @property
    def date(self) -> str:
        """Return the delivery date in ISO format."""
        return date_of(self.day)


@dataclass(frozen=True)
class Series:
    """Three deliveries in order of arrival; history must be that of the `effective` ones, by their places."""

    what: str
    arrivals: tuple[Snapshot, Snapshot, Snapshot]
    effective: tuple[int, ...]
    withdrawn: int | None = None  # the place of a delivery that the publisher takes back at the end


SERIES = {
    "late": Series(
        "a delivery of January 2 arrives after that of January 3",
        (Snapshot(1, FIRST), Snapshot(3, THIRD), Snapshot(2, SECOND)),
        (0, 1, 2),
    ),
    "corrected": Series(
        "the publisher sends the second delivery again, of the same date, with another city",
        (Snapshot(1, FIRST), Snapshot(3, SECOND), Snapshot(3, (("A", "Bari"), *SECOND[1:]))),
        (0, 2),
    ),
    "withdrawn": Series(
        "the publisher takes the second delivery back after the third",
        (Snapshot(1, FIRST), Snapshot(3, SECOND), Snapshot(4, THIRD)),
        (0, 2),
        withdrawn=1,
    ),
    "delivered_twice": Series(
        "the second delivery arrives twice, unchanged",
        (Snapshot(1, FIRST), Snapshot(3, SECOND), Snapshot(3, SECOND)),
        (0, 1),
    ),
    "key_twice": Series(
        "the second delivery has two rows of one customer, with different cities",
        (Snapshot(1, FIRST), Snapshot(3, (*SECOND, ("A", "Bari"))), Snapshot(4, THIRD)),
        (0, 2),
    ),
    "truncated": Series(
        "the second delivery ends after its first row",
        (Snapshot(1, FIRST), Snapshot(3, SECOND[:1]), Snapshot(4, THIRD)),
        (0, 2),
    ),
}


def date_of(day: int) -> str:
    """Return a day of January 2026 in ISO format."""
    return f"2026-01-{day:02}"
