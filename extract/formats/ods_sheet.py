"""A sheet of an .ods workbook (OpenDocument): its XML has the exact value of each cell as text."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException

from headwater.extract.files.limits import Expansion, Limits
from headwater.extract.formats.cell_text import MOST_COLUMNS, MOST_ROWS, choose_sheet
from headwater.extract.formats.xml_stream import elements
from headwater.metadata.errors import FormatBroken

MIMETYPE = b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet"
CONTENT = "content.xml"
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
_TABLE_TAG, _ROW = f"{_TABLE}table", f"{_TABLE}table-row"
_DURATION = re.compile(r"PT([0-9]+)H([0-9]+)M([0-9.]+)S")
_CELLS = (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")


def is_ods(beginning: bytes) -> bool:
    """Return whether a ZIP that begins like this is a workbook of OpenDocument."""
    return MIMETYPE in beginning[:200]


def open_ods(spool: IO[bytes], file: str, wanted: str | None, expansion: Expansion) -> OdsSheet:
    """The sheet of that name or number. Raises `FormatBroken`."""
    with _blamed(file):
        archive = zipfile.ZipFile(spool)
        expansion.unpack("workbook", archive.getinfo(CONTENT).file_size, file)
        with archive.open(CONTENT) as stream:
            found = elements(stream, file, (), begun=(_TABLE_TAG,), forbid_dtd=True)
            names = [str(table.get(f"{_TABLE}name")) for _, table in found]
    return OdsSheet(archive, choose_sheet(names, wanted, file), file, expansion.limits)


class OdsSheet:
    """A sheet as its XML has it."""

    def __init__(self, archive: zipfile.ZipFile, name: str, file: str, limits: Limits) -> None:
        self._archive, self._name, self._file, self._limits = archive, name, file, limits

    def rows(self) -> Iterator[tuple[int, list[str | None]]]:
        """Yield the rows; the file writes equal rows once, with a count, and each of them comes."""
        for number, repeated, element in self._elements():
            with _blamed(self._file):
                row = self._row(element, number)
            if not row:
                continue
            for again in range(repeated):
                if number + again > MOST_ROWS:
                    raise FormatBroken(self._file, None, f"more than {MOST_ROWS} rows, expected no more")
                yield number + again, row

    def merged(self) -> Iterator[tuple[int, int, int, int]]:
        """The merged cells."""
        for number, _, element in self._elements():
            place = 1
            for cell in [c for c in element if c.tag in _CELLS]:
                rows = _count(cell, f"{_TABLE}number-rows-spanned")
                columns = _count(cell, f"{_TABLE}number-columns-spanned")
                if rows > 1 or columns > 1:
                    yield number, place, number + rows - 1, place + columns - 1
                place += _count(cell, f"{_TABLE}number-columns-repeated")

    def _elements(self) -> Iterator[tuple[int, int, Element]]:
        """The rows' elements, each with its number and how often it is repeated."""
        with _blamed(self._file), self._archive.open(CONTENT) as stream:
            number, is_ours = 1, False
            for is_end, element in elements(
                stream, self._file, (_ROW,), begun=(_TABLE_TAG,), forbid_dtd=True
            ):
                if not is_end:
                    is_ours = element.get(f"{_TABLE}name") == self._name
                elif is_ours:
                    repeated = _count(element, f"{_TABLE}number-rows-repeated")
                    yield number, repeated, element
                    number += repeated

    def _row(self, element: Element, number: int) -> list[str | None]:
        """The cells up to the last that is not blank."""
        row: list[str | None] = []
        place = 0
        for cell in element:
            if cell.tag not in _CELLS:
                continue
            repeated = _count(cell, f"{_TABLE}number-columns-repeated")
            value = self._value(cell, number, place + 1)
            if value is not None:
                if place + repeated > MOST_COLUMNS:
                    raise FormatBroken(
                        self._file, None, f"more than {MOST_COLUMNS} columns, expected no more"
                    )
                row += [None] * (place - len(row)) + [value] * repeated
            place += repeated
        return row

    def _value(self, cell: Element, row: int, column: int) -> str | None:
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
        length = 0
        parts: list[str] = []
        for part in _texts(cell):  # counted before it is made: a few letters may stand for a billion blanks
            length += len(part) if isinstance(part, str) else part
            self._limits.require_value(length, self._file, row, f"column {column}")
            parts.append(part if isinstance(part, str) else " " * part)
        return "".join(parts)


def _texts(cell: Element) -> Iterator[str | int]:
    """The text of a cell piece by piece, its paragraphs on lines of their own; a number stands for that many blanks."""
    is_first = True
    for paragraph in cell:
        if paragraph.tag == f"{_TEXT}p":
            if not is_first:
                yield "\n"
            yield from _paragraph(paragraph)
            is_first = False


def _paragraph(element: Element) -> Iterator[str | int]:
    """The text of a paragraph; blanks, tabs and line ends in it are elements."""
    yield element.text or ""
    for inner in element:
        if inner.tag == f"{_TEXT}s":
            yield _count(inner, f"{_TEXT}c")
        elif inner.tag in _SIGNS:
            yield _SIGNS[inner.tag]
        elif inner.tag.startswith(_TEXT):  # no annotation, no drawing
            yield from _paragraph(inner)
        yield inner.tail or ""


def _count(element: Element, name: str) -> int:
    """A number from 0 that an element has, or 1."""
    count = element.get(name, "1")
    if not (count.isascii() and count.isdecimal()):
        raise ValueError(f"repeated {count[:20]!r} times")
    return int(count)


def _clock(duration: str) -> str:
    """A duration as ISO 8601 writes it, PT30H05M00S, as hours, minutes and seconds."""
    parts = _DURATION.fullmatch(duration)
    return f"{parts[1]:0>2}:{parts[2]:0>2}:{parts[3]:0>2}" if parts else duration


@contextmanager
def _blamed(file: str) -> Iterator[None]:
    """Raise `FormatBroken` for a broken file, in our words."""
    try:
        yield
    except BROKEN as error:
        message = str(error).strip("'") or type(error).__name__
        raise FormatBroken(file, None, f"not an .ods workbook that can be read ({message})") from None
