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
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet._reader import FORMULA_TAG, VALUE_TAG, WorkSheetParser
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS
from openpyxl.xml.functions import iterparse

from extract.formats.cell_text import choose_sheet, moment_text, number_text, shows_clock
from extract.limits import Limits
from metadata.errors import FormatBroken

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
UNCALCULATED = "uncalculated"
TEXT_TAG = f"{{{SHEET_MAIN_NS}}}si"
_ESCAPED = re.compile("_x((?!D[89A-F])[0-9A-F]{4})_", re.IGNORECASE)  # half of a pair is no character


def open_xlsx(spool: IO[bytes], file: str, wanted: str | None, limits: Limits) -> XlsxSheet:
    """The sheet of that name or number. Raises `FormatBroken`."""
    with _blamed(file):
        with zipfile.ZipFile(spool) as archive:
            members = archive.infolist()
        limits.require(file, sum(m.compress_size for m in members), sum(m.file_size for m in members))
        reader = _Reader(spool, read_only=True, data_only=True, keep_links=False)
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
            for number, cells in self._parser().parse():
                row: list[str | None] = [None] * max((cell["column"] for cell in cells), default=0)
                for cell in cells:
                    row[cell["column"] - 1] = self._text(cell)
                yield number, row

    def merged(self) -> list[tuple[int, int, int, int]]:
        """The merged cells, which stand behind all rows."""
        with _blamed(self._file):
            parser = self._parser()
            for _ in parser.parse():
                pass
            ranges = parser.merged_cells.mergeCell if parser.merged_cells else []
            return [(r.min_row, r.min_col, r.max_row, r.max_col) for r in ranges]

    def _parser(self) -> _Parser:
        book = self._sheet.parent
        return _Parser(
            self._sheet._get_source(),
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
    """Leaves the texts of a workbook as they are: openpyxl would take the escape of an underscore from them."""

    def read_strings(self) -> None:
        if table := self.package.find(SHARED_STRINGS):
            with self.archive.open(table.PartName[1:]) as stream:
                for _, element in iterparse(stream):
                    if element.tag == TEXT_TAG:
                        self.shared_strings.append(Text.from_tree(element).content)
                        element.clear()


class _Parser(WorkSheetParser):  # type: ignore[misc]
    """Tells a formula that was never calculated from a cell that is blank, and an empty text from both."""

    def parse_cell(self, element: Element) -> dict[str, Any]:
        cell: dict[str, Any] = super().parse_cell(element)
        if cell["value"] is None and element.find(FORMULA_TAG) is not None:
            is_text = element.get("t") == "str" and element.find(VALUE_TAG) is not None
            cell |= {"value": ""} if is_text else {"data_type": UNCALCULATED}
        return cell


@contextmanager
def _blamed(file: str) -> Iterator[None]:
    """What openpyxl says of a file that is broken, in our words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it leaves out: styles, extensions
        try:
            yield
        except BROKEN as error:
            said = str(error.__cause__ or error).strip().splitlines()
            raise FormatBroken(
                file,
                None,
                f"not an .xlsx workbook that can be read ({said[0] if said else type(error).__name__})",
            ) from None
