"""Columns of a file against columns of the metadata: which goes where, what is missing, what is unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from headwater.extract.files.copy_text import encode_json
from headwater.extract.files.record import Record
from headwater.extract.schema.raw_table import mapped_columns
from headwater.metadata.static.model import Source


@dataclass(frozen=True)
class Match:
    """A header beside the metadata. Columns go by the metadata's name for them, positions count from 0.

    The second column of a name is an unknown one, and so is one that no attribute names.
    """

    header: tuple[str, ...]
    found: Mapping[str, int]  # column → its position
    missing: tuple[str, ...]  # must be there and are not
    absent: tuple[str, ...]  # may be there and are not
    unknown: tuple[int, ...]

    @cached_property
    def first(self) -> Mapping[str, int]:
        """Each name of the header → the position of its first column."""
        first: dict[str, int] = {}
        for position, name in enumerate(self.header):
            first.setdefault(name, position)
        return first

    def name(self, position: int) -> str:
        """A column of the file, for people: `'name' (column 2)`."""
        return f"{self.header[position]!r} (column {position + 1})"


def match_header(source: Source, header: Sequence[str]) -> Match:
    """Find the source's columns in a header, by their names or by those that the publisher gave them later."""
    first: dict[str, int] = {}
    for position, name in enumerate(header):
        first.setdefault(name, position)
    found: dict[str, int] = {}
    missing: list[str] = []
    absent: list[str] = []
    for name, (_, is_optional) in mapped_columns(source).items():
        places = [first[known] for known in (name, *source.later_names(name)) if known in first]
        if places:
            found[name] = places[0]
        else:
            (absent if is_optional else missing).append(name)
    known = set(found.values())
    unknown = tuple(position for position in range(len(header)) if position not in known)
    return Match(tuple(header), found, tuple(missing), tuple(absent), unknown)


@dataclass(frozen=True)
class Layout:
    """The way from a record of `width` values to a row of the raw table."""

    width: int
    positions: tuple[int, ...]  # of the values that have a column of their own, ascending
    columns: tuple[str, ...]  # those columns
    rest: tuple[tuple[int, str], ...]  # position and name of the values that go to _rest

    @classmethod
    def of(cls, source: Source, match: Match) -> Layout:
        """The layout of a matched file. Nothing that came is left out unless the source ignores it."""
        mapped = mapped_columns(source)
        columns = {position: mapped[name][0] for name, position in match.found.items()}
        is_kept = source.on_unknown_column != "ignore"
        return cls(
            width=len(match.header),
            positions=tuple(sorted(columns)),
            columns=tuple(columns[position] for position in sorted(columns)),
            rest=_rest(match.header, match.unknown) if is_kept else (),
        )

    @property
    def is_plain(self) -> bool:
        """Return whether every value has a column, so that a record is a row as it stands."""
        return len(self.positions) == self.width

    def row(self, record: Record) -> Record:
        """The values of a record in the order of `columns`, then _rest if there is any."""
        values = record.values
        row = [values[position] for position in self.positions]
        if self.rest:
            row.append(encode_json({name: values[position] for position, name in self.rest}))
        return Record(record.line, row)


def _rest(header: Sequence[str], unknown: Sequence[int]) -> tuple[tuple[int, str], ...]:
    """Names for _rest: the original ones; a blank or repeated one gets its column's number, `name [7]`."""
    named: list[tuple[int, str]] = []
    taken = {name for name in header if name.strip()}
    others = frozenset(unknown)
    seen = {name for position, name in enumerate(header) if position not in others}
    for position in unknown:
        name = header[position]
        if not name.strip() or name in seen:
            number = position + 1
            name = f"{header[position]} [{number}]".strip()
            while name in taken:
                name += "'"
        seen.add(name)
        taken.add(name)
        named.append((position, name))
    return tuple(named)
