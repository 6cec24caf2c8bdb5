"""CSV as records: the header, then whole records with the physical line on which each begins.

Python's csv module, strict, decides what a record is. Whoever reads faster (`copy_text`) must agree with it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, cast

from extract.dialect import Dialect
from extract.text_blocks import LONGEST_RECORD, Block, Readable, read_blocks
from metadata.errors import FormatBroken

if TYPE_CHECKING:
    from _csv import Reader

csv.field_size_limit(LONGEST_RECORD)  # of the whole process; the default, 128 KiB, refuses honest files
_UNCLOSED = "unexpected end of data"


class Record(NamedTuple):
    """A record and the physical line, from 1, on which it begins. None is a value that is not there."""

    line: int
    values: list[str | None]


_NOTHING = Block(0, b"", 0)


class CsvFile:
    """A CSV file that is read once, from beginning to end. Every method raises `FormatBroken`."""

    def __init__(self, stream: Readable, file: str, dialect: Dialect) -> None:
        self.file, self.dialect = file, dialect
        self._blocks = read_blocks(stream, file, dialect.encoding)
        self.header: tuple[str, ...] = ()
        self._next = _NOTHING
        self._next = self._read_header()

    @property
    def line(self) -> int:
        """The line of the header."""
        return self.dialect.header_line

    @property
    def expected(self) -> str:
        """What to expect of a file in which no column is found."""
        return (
            f"expected it on line {self.line} (header_line), its values separated by"
            f" {self.dialect.delimiter!r} (delimiter)"
        )

    def records(self) -> Iterator[Record]:
        """The records below the header; a blank line is none."""
        for block in self.blocks():
            yield from self.parse(block)

    def blocks(self) -> Iterator[Block]:
        """The text below the header, cut between lines. What `parse` leaves over comes again, longer."""
        while self._next.text or self._extend():
            block, self._next = self._next, _NOTHING
            yield block

    def parse(self, block: Block) -> list[Record]:
        """The records of a block; one that is not complete is kept for the next."""
        lines = block.text.splitlines(keepends=True)
        reader = self._reader(lines)
        width = len(self.header)
        records: list[Record] = []
        begin = 0
        try:
            for values in reader:
                if values:
                    if len(values) != width:
                        raise self._ragged(block.line + begin, len(values))
                    records.append(Record(block.line + begin, cast("list[str | None]", values)))
                begin = reader.line_num
        except csv.Error as error:
            self._keep(Block(block.line + begin, b"".join(lines[begin:]), block.line_ends - begin), error)
        return records

    def _ragged(self, line: int, fields: int) -> FormatBroken:
        """What to say of a record with another number of fields than the header."""
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
        wanted = 2 * len(begun.text)  # doubled, so that a long record is not read over and over again
        while len(self._next.text) < wanted:
            if not self._extend():
                if len(self._next.text) == len(begun.text):
                    raise self._unclosed(begun.line, "before the end of the file")
                break

    def _unclosed(self, line: int, where: str) -> FormatBroken:
        return FormatBroken(
            self.file, line, f"the record that begins here has a quote that is not closed {where}"
        )

    def _extend(self) -> bool:
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
        while self._extend():
            lines = self._next.text.splitlines(keepends=True)
            if len(lines) <= skipped:
                continue
            reader = self._reader(lines[skipped:])
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

    def _reader(self, lines: Iterable[bytes]) -> Reader:
        quote = self.dialect.quote_char
        return csv.reader(
            (line.decode() for line in lines),
            delimiter=self.dialect.delimiter,
            quotechar=quote,
            quoting=csv.QUOTE_NONE if quote is None else csv.QUOTE_MINIMAL,
            strict=True,
        )
