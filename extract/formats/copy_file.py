r"""The format `copy_text`: the output of Postgres' COPY, in UTF-8, below a line with the names of the
columns.

Tabs separate fields, a line feed ends a record, `\N` is NULL and nothing is the empty text; a backslash
escapes these characters. So a record is a line, and most blocks go to COPY unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import cast

import numpy as np

from headwater.extract.files.copy_text import SEPARATOR
from headwater.extract.files.limits import Limits
from headwater.extract.files.record import Record
from headwater.extract.files.text_blocks import Block, Readable, read_blocks
from headwater.metadata.errors import FormatBroken

TAB, NULL = "\t", r"\N"
_TO_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r", TAB: r"\t"})
_ESCAPED = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", re.DOTALL)
_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_SPECIAL = re.compile(r"[\\\n\r\t]")
_TO_SEPARATOR = bytes.maketrans(TAB.encode(), SEPARATOR.encode())


def line_of(values: Sequence[str | None]) -> bytes:
    """Return a record, or the names of the columns, as a line of the file."""
    with suppress(TypeError):  # a None among the values
        text = TAB.join(cast("Sequence[str]", values))
        if text.count(TAB) == len(values) - 1 and "\\" not in text and "\n" not in text and "\r" not in text:
            return (text + "\n").encode()  # nothing to escape, as in most lines
    fields = [
        NULL if value is None else value.translate(_TO_ESCAPES) if _SPECIAL.search(value) else value
        for value in values
    ]
    return (TAB.join(fields) + "\n").encode()


def lines_of(columns: Sequence[Sequence[str | None]]) -> bytes:
    """Return records as lines of the file.

    The caller gives the values by column, because a column without special characters is found so as a whole.
    """
    count = len(columns[0])
    nulls = sum([column.count(None) for column in columns])
    filled = [
        [NULL if value is None else value for value in column] if None in column else column
        for column in cast("Sequence[Sequence[str]]", columns)
    ]
    text = "\n".join(map(TAB.join, zip(*filled, strict=True))) + "\n"
    is_bare = text.count(TAB) == count * (len(columns) - 1) and text.count("\n") == count and "\r" not in text
    if is_bare and text.count("\\") == nulls:  # nothing to escape, as in most batches
        return text.encode()
    return b"".join(map(line_of, zip(*columns, strict=True)))


class CopyFile:
    """A file that COPY wrote. It is read once. The line of a record is its line in the file. Raises `FormatBroken`."""

    line: int | None = 1
    expected = "expected it on line 1, the names separated by tabs"

    def __init__(self, stream: Readable, file: str, limits: Limits | None = None) -> None:
        self._file, self._limits = file, limits or Limits()
        self._blocks = read_blocks(stream, file, "utf-8")
        first = next(self._blocks, None)
        if first is None:
            raise FormatBroken(file, None, "empty, expected a header line")
        head, _, rest = first.text.partition(b"\n")
        self.header = tuple(field_of(name) or "" for name in head.decode().split(TAB))
        self._rest = Block(2, rest, first.line_ends - 1)

    def records(self) -> Iterator[Record]:
        """The records below the header."""
        for block in self.blocks():
            yield from self.parse(block)

    def blocks(self) -> Iterator[Block]:
        """The text below the header, in whole lines."""
        if self._rest.text:
            yield self._rest
        yield from self._blocks

    def is_plain(self, block: Block) -> bool:
        """Return whether no single value of a block has to be examined."""
        return len(block.text) <= self._limits.longest_value

    def parse(self, block: Block) -> list[Record]:
        """The records of a block."""
        lines = block.text.decode().split("\n")
        if not lines[-1]:
            lines.pop()
        records = []
        for number, line in enumerate(lines, block.line):
            fields = line.split(TAB)
            if len(fields) != len(self.header):
                raise FormatBroken(
                    self._file, number, f"{len(fields)} values, expected {len(self.header)} as in the header"
                )
            try:
                records.append(
                    Record(number, [field_of(field) for field in fields] if "\\" in line else [*fields])
                )
            except UnicodeDecodeError:
                raise FormatBroken(
                    self._file, number, "an escaped byte is not utf-8, expected text"
                ) from None
        self._limits.require_block(block.text, records, self.header, self._file)
        return records

    def as_copy_text(self, block: Block, constants: str) -> tuple[bytes, int] | None:
        """Return the block as `copy_text` writes records, and their number; None if they must be read one by one."""
        text = block.text if block.text.endswith(b"\n") else block.text + b"\n"
        if SEPARATOR.encode() in text:
            return None
        chars = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero((chars == ord(TAB)) | (chars == ord("\n")))
        if len(ends) % len(self.header):
            return None
        last = ends.reshape(-1, len(self.header))[:, -1]
        lines = text.translate(_TO_SEPARATOR).split(b"\n")
        lines.pop()
        if len(last) != len(lines) or not (chars[last] == ord("\n")).all():
            return None
        join = f"%d{SEPARATOR}{constants}%b\n".encode().__mod__
        return b"".join(map(join, enumerate(lines, block.line))), len(lines)


def field_of(text: str) -> str | None:
    """Return the value of a field."""
    if "\\" not in text:
        return text
    return None if text == NULL else _ESCAPED.sub(_unescaped, text.encode()).decode()


def _unescaped(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return bytes([int(found[1], 8) & 0xFF])
    if found[2]:
        return bytes([int(found[2], 16)])
    return _LETTERS.get(found[3], found[3])
