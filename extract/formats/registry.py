"""The readers by format: a source's option `format` selects one, by default CSV.

There are two kinds of formats. Formats with a header open a file as `Content`. Formats of records yield
objects with members, and `Discovered` finds the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Protocol

from headwater.extract.files.content import require_records
from headwater.extract.files.csv_records import CsvFile
from headwater.extract.files.dialect import Dialect
from headwater.extract.files.limits import Expansion
from headwater.extract.files.members import Members
from headwater.extract.files.record import Record
from headwater.extract.files.text_blocks import Readable
from headwater.extract.files.trailer import Trailer
from headwater.extract.formats.copy_file import CopyFile
from headwater.extract.formats.discovered import Discovered, FoundRecord
from headwater.extract.formats.fixed_width import FixedWidthFile
from headwater.extract.formats.geojson_file import read_geojson
from headwater.extract.formats.json_file import read_json
from headwater.extract.formats.ndjson_file import read_ndjson
from headwater.extract.formats.xml_file import read_xml
from headwater.metadata.errors import FormatBroken
from headwater.metadata.extras import require
from headwater.metadata.static.model import Source


class Content(Protocol):
    """A file, or several files as one. It is read once."""

    @property
    def header(self) -> Sequence[str]:
        """The columns."""

    @property
    def line(self) -> int | None:
        """The line of the header, None if the format has none."""

    @property
    def expected(self) -> str:
        """Return what to expect of a file in which no column is found, for a message."""

    def records(self) -> Iterator[Record]:
        """Yield the records, with a value or None for each column."""


WithHeader = Callable[[Source, Readable, str, Expansion], Content]
WithoutHeader = Callable[[Source, Readable, str], Iterable[FoundRecord]]


def open_content(source: Source, members: Members) -> Content:
    """Open the files of a delivery in the format of its source. Opening and reading raise `FormatBroken`."""
    name = source.options.get("format", "csv")
    if name in WITHOUT_HEADER:
        read = WITHOUT_HEADER[name]
        found = ((file, read(source, stream, file)) for stream, file in members)
        return Discovered(source, found, members.expansion)
    opened = (WITH_HEADER[name](source, stream, file, members.expansion) for stream, file in members)
    first = next(opened)
    return first if len(members) == 1 else Together(first, opened, members)


class Together:
    """Files with the same header, read as one: line numbers continue from file to file."""

    def __init__(self, first: Content, others: Iterator[Content], members: Members) -> None:
        self.header, self.line, self.expected = tuple(first.header), first.line, first.expected
        self._contents, self._members = chain([first], others), members
        self._first_file = members.file

    def records(self) -> Iterator[Record]:
        """Yield the records of all files. Raises `FormatBroken` if a file has another header."""
        last = 0
        for content in self._contents:
            if tuple(content.header) != self.header:
                raise FormatBroken(
                    self._members.file,
                    content.line,
                    f"its columns are {_listed(content.header)}, expected {_listed(self.header)} as in"
                    f" {self._first_file}",
                )
            before = last
            for line, values in content.records():
                last = before + line
                yield Record(last, values)


def _listed(header: Sequence[str]) -> str:
    return ", ".join(map(repr, header[:10])) + (", …" if len(header) > 10 else "")


def _open_excel(source: Source, stream: Readable, file: str, expansion: Expansion) -> Content:
    require("excel")
    from headwater.extract.formats.excel import ExcelFile

    return ExcelFile(source, stream, file, expansion)


def _open_parquet(source: Source, stream: Readable, file: str, expansion: Expansion) -> Content:
    require("parquet")
    from headwater.extract.formats.parquet_file import ParquetFile

    return ParquetFile(source, stream, file, expansion)


def _open_csv(source: Source, stream: Readable, file: str, expansion: Expansion) -> Content:
    text = require_records(stream, file, "CSV")
    return CsvFile(text, file, Dialect.of(source), expansion.limits, Trailer(source, file))


def _open_fixed_width(source: Source, stream: Readable, file: str, expansion: Expansion) -> Content:
    return FixedWidthFile(source, stream, file, expansion.limits)


def _open_copy(_: Source, stream: Readable, file: str, expansion: Expansion) -> Content:
    return CopyFile(require_records(stream, file, "COPY text"), file, expansion.limits)


def _checked(read: WithoutHeader, expected: str) -> WithoutHeader:
    """The same, of a stream that begins as a text of records does."""
    return lambda source, stream, file: read(source, require_records(stream, file, expected), file)


WITH_HEADER: dict[str, WithHeader] = {
    "csv": _open_csv,
    "fixed_width": _open_fixed_width,
    "excel": _open_excel,
    "parquet": _open_parquet,
    "copy_text": _open_copy,
}
WITHOUT_HEADER: dict[str, WithoutHeader] = {
    "json": _checked(read_json, "JSON"),
    "ndjson": _checked(read_ndjson, "NDJSON"),
    "geojson": _checked(read_geojson, "GeoJSON"),
    "xml": read_xml,
}
