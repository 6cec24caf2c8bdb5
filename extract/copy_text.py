r"""Records as the text that COPY reads: fields end in SEPARATOR, records in a line feed, `\N` is NULL.

A backslash escapes whatever would be taken for one of these, so every value comes through as it is. Most
blocks of CSV become COPY text without being taken apart into records: `from_csv` does it where it can
prove, over the whole block, that the csv module would read the same; else it says so, and the records go
one by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from operator import methodcaller

import numpy as np
import numpy.typing as npt

from extract.csv_records import Record
from extract.dialect import Dialect
from extract.text_blocks import Block

SEPARATOR = "\x1f"  # ASCII's own unit separator: real files do not hold it, and where one does, it is escaped
OPTIONS = "format text, delimiter e'\\x1f', null '\\N', encoding 'utf-8'"
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", SEPARATOR: "\\" + SEPARATOR}
_SPECIAL = re.compile("[" + "".join(map(re.escape, _ESCAPES)) + "]")
_SEP, _LF = ord(SEPARATOR), ord("\n")

Positions = npt.NDArray[np.intp]


def from_records(records: Iterable[Record], constants: str) -> bytes:
    """Records as COPY text: the line, `constants` (fields in COPY text, or ""), then the values."""
    lines = [f"{line}{SEPARATOR}{constants}{encode(values)}\n" for line, values in records]
    return "".join(lines).encode()


def encode(values: Sequence[str | None]) -> str:
    """The values of one record, escaped."""
    return SEPARATOR.join(
        [
            "\\N" if value is None else _SPECIAL.sub(_escape, value) if _SPECIAL.search(value) else value
            for value in values
        ]
    )


def encode_json(members: dict[str, str | None]) -> str:
    """An object, as a value that `encode` has still to escape."""
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))


class FastPath:
    """Turns blocks of CSV into COPY text, `width` fields a record, by work on whole blocks."""

    def __init__(self, dialect: Dialect, width: int, constants: str) -> None:
        self._width = width
        self._join = f"%d{SEPARATOR}{constants}%b\n".encode().__mod__
        self._delimiter = dialect.delimiter.encode()
        self._quote = (dialect.quote_char or "").encode()
        self._count = methodcaller("count", self._delimiter)
        special = {b"\\", b"\r", b"\n", SEPARATOR.encode()}
        self._is_possible = (
            len(self._delimiter) == 1
            and len(self._quote) <= 1
            and not special
            & {
                self._delimiter,
                self._quote,
            }
        )
        self._table = bytes.maketrans(self._delimiter, SEPARATOR.encode()) if self._is_possible else b""

    def from_csv(self, block: Block) -> tuple[bytes, int] | None:
        """COPY text of a block that begins with a record, and the number of its records.

        None when the block holds anything out of the ordinary, good or bad: a line end in quotes, a blank
        line, a record of another width, a quote that is out of place, a separator.
        """
        text = block.text
        if not self._is_possible or SEPARATOR.encode() in text:
            return None
        if b"\r" in text:  # were one of them in quotes, it would be found as a line feed in quotes
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\\" in text:
            text = text.replace(b"\\", b"\\\\")
        if not text.endswith(b"\n"):
            text += b"\n"
        fields = self._quoted(text) if self._quote and self._quote in text else self._unquoted(text)
        if fields is None:
            return None
        lines = fields.split(b"\n")
        lines.pop()
        return b"".join(map(self._join, enumerate(lines, block.line))), len(lines)

    def _unquoted(self, text: bytes) -> bytes | None:
        lines = text.split(b"\n")
        lines.pop()
        if set(map(self._count, lines)) != {self._width - 1} or (self._width == 1 and b"" in lines):
            return None
        return text.translate(self._table)

    def _quoted(self, text: bytes) -> bytes | None:
        """Fields without their quotes and with SEPARATOR between them.

        Quotes open and close in turn. One that opens must stand at the beginning of a field, one that
        closes at its end; or they touch (`""` in quotes), and are one quote of the field.
        """
        chars = np.frombuffer(b"\n" + text, np.uint8)
        quotes = np.flatnonzero(chars == ord(self._quote))
        opening, closing = quotes[0::2], quotes[1::2]
        if len(opening) != len(closing):
            return None
        touching = closing[:-1] + 1 == opening[1:]
        before = self._is_edge(chars[opening - 1])
        after = self._is_edge(chars[closing + 1])
        before[1:] |= touching
        after[:-1] |= touching
        line_ends = np.flatnonzero(chars == _LF)[1:]
        if not before.all() or not after.all() or _inside(line_ends, quotes).any():
            return None
        delimiters = np.flatnonzero(chars == ord(self._delimiter))
        delimiters = delimiters[~_inside(delimiters, quotes)]
        separators = self._width - 1
        expected = separators * np.arange(1, len(line_ends) + 1)
        if (
            len(delimiters) != separators * len(line_ends)
            or (np.searchsorted(delimiters, line_ends) != expected).any()
        ):
            return None
        if self._width == 1 and (np.diff(line_ends, prepend=0) == 1).any():
            return None  # a blank line is no record
        fields = chars.copy()
        fields[delimiters] = _SEP
        if not touching.any():
            return fields[1:].tobytes().translate(None, self._quote)
        kept = np.ones(len(fields), np.bool_)
        kept[0] = False
        kept[quotes] = False
        kept[opening[1:][touching]] = True
        return fields[kept].tobytes()

    def _is_edge(self, chars: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        is_edge: npt.NDArray[np.bool_] = (chars == ord(self._delimiter)) | (chars == _LF)
        return is_edge


def _inside(positions: Positions, quotes: Positions) -> npt.NDArray[np.bool_]:
    """Which positions lie between a quote that opens and the one that closes."""
    is_inside: npt.NDArray[np.bool_] = np.searchsorted(quotes, positions) % 2 == 1
    return is_inside


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES[found.group()]
