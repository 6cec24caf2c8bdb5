"""Probable renames of columns, by name, position and values."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy import Connection

from headwater.extract.files.record import Record
from headwater.extract.schema.columns import Match
from headwater.extract.schema.raw_table import first_values
from headwater.metadata.errors import FormatBroken
from headwater.metadata.static.model import Source

COMPARED = 1000  # records of either delivery whose values are looked at
LONGEST = 200  # characters of a name or value that are compared
MOST_PAIRS = 20_000  # of names that are compared with one another
ALIKE = 0.6  # of two names, by difflib
SHARED = 0.5  # of the new column's values, among those of the missing one
FEWEST_VALUES = 3  # different ones; fewer say nothing

Values = Mapping[str, Set[str]]  # column → some of its values


@dataclass(frozen=True)
class Before:
    """The delivery before, as far as it is known: its header, and values of its columns by the metadata's name."""

    header: Sequence[str] = ()
    values: Values = field(default_factory=dict)


def renamed_columns(
    connection: Connection,
    source: Source,
    earlier: tuple[int, Sequence[str]] | None,
    match: Match,
    records: Iterable[Record],
) -> dict[str, int]:
    """Missing column → position of the unknown one that it probably is; `earlier` is the delivery before."""
    lost = (*match.missing, *match.absent)
    if not lost or not match.unknown:
        return {}
    before = Before()
    if earlier is not None:
        values = first_values(connection, source, earlier[0], lost, COMPARED)
        before = Before(
            earlier[1], {name: {value[:LONGEST] for value in some} for name, some in values.items()}
        )
    now: dict[str, set[str]] = {match.header[position]: set() for position in match.unknown}
    with suppress(FormatBroken):  # what is wrong with the columns is said first
        for record in islice(records, COMPARED):
            for position in match.unknown:
                now[match.header[position]].add((record.values[position] or "")[:LONGEST])
    return likely_renames(lost, match.header, match.unknown, before, now)


def likely_renames(
    missing: Sequence[str], header: Sequence[str], unknown: Sequence[int], before: Before, values: Values
) -> dict[str, int]:
    """Missing column → position of the unknown one that it probably became. Each has one partner at most."""
    known = frozenset(before.header)
    new = [position for position in unknown if header[position] not in known]
    if len(missing) * len(new) > MOST_PAIRS:  # nobody renames so many at once, and each pair takes its time
        new = _likely(missing, header, new, before)
    pairs = []
    for place, old in enumerate(missing):
        for position in new:
            likeness = _likeness(old, header, position, before, values)
            if likeness > 0:
                pairs.append((-likeness, place, position, old))
    found: dict[str, int] = {}
    taken: set[int] = set()
    for _, _, position, old in sorted(pairs):
        if old not in found and position not in taken:
            found[old] = position
            taken.add(position)
    return found


def _likely(missing: Sequence[str], header: Sequence[str], new: Sequence[int], before: Before) -> list[int]:
    """The few that have the name of a missing one but for case and signs, or stand where one stood."""
    names, lost = {_plain(old) for old in missing}, frozenset(missing)
    has_places = len(before.header) == len(header)
    likely = (
        position
        for position in new
        if _plain(header[position]) in names or (has_places and before.header[position] in lost)
    )
    return list(islice(likely, max(1, MOST_PAIRS // len(missing))))


def _likeness(old: str, header: Sequence[str], position: int, before: Before, values: Values) -> float:
    """Return the evidence for a rename; 0 without any: a position alone does not outweigh different values."""
    by_name = _alike(old, header[position])
    stands_there = len(before.header) == len(header) and before.header[position] == old
    was, now = before.values.get(old, frozenset()), values.get(header[position], frozenset())
    enough = min(len(was), len(now)) >= FEWEST_VALUES
    by_values = len(was & now) / len(now) if enough else 0.0
    is_reason = (
        by_name >= ALIKE or (stands_there and not (enough and was.isdisjoint(now))) or by_values >= SHARED
    )
    return by_name + stands_there + by_values if is_reason else 0.0


def _alike(old: str, new: str) -> float:
    """1 where only case, white space or signs differ; ALIKE at least where one has all words of the other."""
    one, other = _plain(old), _plain(new)
    ratio = difflib.SequenceMatcher(None, one, other).ratio() if one and other else 0.0
    some, more = _words(old), _words(new)
    return max(ALIKE, ratio) if some and more and (some <= more or more <= some) else ratio


def _words(name: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", name[:LONGEST].casefold()))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name[:LONGEST].casefold())
