"""CSV as records: the header, then complete records with the physical line on which each begins.

Python's csv module, in strict mode, decides what a record is. The faster `copy_text` must agree with it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, cast

from headwater.extract.files.dialect import Dialect
from headwater.extract.files.limits import Limits
from headwater.extract.files.record import Record
from headwater.extract.files.text_blocks import LONGEST_RECORD, Block, Readable, read_blocks
from headwater.extract.files.trailer import Trailer
from headwater.metadata.errors import FormatBroken

if TYPE_CHECKING:
    from _csv import Reader

csv.field_size_limit(LONGEST_RECORD)  # for the whole process; the default, 128 KiB, refuses valid files
_UNCLOSED = "unexpected end of data"


_NOTHING = Block(0, b"", 0)


class CsvFile:
    """A CSV file that is read once, from beginning to end. Every method raises `FormatBroken`."""

    def __init__(
        self,
        stream: Readable,
        file: str,
        dialect: Dialect,
        limits: Limits | None = None,
        trailer: Trailer | None = None,
    ) -> None:
        self.file, self.dialect = file, dialect
        self._limits, self._trailer = limits or Limits(), trailer
        blocks = read_blocks(stream, file, dialect.encoding)
        self._blocks = trailer.without_last(blocks) if trailer else blocks
        self._count = 0  # of records that were parsed
        self.header: tuple[str, ...] = ()
        self._next = _NOTHING
        self._next = self._read_header()

    @property
    def line(self) -> int:
        """The line of the header."""
        return self.dialect.header_line

    @property
    def expected(self) -> str:
        """Return the expectation for a file without any known column."""
        return (
            f"expected it on line {self.line} (header_line), its values separated by"
            f" {self.dialect.delimiter!r} (delimiter)"
        )

    def records(self) -> Iterator[Record]:
        """Yield the records below the header, without blank lines."""
        for block in self.blocks():
            yield from self.parse(block)

    def blocks(self) -> Iterator[Block]:
        """Yield the text below the header, cut between lines. The text that `parse` leaves comes again, longer."""
        while self._next.text or self._extend():
            block, self._next = self._next, _NOTHING
            yield block
        if self._trailer:
            self._trailer.require_count(self._count)

    def is_plain(self, block: Block) -> bool:
        """Return whether a block needs no check of its single lines and values."""
        has_patterns = self._trailer is not None and self._trailer.has_patterns
        return not has_patterns and len(block.text) <= self._limits.longest_value

    def parse(self, block: Block) -> list[Record]:
        """Return the records of a block; an incomplete one is kept for the next."""
        lines = block.text.splitlines(keepends=True)
        begun = _Lines(lines, block.line, self._trailer)
        reader = self._reader(begun)
        width = len(self.header)
        records: list[Record] = []
        try:
            for values in reader:
                if values:
                    if len(values) != width:
                        raise self._ragged(block.line + begun.first, len(values))
                    records.append(Record(block.line + begun.first, cast("list[str | None]", values)))
                begun.first = begun.next
        except csv.Error as error:
            first = begun.first
            self._keep(Block(block.line + first, b"".join(lines[first:]), block.line_ends - first), error)
        self._limits.require_block(block.text, records, self.header, self.file)
        self._count += len(records)
        return records

    def _ragged(self, line: int, fields: int) -> FormatBroken:
        """Return the error for a record whose number of fields differs from the header's."""
        return FormatBroken(
            self.file,
            line,
            f"{fields} field{'s' if fields != 1 else ''}, expected {len(self.header)} as in the header",
        )

    def _keep(self, begun: Block, error: csv.Error) -> None:
        if _UNCLOSED not in str(error):
            raise FormatBroken(self.file, begun.line, f"not well-formed CSV: {error}") from None
        self._next = begun
        if len(begun.text) > LONGEST_RECORD:
            raise self._unclosed(begun.line, f"within {LONGEST_RECORD >> 20} MiB")
        # doubled, so that a long record is not read over and over again
        if not self._extend(2 * len(begun.text)):
            raise self._unclosed(begun.line, "before the end of the file")

    def _unclosed(self, line: int, where: str) -> FormatBroken:
        return FormatBroken(
            self.file, line, f"the record that begins here has a quote that is not closed {where}"
        )

    def _extend(self, wanted: int = 0) -> bool:
        """Read up to that many more bytes; return whether any came."""
        is_more = self._extend_once()
        while is_more and len(self._next.text) < wanted and self._extend_once():
            pass
        return is_more

    def _extend_once(self) -> bool:
        block = next(self._blocks, None)
        if block is None:
            return False
        kept = self._next
        if kept.text:
            block = Block(kept.line, kept.text + block.text, kept.line_ends + block.line_ends)
        self._next = block
        return True

    def _read_header(self) -> Block:
        """Read up to the header; returns what follows it."""
        skipped = self.dialect.header_line - 1
        wanted = 0
        while self._extend(wanted):
            wanted = 2 * len(
                self._next.text
            )  # doubled, so that a long header is not read over and over again
            lines = self._next.text.splitlines(keepends=True)
            if len(lines) <= skipped:
                continue
            reader = self._reader(line.decode() for line in lines[skipped:])
            try:
                header = next(reader)
            except csv.Error as error:
                if _UNCLOSED not in str(error):
                    raise FormatBroken(
                        self.file, skipped + 1, f"the header is not well-formed CSV: {error}"
                    ) from None
                if len(self._next.text) > LONGEST_RECORD:
                    raise self._unclosed(skipped + 1, f"within {LONGEST_RECORD >> 20} MiB") from None
                continue
            if not header:
                raise FormatBroken(
                    self.file, skipped + 1, "a blank line, expected the header (source_attribute header_line)"
                )
            trim = self.dialect.trim_whitespace
            self.header = tuple(name.strip() if trim else name for name in header)
            used = skipped + reader.line_num
            return Block(used + 1, b"".join(lines[used:]), self._next.line_ends - used)
        if not self._next.text:
            raise FormatBroken(self.file, None, "empty, expected a header")
        if len(self._next.text.splitlines()) <= skipped:
            raise FormatBroken(
                self.file,
                None,
                f"fewer lines than {skipped + 1}, on which its header is expected (header_line)",
            )
        raise self._unclosed(skipped + 1, "before the end of the file")

    def _reader(self, lines: Iterable[str]) -> Reader:
        quote = self.dialect.quote_char
        return csv.reader(
            lines,
            delimiter=self.dialect.delimiter,
            quotechar=quote,
            quoting=csv.QUOTE_NONE if quote is None else csv.QUOTE_MINIMAL,
            strict=True,
        )


class _Lines:
    """The lines of a block for the csv module, without skipped lines where a record would begin."""

    def __init__(self, lines: Sequence[bytes], line: int, trailer: Trailer | None) -> None:
        self._lines, self._line = lines, line
        self._trailer = trailer if trailer and trailer.has_patterns else None
        self.first = self.next = 0  # where the record that is read begins, and what is taken next

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        while self.next < len(self._lines):
            text = self._lines[self.next].decode()
            self.next += 1
            is_begin = self.next - 1 == self.first
            if self._trailer and is_begin and self._trailer.is_left_off(self._line + self.first, text):
                self.first = self.next
                continue
            return text
        raise StopIteration
