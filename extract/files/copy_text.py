r"""Records as text for COPY: fields end in SEPARATOR, records in a line feed, `\N` is NULL.

A backslash escapes these characters, so every value is preserved. Most blocks of CSV become COPY text without
parsing of records: `from_csv` does so if it can prove, over the whole block, that the csv module would read
the same; else the records are converted one by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import cast

import numpy as np
import numpy.typing as npt

from headwater.extract.files.dialect import Dialect
from headwater.extract.files.record import Record
from headwater.extract.files.text_blocks import Block

SEPARATOR = "\x1f"  # ASCII's unit separator: hardly any file contains it, and if one does, it is escaped
OPTIONS = "format text, delimiter e'\\x1f', null '\\N', encoding 'utf-8'"
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", SEPARATOR: "\\" + SEPARATOR}
_SPECIAL = re.compile("[" + "".join(map(re.escape, _ESCAPES)) + "]")
_SEP, _LF = ord(SEPARATOR), ord("\n")

Chars = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.intp]


def from_records(records: Sequence[Record], constants: str) -> bytes:
    """Return records as COPY text: the line, `constants` (fields that end in SEPARATOR, or ""), then the values."""
    texts, nulls = _unescaped(records)
    text = "".join(
        [f"{line}{SEPARATOR}{constants}{values}\n" for (line, _), values in zip(records, texts, strict=True)]
    )
    separators = sum([len(values) for _, values in records]) + len(records) * constants.count(SEPARATOR)
    is_bare = text.count("\n") == len(records) and text.count(SEPARATOR) == separators
    if is_bare and text.count("\\") == nulls and "\r" not in text:  # nothing to escape, as in most batches
        return text.encode()
    return "".join([f"{line}{SEPARATOR}{constants}{encode(values)}\n" for line, values in records]).encode()


def _unescaped(records: Sequence[Record]) -> tuple[list[str], int]:
    """The values of each record as they are, and how many of all of them are NULL: so many backslashes are ours."""
    joined = cast(Callable[[Sequence[str | None]], str], SEPARATOR.join)
    with suppress(TypeError):  # a None among the values
        return [joined(values) for _, values in records], 0
    texts = [joined(["\\N" if value is None else value for value in values]) for _, values in records]
    return texts, sum([values.count(None) for _, values in records])


def encode(values: Sequence[str | None]) -> str:
    """Return the escaped values of one record."""
    return SEPARATOR.join(
        [
            "\\N" if value is None else _SPECIAL.sub(_escape, value) if _SPECIAL.search(value) else value
            for value in values
        ]
    )


def encode_json(members: dict[str, str | None]) -> str:
    """Return an object as a value that `encode` has yet to escape."""
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))


class FastPath:
    """Converts whole blocks of CSV to COPY text, with `width` fields per record."""

    def __init__(self, dialect: Dialect, width: int, constants: str) -> None:
        self._width = width
        self._join = f"%d{SEPARATOR}{constants}%b\n".encode().__mod__
        self._delimiter = dialect.delimiter.encode()
        self._quote = (dialect.quote_char or "").encode()
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
        """Return the COPY text of a block that begins with a record, and its number of records.

        Returns None if the block contains anything unusual: a line end in quotes, a blank line, a record of
        another width, a misplaced quote, a separator.
        """
        text = block.text
        if not self._is_possible or SEPARATOR.encode() in text:
            return None
        if b"\r" in text:  # were one of them in quotes, it would be found as a line feed in quotes
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\\" in text:
            text = text.replace(b"\\", b"\\\\")
        line_ends = block.line_ends
        if not text.endswith(b"\n"):
            text += b"\n"
            line_ends += 1
        fields = self._quoted(text, line_ends) if self._quote and self._quote in text else self._plain(text)
        if fields is None:
            return None
        lines = fields.split(b"\n")
        lines.pop()
        return b"".join(map(self._join, enumerate(lines, block.line))), len(lines)

    def _plain(self, text: bytes) -> bytes | None:
        """The fields, with SEPARATOR between them and a line feed after each record."""
        if self._width == 1 and (b"\n\n" in text or text.startswith(b"\n")):
            return None  # a blank line is no record
        chars = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(self._are_ends(chars))
        return None if self._delimiters(chars, ends) is None else text.translate(self._table)

    def _quoted(self, text: bytes, line_ends: int) -> bytes | None:
        """As `_plain`, where there are quotes; they are left out.

        They open and close in turn. One that opens must stand at the beginning of a field, one that closes
        at its end; or the two touch (`""` in quotes), and are one quote of the field.
        """
        chars = np.frombuffer(text, np.uint8)
        quotes = np.flatnonzero(chars == ord(self._quote))
        opening, closing = quotes[0::2], quotes[1::2]
        if len(opening) != len(closing) or self._width == 1:
            return None
        gaps = opening[1:] - closing[:-1]
        touching = gaps == 1
        if (
            opening[0] == 0 and closing[-1] == len(chars) - 2 and (gaps <= 2).all()
        ):  # every field is in quotes
            ends = closing[np.append(~touching, True)] + 1
        else:
            opens = self._are_ends(
                chars[opening - 1]
            )  # before the first character comes the last, a line feed
            closes = self._are_ends(chars[closing + 1])
            opens[1:] |= touching
            closes[:-1] |= touching
            ends = np.flatnonzero(self._are_ends(chars))
            ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
            if not opens.all() or not closes.all():
                return None
        delimiters = self._delimiters(chars, ends)
        if delimiters is None or len(ends) - len(delimiters) != line_ends:  # a line end in quotes
            return None
        fields = chars.copy()
        fields[delimiters] = _SEP
        if not touching.any():
            return fields.tobytes().translate(None, self._quote)
        kept = np.ones(len(fields), np.bool_)
        kept[quotes] = False
        kept[opening[1:][touching]] = True
        return fields[kept].tobytes()

    def _are_ends(self, chars: Chars) -> npt.NDArray[np.bool_]:
        """Return which characters end a field, if they are not in quotes: delimiters and line feeds."""
        are_ends: npt.NDArray[np.bool_] = (chars == self._delimiter[0]) | (chars == _LF)
        return are_ends

    def _delimiters(self, chars: Chars, ends: Positions) -> Positions | None:
        """Return where the delimiters are, if the ends of all fields make records of `width` fields; else None."""
        if len(ends) % self._width:
            return None
        records = ends.reshape(-1, self._width)
        delimiters = records[:, :-1].ravel()
        is_regular = (chars[records[:, -1]] == _LF).all() and (chars[delimiters] == self._delimiter[0]).all()
        return delimiters if is_regular else None


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES[found.group()]
