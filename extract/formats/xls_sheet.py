"""A sheet of an .xls workbook, of Excel before 2007, read by xlrd."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import xlrd
from xlrd.biffh import error_text_from_code
from xlrd.compdoc import CompDocError
from xlrd.xldate import XLDateError, xldate_as_datetime

from headwater.extract.formats.cell_text import choose_sheet, moment_text, number_text, shows_clock
from headwater.metadata.errors import FormatBroken

BROKEN = (
    AssertionError,
    AttributeError,
    CompDocError,
    IndexError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    TypeError,
    UnicodeDecodeError,
    ValueError,
    XLDateError,
    struct.error,
    xlrd.XLRDError,
)  # what xlrd raises for files that are no workbooks


def open_xls(spool: IO[bytes], file: str, wanted: str | None) -> XlsSheet:
    """The sheet of that name or number. Raises `FormatBroken`."""
    spool.seek(0)
    with _blamed(file), Path(os.devnull).open("w") as silent:
        book = xlrd.open_workbook(  # a row is as long as its last cell, not as the longest row
            file_contents=spool.read(), formatting_info=True, logfile=silent, ragged_rows=True
        )
        visible = [sheet.name for sheet in book.sheets() if not sheet.visibility]
    chosen = choose_sheet(book.sheet_names() if wanted else visible, wanted, file)
    return XlsSheet(book, book.sheet_by_name(chosen), file)


class XlsSheet:
    """A sheet as xlrd reads it."""

    def __init__(self, book: xlrd.book.Book, sheet: xlrd.sheet.Sheet, file: str) -> None:
        self._book, self._sheet, self._file = book, sheet, file

    def rows(self) -> Iterator[tuple[int, list[str | None]]]:
        """All rows."""
        with _blamed(self._file):
            for number in range(self._sheet.nrows):
                yield number + 1, [self._text(cell) for cell in self._sheet.row(number)]

    def merged(self) -> Iterator[tuple[int, int, int, int]]:
        """The merged cells."""
        for top, bottom, left, right in self._sheet.merged_cells:
            yield top + 1, left + 1, bottom, right

    def _text(self, cell: xlrd.sheet.Cell) -> str | None:
        if cell.ctype == xlrd.XL_CELL_TEXT:
            return str(cell.value)
        if cell.ctype == xlrd.XL_CELL_NUMBER:
            return number_text(cell.value)
        if cell.ctype == xlrd.XL_CELL_DATE:
            return self._moment(cell)
        if cell.ctype == xlrd.XL_CELL_BOOLEAN:
            return "true" if cell.value else "false"
        if cell.ctype == xlrd.XL_CELL_ERROR:
            return str(error_text_from_code[cell.value])
        return None

    def _moment(self, cell: xlrd.sheet.Cell) -> str:
        known = self._book.format_map.get(self._book.xf_list[cell.xf_index].format_key)
        moment = xldate_as_datetime(cell.value, self._book.datemode)
        if cell.value < 1:
            return moment_text(moment.time())
        return moment_text(moment, has_clock=known is not None and shows_clock(known.format_str))


@contextmanager
def _blamed(file: str) -> Iterator[None]:
    """Raise `FormatBroken` for what xlrd says of a broken file, in our words."""
    try:
        yield
    except BROKEN as error:
        raise FormatBroken(file, None, f"not an .xls workbook that can be read ({error})") from None
