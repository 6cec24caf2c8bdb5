"""Records whose columns nobody announces: each is an object, and the header is what all of them together hold.

The file is read once. Its records wait, taken apart, in a temporary file until the last one has come: only then
it is known which columns there are.
"""

from __future__ import annotations

import json
import marshal
import struct
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from json.encoder import encode_basestring
from typing import IO, TypeAlias, cast

from extract.columns import Layout
from extract.csv_records import Record
from extract.formats.json_values import JsonValue, NotJsonError, as_text, require_text
from extract.formats.mapped_paths import Paths
from extract.formats.record_path import kind
from extract.raw_table import mapped_columns
from metadata.errors import FormatBroken
from metadata.static.model import Source

BATCH = 1000  # records
MOST_COLUMNS = 5000
_SIZE = struct.Struct("<Q")

Found: TypeAlias = tuple[int | None, JsonValue]  # a record, and its line where it has one
Columns: TypeAlias = dict[str, str | None]


class Discovered:
    """Records with the columns that they turned out to have: each mapped path that any of them has, and all others.

    A record that has no line is numbered. Numbers and lines go on from one file to the next.
    """

    line: int | None = None  # of the header: there is none
    expected = "expected records that have them (record_path)"

    def __init__(self, source: Source, files: Iterable[tuple[str, Iterable[Found]]]) -> None:
        self._paths = Paths.of(source)
        self._names: dict[str, None] = {}
        self._spool: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._last = 0
        for file, found in files:
            self._gather(file, iter(found))
        self.header = tuple(self._names) or tuple(
            mapped_columns(source)
        )  # of no records, none lacks a column

    def rows(self, layout: Layout) -> Iterator[Record]:
        """The records as rows of raw: mapped columns, then `_rest` as the file had it, null where it says null."""
        names = [self.header[position] for position in layout.positions]
        rest = [(name, f"{encode_basestring(name)}:") for name in (self.header[p] for p, _ in layout.rest)]
        for line, columns in self._spooled():
            row = [columns.get(name) for name in names]
            if rest:
                members = [label + self._json(name, columns) for name, label in rest if name in columns]
                row.append("{" + ",".join(members) + "}")
            yield Record(line, row)

    def records(self) -> Iterator[Record]:
        """The records, every value as text; a member that is not there is null."""
        for line, columns in self._spooled():
            yield Record(line, [self._text(name, columns) for name in self.header])

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

    def _gather(self, file: str, found: Iterator[Found]) -> None:
        """Take the records of one file apart and lay them by."""
        before = self._last
        while batch := list(islice(found, BATCH)):
            rows: list[tuple[int, Columns]] = []
            for line, record in batch:
                self._last = self._last + 1 if line is None else before + line
                try:
                    rows.append((self._last, self._columns(record)))
                except NotJsonError as error:
                    where = "" if line else f"record {self._last - before}: "
                    raise FormatBroken(file, line, f"{where}{error}") from None
            written = marshal.dumps(rows)
            self._spool.write(_SIZE.pack(len(written)))
            self._spool.write(written)

    def _columns(self, record: JsonValue) -> Columns:
        if not isinstance(record, dict):
            raise NotJsonError(f"{kind(record)}, expected an object with the columns as its members")
        columns = self._paths.columns(record)
        if not columns.keys() <= self._names.keys():
            self._names.update((require_text(name), None) for name in columns)
            if len(self._names) > MOST_COLUMNS:
                raise NotJsonError(
                    f"more than {MOST_COLUMNS} different members by now, expected records that are alike (record_path)"
                )
        return columns

    def _spooled(self) -> Iterator[tuple[int, Columns]]:
        self._spool.seek(0)
        while size := self._spool.read(_SIZE.size):
            yield from marshal.loads(self._spool.read(*_SIZE.unpack(size)))
