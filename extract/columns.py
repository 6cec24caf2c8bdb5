"""Columns of a file against columns of the raw table: which goes where, and what is missing or unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from extract.copy_text import encode_json
from extract.csv_records import Record
from extract.raw_table import mapped_columns
from metadata.errors import FormatBroken
from metadata.static.model import Source
from metadata.static.naming import nearest


@dataclass(frozen=True)
class Layout:
    """How a record of `width` values becomes a row of the raw table."""

    width: int
    positions: tuple[int, ...]  # of the values that have a column of their own, ascending
    columns: tuple[str, ...]  # those columns
    rest: tuple[tuple[int, str], ...]  # position and name of the values that go to _rest

    @property
    def is_plain(self) -> bool:
        """Whether every value has a column, so that a record is a row as it stands."""
        return len(self.positions) == self.width

    def row(self, record: Record) -> Record:
        """The values of a record in the order of `columns`, then _rest if there is any."""
        values = record.values
        row = [values[position] for position in self.positions]
        if self.rest:
            row.append(encode_json({name: values[position] for position, name in self.rest}))
        return Record(record.line, row)


def match_header(source: Source, header: Sequence[str], file: str, line: int) -> Layout:
    """Find the source's columns in a header.

    Raises `FormatBroken` when columns that are not optional are missing, naming all of them, or when one is
    unknown and the source's on_unknown_column is `halt`. The second column of a name is an unknown one.
    """
    mapped = mapped_columns(source)
    first: dict[str, int] = {}
    for position, name in enumerate(header):
        first.setdefault(name, position)
    missing = [name for name, (_, is_optional) in mapped.items() if name not in first and not is_optional]
    if missing:
        unused = [name for name in first if name not in mapped]
        said = ", ".join(_missing(name, unused) for name in missing)
        raise FormatBroken(
            file,
            line,
            f"the header lacks {said}: expected every column of {source.name} that is not optional",
        )
    positions = sorted(first[name] for name in mapped if name in first)
    unknown = [position for position in range(len(header)) if position not in set(positions)]
    if unknown and source.on_unknown_column == "halt":
        said = ", ".join(f"{header[position]!r} (column {position + 1})" for position in unknown)
        raise FormatBroken(
            file,
            line,
            f"the header has {said}, which {source.name} does not know: "
            "expected an attribute for it, or on_unknown_column = keep or ignore",
        )
    return Layout(
        width=len(header),
        positions=tuple(positions),
        columns=tuple(mapped[header[position]][0] for position in positions),
        rest=_rest(header, unknown) if source.on_unknown_column == "keep" else (),
    )


def _missing(name: str, unused: list[str]) -> str:
    near = nearest(name, unused) or next((other for other in unused if other.lower() == name.lower()), None)
    return f"{name!r} (nearest: {near!r})" if near else repr(name)


def _rest(header: Sequence[str], unknown: Sequence[int]) -> tuple[tuple[int, str], ...]:
    """Names for _rest: the original ones; a blank or repeated one gets its column's number, `name [7]`."""
    named: list[tuple[int, str]] = []
    taken = {name for name in header if name.strip()}
    seen = {name for position, name in enumerate(header) if position not in set(unknown)}
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
