"""Records without a header: each is an object, and the header is the union of their members.

The file is read once. Its parsed records wait in a temporary file until the last one, because only then all
columns are known.
"""

from __future__ import annotations

import json
import marshal
import struct
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from json.encoder import encode_basestring
from typing import IO, Any, TypeAlias, cast

from headwater.extract.files.limits import Expansion
from headwater.extract.files.record import Record
from headwater.extract.formats.flat_record import Flat, plain_text
from headwater.extract.formats.json_values import JsonValue, NotJsonError, as_text, require_text
from headwater.extract.formats.mapped_paths import Paths
from headwater.extract.formats.record_path import kind
from headwater.extract.schema.columns import Layout
from headwater.extract.schema.raw_table import mapped_columns
from headwater.metadata.errors import FormatBroken
from headwater.metadata.static.model import Source

BATCH, BATCH_CHARACTERS = 1000, 4 << 20  # records, and their characters; whichever is less
MOST_COLUMNS = 5000
_SIZE = struct.Struct("<Q")

FoundRecord: TypeAlias = tuple[int | None, "JsonValue | Flat"]  # a record, and its line where it has one
Columns: TypeAlias = dict[str, str | None]
Spooled: TypeAlias = tuple[int, "int | None", Any]  # line, number of a shape, values; or line, None, columns


class Discovered:
    """Records with their discovered columns: each mapped path that any of them has, and all other members.

    A record without a line gets a number. Numbers and lines continue from one file to the next.
    """

    line: int | None = None  # of the header: there is none
    expected = "expected records that have them (record_path)"

    def __init__(
        self, source: Source, files: Iterable[tuple[str, Iterable[FoundRecord]]], expansion: Expansion
    ) -> None:
        self._expansion = expansion
        self._paths = Paths.of(source)
        self._names: dict[str, None] = {}
        self._shapes: dict[tuple[str, ...], int] = {}  # of flat records whose members are columns
        self._spool: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._last = 0
        for file, found in files:
            self._gather(file, iter(found))
        self.header = tuple(self._names) or tuple(
            mapped_columns(source)
        )  # a file without records lacks no column

    def rows(self, layout: Layout) -> Iterator[Record]:
        """Yield the records as rows of raw: the mapped columns, then `_rest` as the file has it; null stays null."""
        return chain.from_iterable(self.batches(layout))

    def batches(self, layout: Layout) -> Iterator[list[Record]]:
        """Yield the rows in the batches of the temporary file: none has much more than BATCH_CHARACTERS."""
        names = [self.header[position] for position in layout.positions]
        rest = [(name, f"{encode_basestring(name)}:") for name in (self.header[p] for p, _ in layout.rest)]
        is_rest_as_written = self._paths.names.isdisjoint(name for name, _ in rest)
        shapes = list(self._shapes)
        flat = [_flat_row(shape, names, rest) for shape in shapes]

        def row(shape: int | None, found: Any) -> list[str | None]:
            if shape is not None and is_rest_as_written:
                return flat[shape](found)
            columns = found if shape is None else self._columns_of(shapes[shape], found)
            row = [columns.get(name) for name in names]
            if rest:
                members = [label + self._json(name, columns) for name, label in rest if name in columns]
                row.append("{" + ",".join(members) + "}")
            return row

        for batch in self._spooled():
            yield [Record(line, row(shape, found)) for line, shape, found in batch]

    def records(self) -> Iterator[Record]:
        """Yield the records with every value as text; a missing member is null."""
        shapes = list(self._shapes)
        for line, shape, found in chain.from_iterable(self._spooled()):
            columns = found if shape is None else self._columns_of(shapes[shape], found)
            yield Record(line, [self._text(name, columns) for name in self.header])

    def _columns_of(self, names: tuple[str, ...], values: tuple[str, ...]) -> Columns:
        """Return the columns of a flat record: the mapped ones as text, all others as JSON."""
        members = zip(names, values, strict=True)
        return {name: plain_text(v) if name in self._paths.names else v for name, v in members}

    def _json(self, name: str, columns: Columns) -> str:
        value = columns[name]
        if name not in self._paths.names:
            return cast(str, value)
        return "null" if value is None else encode_basestring(value)

    def _text(self, name: str, columns: Columns) -> str | None:
        value = columns.get(name)
        if value is None or name in self._paths.names:
            return value
        return as_text(json.loads(value)) if value.startswith('"') or value == "null" else value

    def _gather(self, file: str, found: Iterator[FoundRecord]) -> None:
        """Parse the records of one file and write them to the temporary file."""
        before = self._last
        rows: list[Spooled] = []
        length = 0
        for line, record in found:
            self._last = self._last + 1 if line is None else before + line
            try:
                row, characters = self._take_apart(record, file, self._last - before)
            except NotJsonError as error:
                where = "" if line else f"record {self._last - before}: "
                raise FormatBroken(file, line, f"{where}{error}") from None
            rows.append(row)
            length += characters
            if len(rows) >= BATCH or length >= BATCH_CHARACTERS:
                self._write(rows)
                rows, length = [], 0
        self._write(rows)

    def _write(self, rows: list[Spooled]) -> None:
        written = marshal.dumps(rows)
        self._spool.write(_SIZE.pack(len(written)))
        self._spool.write(written)

    def _shape(self, record: Flat) -> int | None:
        """Return the number of a flat record's shape; None if the record must be parsed."""
        shape = self._shapes.get(record.names)
        if shape is None and self._paths.are_columns(record.names):
            self._know(record.names)
            shape = self._shapes[record.names] = len(self._shapes)
        return shape

    def _take_apart(self, record: JsonValue | Flat, file: str, number: int) -> tuple[Spooled, int]:
        """Return the part of a record for the temporary file, and its number of characters."""
        shape = self._shape(record) if isinstance(record, Flat) else None
        if isinstance(record, Flat) and shape is not None:
            # no more comes of it than was unpacked, and that is counted already
            return (self._last, shape, record.values), record.length
        columns = self._columns(record.decoded() if isinstance(record, Flat) else record)
        return (self._last, None, columns), self._expansion.give(columns.values(), columns, file, number)

    def _columns(self, record: JsonValue) -> Columns:
        """Return the columns of a record: the mapped ones as text, all others as JSON."""
        if not isinstance(record, dict):
            raise NotJsonError(f"{kind(record)}, expected an object with the columns as its members")
        columns = self._paths.columns(record)
        self._know(columns)
        return columns

    def _know(self, names: Collection[str]) -> None:
        """Add names of columns to the header."""
        if not all(name in self._names for name in names):
            self._names.update((require_text(name), None) for name in names)
            if len(self._names) > MOST_COLUMNS:
                raise NotJsonError(
                    f"more than {MOST_COLUMNS} different members by now, expected records that are alike (record_path)"
                )

    def _spooled(self) -> Iterator[list[Spooled]]:
        self._spool.seek(0)
        while size := self._spool.read(_SIZE.size):
            yield marshal.loads(self._spool.read(*_SIZE.unpack(size)))


def _flat_row(
    shape: tuple[str, ...], names: Sequence[str], rest: Sequence[tuple[str, str]]
) -> Callable[[tuple[str, ...]], list[str | None]]:
    """Return the function that turns the values of a flat record of this shape into a row.

    The row has the columns of these names, then the `_rest`.
    """
    places = {name: place for place, name in enumerate(shape)}
    positions = [places.get(name, len(shape)) for name in names]  # one after the last is null
    labels = [(label, places[name]) for name, label in rest if name in places]

    def row(values: tuple[str, ...]) -> list[str | None]:
        written = map((*values, "null").__getitem__, positions)
        found = [plain_text(value) if value[0] in '"n' else value for value in written]
        if rest:
            found.append("{" + ",".join([label + values[place] for label, place in labels]) + "}")
        return found

    return row
