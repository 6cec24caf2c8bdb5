"""Lines that are no records: the last ones of a file, those that match a pattern, and a trailer with a count.

Banks and exports end their files in totals, signatures and counts. `skip_last_lines` skips that many lines at
the end, not counting blank ones; `skip_lines_matching` skips lines anywhere; `trailer_count` skips the one
matching line and compares its number with the number of records.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from headwater.extract.files.record import Record
from headwater.extract.files.text_blocks import Block, count_lines
from headwater.metadata.errors import FormatBroken
from headwater.metadata.redaction import beginning
from headwater.metadata.static.model import Source

LONGEST_TRAILER = 4000  # characters; patterns skip longer lines
_SEPARATORS = re.compile(r"(?<=\d)[.,' \u2019\u00a0\u202f](?=\d{3}(?!\d))")
_DIGITS = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class _Announced:
    """The number of records in a trailer."""

    line: int
    text: str
    count: int


class Trailer:
    """The skipped lines of one file. Every method that reads raises `FormatBroken`."""

    def __init__(self, source: Source, file: str) -> None:
        options = source.options
        self._file = file
        self._last = int(options.get("skip_last_lines", "0"))
        self._matching = _compiled(options.get("skip_lines_matching"))
        self._counting = _compiled(options.get("trailer_count"))
        self._announced: _Announced | None = None

    @property
    def has_patterns(self) -> bool:
        """Return whether each line has to be matched."""
        return self._matching is not None or self._counting is not None

    def without_last(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """Yield the text without the last lines. Memory holds one block more, and those lines."""
        if not self._last:
            yield from blocks
            return
        kept = Block(1, b"", 0)
        for block in blocks:
            kept = Block(kept.line, kept.text + block.text, kept.line_ends + block.line_ends)
            text = self._before_last(kept.text)
            if text:
                line_ends = count_lines(text)
                yield Block(kept.line, text, line_ends)
                kept = Block(kept.line + line_ends, kept.text[len(text) :], kept.line_ends - line_ends)
        lines = kept.text.splitlines()
        if len([line for line in lines if line.strip()]) < self._last:
            raise FormatBroken(
                self._file,
                None,
                f"fewer lines than the {self._last} that skip_last_lines leaves off at the end",
            )
        for number, line in enumerate(lines, kept.line):
            self.is_left_off(number, line.decode())

    def without_last_rows(self, rows: Iterable[Record]) -> Iterator[Record]:
        """Yield the rows of a sheet without the last ones and the matching ones."""
        held: deque[Record] = deque()
        for row in rows:
            if self.is_left_off(row.line, _row_text(row)):
                continue
            held.append(row)
            if len(held) > self._last:
                yield held.popleft()
        if len(held) < self._last:
            raise FormatBroken(
                self._file,
                None,
                f"fewer rows than the {self._last} that skip_last_lines leaves off at the end",
            )

    def is_left_off(self, line: int, text: str) -> bool:
        """Return whether a line matches a pattern, and remember the number in a trailer."""
        if not self.has_patterns or len(text) > LONGEST_TRAILER:
            return False
        text = text.rstrip("\r\n")
        found = self._counting.search(text) if self._counting else None
        if found is None:
            return self._matching is not None and self._matching.search(text) is not None
        if self._announced is not None:
            raise FormatBroken(
                self._file,
                line,
                f"{_shown(text)} is a second line that trailer_count matches, after line {self._announced.line},"
                " expected one in a file",
            )
        number = _SEPARATORS.sub("", (found["count"] or "").strip())
        if not _DIGITS.fullmatch(number):
            raise FormatBroken(
                self._file,
                line,
                f"{found['count']!r} in {_shown(text)} is no number of records (trailer_count)",
            )
        self._announced = _Announced(line, text, int(number))
        return True

    def require_count(self, records: int) -> None:
        """Compare the number in the trailer with the number of records, after the last one."""
        if self._counting is None:
            return
        if self._announced is None:
            raise FormatBroken(
                self._file,
                None,
                f"{records} records and no line that trailer_count matches, expected one that says how many there are:"
                " is the file cut off?",
            )
        if self._announced.count != records:
            raise FormatBroken(
                self._file,
                self._announced.line,
                f"{_shown(self._announced.text)} says {self._announced.count} records, {records} came (trailer_count)",
            )

    def _before_last(self, text: bytes) -> bytes:
        """Return the text that certainly precedes the last lines."""
        left = self._last
        lines = text.splitlines(keepends=True)
        while lines and left:
            left -= bool(lines.pop().strip())
        return b"".join(lines)


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    return re.compile(pattern) if pattern is not None else None


def _row_text(row: Record) -> str:
    """Return a row of a sheet as text for the patterns: its cells separated by tabs."""
    if sum(len(value) + 1 for value in row.values if value) > LONGEST_TRAILER:
        return " " * (LONGEST_TRAILER + 1)
    return "\t".join(value or "" for value in row.values).rstrip("\t")


def _shown(text: str) -> str:
    return repr(beginning(text.strip(), 60))
