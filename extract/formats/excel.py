"""Excel: a sheet of a workbook as records, every cell as text, each record with its row of the sheet.

A blank cell is null, a row without any value is no record. Merged cells matter in the header alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Protocol, TypeAlias

from extract.content import BEGINNING, OLD_OFFICE, ZIP, recognize
from extract.csv_records import Record
from extract.formats.fit_text import fit_records
from extract.formats.ods_sheet import is_ods, open_ods
from extract.formats.xls_sheet import open_xls
from extract.formats.xlsx_sheet import open_xlsx
from extract.limits import Limits
from extract.text_blocks import Readable
from metadata.errors import FormatBroken
from metadata.static.model import Source

SPOOL = 1 << 20  # bytes
LETTERS = 26

Row: TypeAlias = tuple[int, Sequence[str | None]]  # its number in the sheet, from 1, and its cells
Range: TypeAlias = tuple[
    int, int, int, int
]  # of merged cells: first row, first column, last row, last column


class Sheet(Protocol):
    """A sheet of a workbook. Rows and columns count from 1. Every method raises `FormatBroken`."""

    def rows(self) -> Iterator[Row]:
        """Its rows, each as long as its last cell, from the first on."""

    def merged(self) -> list[Range]:
        """Its merged cells."""


Open: TypeAlias = Callable[[IO[bytes], str, str | None], Sheet]


class ExcelFile:
    """A sheet of a workbook, its header in `header_rows` rows from `header_line` on. Raises `FormatBroken`."""

    def __init__(self, source: Source, stream: Readable, file: str) -> None:
        self.file = file
        self.line = int(source.options.get("header_line", "1"))
        self._last = self.line + int(source.options.get("header_rows", "1")) - 1
        self._spool: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        size = 0
        while piece := stream.read(SPOOL):
            size += len(piece)
            self._spool.write(piece)
        Limits.of(source).require(file, size, size)
        self._sheet = self._open(source)
        self._rows = self._sheet.rows()
        trim = source.options.get("trim_whitespace") == "true"
        self.header = tuple(name.strip() if trim else name for name in self._read_header())

    @property
    def expected(self) -> str:
        """What to expect of a sheet in which no column is found."""
        return f"expected it in row {self.line} (header_line) of that sheet (sheet)"

    def records(self) -> Iterator[Record]:
        """The rows below the header."""
        return fit_records(self._below(), self.file, self.header)

    def _below(self) -> Iterator[Record]:
        width = len(self.header)
        for number, cells in self._rows:
            if len(cells) > width:
                self._require_nothing(number, width, cells)
            values = [*cells[:width], *[None] * (width - len(cells))]
            if any(value is not None for value in values):
                yield Record(number, values)

    def _open(self, source: Source) -> Sheet:
        self._spool.seek(0)
        beginning = self._spool.read(BEGINNING)
        wanted = source.options.get("sheet")
        if beginning.startswith(OLD_OFFICE):
            return open_xls(self._spool, self.file, wanted)
        if not beginning.startswith(ZIP):
            found = recognize(beginning) or ("nothing" if not beginning else "no Excel workbook")
            raise FormatBroken(
                self.file, None, f"got {found}, expected one of .xlsx, .xls or .ods (format excel)"
            )
        if is_ods(beginning):
            return open_ods(self._spool, self.file, wanted, Limits.of(source))
        return open_xlsx(self._spool, self.file, wanted, Limits.of(source))

    def _read_header(self) -> list[str]:
        above: dict[int, Sequence[str | None]] = {}
        for number, cells in self._rows:
            if number >= self.line:
                above[number] = cells
            if number >= self._last:
                break
        lines = [list(above.get(number, ())) for number in range(self.line, self._last + 1)]
        if self._last > self.line:
            self._fill_merged(lines)
        width = max((place for line in lines for place, cell in enumerate(line, 1) if cell), default=0)
        if not width:
            raise FormatBroken(
                self.file, self.line, "a blank row, expected the header (source_attribute header_line, sheet)"
            )
        return [_joined([line[place] for line in lines if place < len(line)]) for place in range(width)]

    def _fill_merged(self, lines: list[list[str | None]]) -> None:
        """Write the value of merged cells into the first row of each column that they cover."""
        for first_row, first, _, last in self._sheet.merged():
            if not self.line <= first_row <= self._last or first == last:
                continue
            line = lines[first_row - self.line]
            line += [None] * (last - len(line))
            line[first - 1 : last] = [line[first - 1]] * (last - first + 1)

    def _require_nothing(self, number: int, width: int, cells: Sequence[str | None]) -> None:
        for place in range(width, len(cells)):
            if cells[place] is not None:
                raise FormatBroken(
                    self.file,
                    number,
                    f"{cells[place]!r} in {column_letters(place + 1)}{number}, expected nothing right of the header,"
                    f" which ends in column {column_letters(width)}",
                )


def _joined(parts: Sequence[str | None]) -> str:
    return " ".join(part for part in parts if part)


def column_letters(column: int) -> str:
    """What a sheet calls a column: 1 is A, 27 is AA."""
    letters = ""
    while column:
        column, place = divmod(column - 1, LETTERS)
        letters = chr(ord("A") + place) + letters
    return letters
