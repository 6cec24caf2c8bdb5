"""A sheet of an .ods workbook, of OpenDocument: its XML has every value as text, exactly as we want it."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from extract.formats.cell_text import choose_sheet
from extract.limits import Limits
from metadata.errors import FormatBroken

MIMETYPE = b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet"
CONTENT = "content.xml"
MOST_COLUMNS, MOST_ROWS = 16_384, 1_048_576
BROKEN = (
    ParseError,
    DefusedXmlException,
    KeyError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
)

_TABLE, _TEXT = (f"{{urn:oasis:names:tc:opendocument:xmlns:{part}:1.0}}" for part in ("table", "text"))
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_SIGNS = {f"{_TEXT}tab": "\t", f"{_TEXT}line-break": "\n"}
_DURATION = re.compile(r"PT([0-9]+)H([0-9]+)M([0-9.]+)S")
_CELLS = (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")


def is_ods(beginning: bytes) -> bool:
    """Whether a ZIP that begins like this is a workbook of OpenDocument."""
    return MIMETYPE in beginning[:200]


def open_ods(spool: IO[bytes], file: str, wanted: str | None, limits: Limits) -> OdsSheet:
    """The sheet of that name or number. Raises `FormatBroken`."""
    with _blamed(file):
        archive = zipfile.ZipFile(spool)
        content = archive.getinfo(CONTENT)
        limits.require(file, content.compress_size, content.file_size)
        with archive.open(CONTENT) as stream:
            names = []
            for event, element in iterparse(stream, ("start", "end"), forbid_dtd=True):
                if event == "end":
                    element.clear()
                elif element.tag == f"{_TABLE}table":
                    names.append(str(element.get(f"{_TABLE}name")))
    return OdsSheet(archive, choose_sheet(names, wanted, file), file)


class OdsSheet:
    """A sheet as its XML has it."""

    def __init__(self, archive: zipfile.ZipFile, name: str, file: str) -> None:
        self._archive, self._name, self._file = archive, name, file

    def rows(self) -> Iterator[tuple[int, list[str | None]]]:
        """The rows; those that are said to be repeated come as often as they are."""
        for number, repeated, element in self._elements():
            row = self._row(element)
            if not row:
                continue
            for again in range(repeated):
                if number + again > MOST_ROWS:
                    raise FormatBroken(self._file, None, f"more than {MOST_ROWS} rows, expected no more")
                yield number + again, row

    def merged(self) -> list[tuple[int, int, int, int]]:
        """The merged cells."""
        ranges = []
        for number, _, element in self._elements():
            place = 1
            for cell in [c for c in element if c.tag in _CELLS]:
                rows = int(cell.get(f"{_TABLE}number-rows-spanned", "1"))
                columns = int(cell.get(f"{_TABLE}number-columns-spanned", "1"))
                if rows > 1 or columns > 1:
                    ranges.append((number, place, number + rows - 1, place + columns - 1))
                place += int(cell.get(f"{_TABLE}number-columns-repeated", "1"))
        return ranges

    def _elements(self) -> Iterator[tuple[int, int, Element]]:
        """The rows' elements, each with its number and how often it is repeated."""
        with _blamed(self._file), self._archive.open(CONTENT) as stream:
            number, is_ours = 1, False
            for event, element in iterparse(stream, ("start", "end"), forbid_dtd=True):
                if event == "start":
                    if element.tag == f"{_TABLE}table":
                        is_ours = element.get(f"{_TABLE}name") == self._name
                elif element.tag == f"{_TABLE}table-row":
                    if is_ours:
                        repeated = int(element.get(f"{_TABLE}number-rows-repeated", "1"))
                        yield number, repeated, element
                        number += repeated
                    element.clear()
                elif element.tag == f"{_TABLE}table":
                    element.clear()

    def _row(self, element: Element) -> list[str | None]:
        """The cells up to the last that is not blank."""
        row: list[str | None] = []
        place = 0
        for cell in element:
            if cell.tag not in _CELLS:
                continue
            repeated = int(cell.get(f"{_TABLE}number-columns-repeated", "1"))
            value = _value(cell)
            if value is not None:
                if place + repeated > MOST_COLUMNS:
                    raise FormatBroken(
                        self._file, None, f"more than {MOST_COLUMNS} columns, expected no more"
                    )
                row += [None] * (place - len(row)) + [value] * repeated
            place += repeated
        return row


def _value(cell: Element) -> str | None:
    kind = cell.get(f"{_OFFICE}value-type")
    if kind is None:
        return None
    if kind in ("float", "percentage", "currency"):
        return cell.get(f"{_OFFICE}value")
    if kind == "boolean":
        return cell.get(f"{_OFFICE}boolean-value")
    if kind == "date":
        return str(cell.get(f"{_OFFICE}date-value")).replace("T", " ")
    if kind == "time":
        return _clock(str(cell.get(f"{_OFFICE}time-value")))
    # a text, or the name of an error
    return "\n".join(_text(paragraph) for paragraph in cell if paragraph.tag == f"{_TEXT}p")


def _clock(duration: str) -> str:
    """A duration as ISO 8601 writes it, PT30H05M00S, as hours, minutes and seconds."""
    parts = _DURATION.fullmatch(duration)
    return f"{parts[1]:0>2}:{parts[2]:0>2}:{parts[3]:0>2}" if parts else duration


def _text(element: Element) -> str:
    """The text of a paragraph; blanks, tabs and line ends in it are elements."""
    text = element.text or ""
    for inner in element:
        if inner.tag == f"{_TEXT}s":
            text += " " * int(inner.get(f"{_TEXT}c", "1"))
        elif inner.tag in _SIGNS:
            text += _SIGNS[inner.tag]
        elif inner.tag.startswith(_TEXT):  # no annotation, no drawing
            text += _text(inner)
        text += inner.tail or ""
    return text


@contextmanager
def _blamed(file: str) -> Iterator[None]:
    """What is wrong with a file that is broken, in our words."""
    try:
        yield
    except BROKEN as error:
        said = str(error).strip("'") or type(error).__name__
        raise FormatBroken(file, None, f"not an .ods workbook that can be read ({said})") from None
