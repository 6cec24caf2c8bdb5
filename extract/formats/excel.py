"""Excel: a sheet of a workbook as records, every cell as text, each record with its row of the sheet.

A blank cell is null; a row without any value is no record. Only the header uses merged cells.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Protocol, TypeAlias

from headwater.extract.files.content import BEGINNING, OLD_OFFICE, ZIP, recognize
from headwater.extract.files.limits import Expansion
from headwater.extract.files.record import Record
from headwater.extract.files.text_blocks import Readable
from headwater.extract.files.trailer import Trailer
from headwater.extract.formats.cell_text import MOST_COLUMNS
from headwater.extract.formats.fit_text import fit_records
from headwater.extract.formats.ods_sheet import is_ods, open_ods
from headwater.extract.formats.xls_sheet import open_xls
from headwater.extract.formats.xlsx_sheet import open_xlsx
from headwater.metadata.errors import FormatBroken
from headwater.metadata.static.model import Source

SPOOL = 1 << 20  # bytes
LETTERS = 26

Row: TypeAlias = tuple[int, Sequence[str | None]]  # its number in the sheet, from 1, and its cells
Range: TypeAlias = tuple[int, int, int, int]  # of merged cells: first row and column, last row and column


class Sheet(Protocol):
    """A sheet of a workbook. Rows and columns count from 1. Every method raises `FormatBroken`."""

    def rows(self) -> Iterator[Row]:
        """Yield the rows from the first on, each up to its last cell."""

    def merged(self) -> Iterator[Range]:
        """Yield the merged cells."""


class ExcelFile:
    """A sheet of a workbook, its header in `header_rows` rows from `header_line` on. Raises `FormatBroken`."""

    def __init__(self, source: Source, stream: Readable, file: str, expansion: Expansion) -> None:
        self.file, self._expansion = file, expansion
        self._trailer = Trailer(source, file)
        self.line = int(source.options.get("header_line", "1"))
        self._last = self.line + int(source.options.get("header_rows", "1")) - 1
        self._spool: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        while piece := stream.read(SPOOL):
            self._spool.write(piece)
        self._sheet = self._open(source)
        self._rows = self._sheet.rows()
        trim = source.options.get("trim_whitespace") == "true"
        self.header = tuple(name.strip() if trim else name for name in self._read_header())

    @property
    def expected(self) -> str:
        """Return what to expect of a sheet in which no column is found."""
        return f"expected it in row {self.line} (header_line) of that sheet (sheet)"

    def records(self) -> Iterator[Record]:
        """The rows below the header."""
        return fit_records(self._below(), self.file, self.header, self._expansion)

    def _below(self) -> Iterator[Record]:
        width = len(self.header)
        count = 0
        for number, cells in self._trailer.without_last_rows(self._filled()):
            if len(cells) > width:
                self._require_nothing(number, width, cells)
            count += 1
            yield Record(number, [*cells[:width], *[None] * (width - len(cells))])
        self._trailer.require_count(count)

    def _filled(self) -> Iterator[Record]:
        """The rows that have a value."""
        for number, cells in self._rows:
            if any(cell is not None for cell in cells):
                yield Record(number, list(cells))

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
            return open_ods(self._spool, self.file, wanted, self._expansion)
        return open_xlsx(self._spool, self.file, wanted, self._expansion)

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
        left = MOST_COLUMNS * len(lines)  # cells do not overlap
        for first_row, first, _, last in self._sheet.merged():
            if not self.line <= first_row <= self._last or first >= last:
                continue
            left -= last - first + 1
            if last > MOST_COLUMNS or left < 0:
                what = "that overlap" if last <= MOST_COLUMNS else f"up to column {last}"
                raise FormatBroken(
                    self.file,
                    first_row,
                    f"merged cells {what}, expected each cell in one, of {MOST_COLUMNS} columns at most",
                )
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
    """Return the name of a column in a sheet: 1 is A, 27 is AA."""
    letters = ""
    while column:
        column, place = divmod(column - 1, LETTERS)
        letters = chr(ord("A") + place) + letters
    return letters
