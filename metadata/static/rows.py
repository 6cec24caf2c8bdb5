"""CSV files as rows of cells that know their line.

A quoted cell may hold line breaks, so the number of a row is not its line: `Row.line` is the physical
line on which it begins.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

LONGEST_CELL = 10_000_000  # characters; Python's own limit of 131,072 is less than a long sql_text


@dataclass(slots=True)
class Row:
    """One row: the line on which it begins, and its cells by column; a blank cell is None."""

    line: int
    cells: dict[str, str | None]

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
    """What a file holds: its header, whole rows, and the rows whose number of fields is not the header's."""

    header: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    ragged: list[tuple[int, list[str]]] = field(default_factory=list)


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
    content = CsvRows(header)
    for line, fields in records:
        if not fields:
            continue  # an empty line
        if len(fields) != len(header):
            content.ragged.append((line, fields))
            continue
        content.rows.append(
            Row(line, {name: cell or None for name, cell in zip(header, fields, strict=True)})
        )
    return content


def _decoded(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # With a byte order mark `error.object` lacks its three bytes, which hold no line break.
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UnreadableError(
            line, f"byte 0x{error.object[error.start]:02X} is not UTF-8", "a file in UTF-8"
        ) from None
    if "\x00" in text:
        raise UnreadableError(
            text.count("\n", 0, text.index("\x00")) + 1, "a NUL character", "text"
        ) from None
    return text


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
