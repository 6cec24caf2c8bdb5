"""A sheet of an .xlsx workbook, row by row, read by openpyxl. Formulas have the values that Excel stored for them."""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, time, timedelta
from typing import IO, Any
from xml.etree.ElementTree import Element

from openpyxl.cell.read_only import ReadOnlyCell
from openpyxl.cell.text import Text
from openpyxl.reader.excel import ExcelReader
from openpyxl.utils import range_boundaries
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet._reader import FORMULA_TAG, ROW_TAG, VALUE_TAG, WorkSheetParser
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS

from headwater.extract.files.limits import Expansion
from headwater.extract.formats.cell_text import (
    MOST_COLUMNS,
    MOST_ROWS,
    choose_sheet,
    moment_text,
    number_text,
    shows_clock,
)
from headwater.extract.formats.xml_stream import elements
from headwater.metadata.errors import FormatBroken

BROKEN = (
    AttributeError,
    EOFError,
    IndexError,
    InvalidFileException,
    KeyError,
    NotImplementedError,
    OSError,
    SyntaxError,  # of XML
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)  # what openpyxl raises for files that are no workbooks
MOST_SHARED = 512 << 20  # characters of all texts that cells refer to
LARGEST_PART = 32 << 20  # bytes of what is neither a sheet nor those texts
UNCALCULATED = "uncalculated"
TEXT_TAG, MERGE_CELL_TAG = (f"{{{SHEET_MAIN_NS}}}{name}" for name in ("si", "mergeCell"))
_ESCAPED = re.compile("_x((?!D[89A-F])[0-9A-F]{4})_", re.IGNORECASE)  # half of a pair is no character


def open_xlsx(spool: IO[bytes], file: str, wanted: str | None, expansion: Expansion) -> XlsxSheet:
    """The sheet of that name or number. Raises `FormatBroken`."""
    with _blamed(file):
        with zipfile.ZipFile(spool) as archive:
            members = archive.infolist()
        expansion.unpack("workbook", sum(member.file_size for member in members), file)
        reader = _Reader(spool, file)
        reader.read()
        sheets = {sheet.title: sheet for sheet in reader.wb.worksheets}
    visible = [name for name, sheet in sheets.items() if sheet.sheet_state == "visible"]
    chosen = choose_sheet(list(sheets) if wanted else visible, wanted, file)
    return XlsxSheet(sheets[chosen], file)


class XlsxSheet:
    """A sheet as openpyxl reads it."""

    def __init__(self, sheet: ReadOnlyWorksheet, file: str) -> None:
        self._sheet, self._file = sheet, file
        self._clocks: dict[int, bool] = {}  # style → whether it shows a time of day

    def rows(self) -> Iterator[tuple[int, list[str | None]]]:
        """The rows that hold anything."""
        with _blamed(self._file):
            parser = self._parser()
            for count, (_, element) in enumerate(self._elements(ROW_TAG), 1):
                if count > MOST_ROWS or len(element) > MOST_COLUMNS:
                    raise FormatBroken(
                        self._file,
                        None,
                        f"more than {MOST_ROWS} rows or {MOST_COLUMNS} columns, expected no more",
                    )
                number, cells = parser.parse_row(element)
                parser.row_dimensions.clear()
                row: list[str | None] = [None] * max((cell["column"] for cell in cells), default=0)
                for cell in cells:
                    row[cell["column"] - 1] = self._text(cell)
                yield number, row

    def merged(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield the merged cells, which the file lists after all rows."""
        with _blamed(self._file):
            for _, element in self._elements(MERGE_CELL_TAG):
                first, top, last, bottom = range_boundaries(element.get("ref", ""))
                if None in (first, top, last, bottom):
                    raise ValueError(f"{element.get('ref')!r} is no range of cells")
                yield top, first, bottom, last

    def _elements(self, tag: str) -> Iterator[tuple[bool, Element]]:
        with self._sheet._get_source() as stream:
            yield from elements(stream, self._file, (tag,))

    def _parser(self) -> _Parser:
        book = self._sheet.parent
        return _Parser(
            None,
            self._sheet._shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )

    def _text(self, cell: dict[str, Any]) -> str | None:
        value = cell["value"]
        if cell["data_type"] == UNCALCULATED:
            place = ReadOnlyCell(self._sheet, cell["row"], cell["column"], None).coordinate
            raise FormatBroken(
                self._file,
                cell["row"],
                f"the formula in {place} has no value, expected the one that Excel stores when it saves the workbook",
            )
        if value is None or isinstance(value, str):
            return value and _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (date, time, timedelta)):
            return moment_text(value, has_clock=self._shows_clock(cell["style_id"]))
        return number_text(value)

    def _shows_clock(self, style_id: int) -> bool:
        if style_id not in self._clocks:
            number_format = ReadOnlyCell(self._sheet, 1, 1, None, style_id=style_id).number_format
            self._clocks[style_id] = shows_clock(number_format)
        return self._clocks[style_id]


class _Reader(ExcelReader):  # type: ignore[misc]
    """A reader that leaves texts as they are: openpyxl would remove the escape of an underscore.

    It reads only the names of sheets, and refuses other parts that are larger than `LARGEST_PART`.
    """

    def __init__(self, spool: IO[bytes], file: str) -> None:
        super().__init__(spool, read_only=True, data_only=True, keep_links=False)
        self._file = file
        self.archive = _Archive(spool)

    def read_strings(self) -> None:
        """The texts that cells refer to."""
        if table := self.package.find(SHARED_STRINGS):
            length = 0
            with self.archive.open(table.PartName[1:]) as stream:
                for _, element in elements(stream, self._file, (TEXT_TAG,)):
                    text = Text.from_tree(element).content
                    length += len(text)
                    if length > MOST_SHARED:
                        raise FormatBroken(
                            self._file, None, f"texts of more than {MOST_SHARED >> 20} MiB, expected no more"
                        )
                    self.shared_strings.append(text)

    def read_worksheets(self) -> None:
        """Read the list of sheets, without their contents."""
        for sheet, relation in self.parser.find_sheets():
            if relation.target in self.valid_files and "chartsheet" not in relation.Type:
                found = _Sheet(self.wb, sheet.name, relation.target, self.shared_strings)
                found.sheet_state = sheet.state
                self.wb._sheets.append(found)


class _Archive(zipfile.ZipFile):
    """A ZIP that refuses to read a part that is too large for memory."""

    def read(self, name: str | zipfile.ZipInfo, pwd: bytes | None = None) -> bytes:
        """Return a whole part: styles, properties, the list of sheets."""
        size = (name if isinstance(name, zipfile.ZipInfo) else self.getinfo(name)).file_size
        if size > LARGEST_PART:
            raise ValueError(f"{name} has {size} bytes, expected at most {LARGEST_PART}")
        return super().read(name, pwd)


class _Sheet(ReadOnlyWorksheet):  # type: ignore[misc]
    """A sheet of which openpyxl reads nothing before its rows."""

    def _get_size(self) -> None:
        pass


class _Parser(WorkSheetParser):  # type: ignore[misc]
    """A parser that distinguishes a formula without a stored value, a blank cell, and an empty text."""

    def parse_cell(self, element: Element) -> dict[str, Any]:
        cell: dict[str, Any] = super().parse_cell(element)
        if cell["value"] is None and element.find(FORMULA_TAG) is not None:
            is_text = element.get("t") == "str" and element.find(VALUE_TAG) is not None
            cell |= {"value": ""} if is_text else {"data_type": UNCALCULATED}
        return cell


@contextmanager
def _blamed(file: str) -> Iterator[None]:
    """Raise `FormatBroken` for what openpyxl says of a broken file, in our words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it leaves out: styles, extensions
        try:
            yield
        except BROKEN as error:
            messages = str(error.__cause__ or error).strip().splitlines()
            raise FormatBroken(
                file,
                None,
                f"not an .xlsx workbook that can be read ({messages[0] if messages else type(error).__name__})",
            ) from None
