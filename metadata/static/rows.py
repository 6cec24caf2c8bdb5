"""CSV files as rows of cells that know their line.

A quoted cell may hold line breaks, so the number of a row is not its line: `Row.line` is the physical
line on which it begins.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

_NO_TEXT = re.compile(r"[\udc80-\udcff\0]")
LONGEST_CELL = 10_000_000  # characters; Python's own limit of 131,072 is less than a long sql_text


@dataclass(frozen=True, slots=True)
class Origin:
    """The place from which a row follows that no person wrote: a row of another table, or one `column` of it.

    `name` is the row's, as messages about it begin.
    """

    table: str
    line: int
    name: str
    column: str | None = None


@dataclass(slots=True)
class Row:
    """One row: the line on which it begins, and its cells by column; a blank cell is None.

    One that follows from another row has the line of that one, which `origin` names.
    """

    line: int
    cells: dict[str, str | None]
    origin: Origin | None = None

    def __getitem__(self, column: str) -> str | None:
        return self.cells.get(column)

    def text(self, column: str) -> str:
        """The cell as text, where blank and missing are the same."""
        return self.cells.get(column) or ""

    def is_true(self, column: str, default: bool = False) -> bool:
        """The cell as a boolean; `default` where it is blank."""
        cell = self.cells.get(column)
        return default if cell is None else cell == "true"


@dataclass
class CsvRows:
    """The contents of a file: its header, and its rows.

    Rows are whole, or have another number of fields than the header, or hold something that is no text.
    """

    header: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    ragged: list[tuple[int, list[str]]] = field(default_factory=list)
    garbled: list[tuple[UnreadableError, list[str]]] = field(default_factory=list)


class UnreadableError(Exception):
    """The file breaks CSV itself: `line`, what is wrong (`message`) and what was `expected`."""

    def __init__(self, line: int, message: str, expected: str) -> None:
        self.line, self.message, self.expected = line, message, expected
        super().__init__(message)


def read_csv(path: Path) -> CsvRows:
    """All rows of a UTF-8 file whose first row is its header. Raises `UnreadableError`, or OSError."""
    text = _decoded(path.read_bytes())
    records = _records(text)
    _, header = next(records, (1, []))
    if not header:
        raise UnreadableError(1, "the file is empty", "a header")
    if broken := _no_text(1, header):
        raise broken
    content = CsvRows(header)
    for line, fields in records:
        if not fields:
            continue  # an empty line
        if broken := _no_text(line, fields):
            content.garbled.append((broken, fields))
            continue
        if len(fields) != len(header):
            content.ragged.append((line, fields))
            continue
        content.rows.append(
            Row(line, {name: cell or None for name, cell in zip(header, fields, strict=True)})
        )
    return content


def _decoded(data: bytes) -> str:
    """The text; a byte that is not UTF-8 becomes a character of its own, which no text has: it is told by its row."""
    return data.decode("utf-8-sig", errors="surrogateescape")


def _no_text(line: int, fields: list[str]) -> UnreadableError | None:
    """Return what in the fields of the row that begins on `line` is no text, with its own line; None where all is."""
    text = "\n".join(fields)
    found = _NO_TEXT.search(text)
    if found is None:
        return None
    before = text[: found.start()]
    own_line = line + before.count("\n") - _fields_before(fields, found.start())
    if found[0] == "\0":
        return UnreadableError(own_line, "a NUL character", "text")
    return UnreadableError(own_line, f"byte 0x{ord(found[0]) - 0xDC00:02X} is not UTF-8", "a file in UTF-8")


def _fields_before(fields: list[str], place: int) -> int:
    """Return how many of the fields, joined by one character each, end before a place."""
    ends = accumulate(len(text) + 1 for text in fields)
    return sum(end <= place for end in ends)


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for fields in reader:
            yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableError(
            line, f"not readable as CSV ({error})", "quotes closed and doubled inside quotes"
        ) from None
