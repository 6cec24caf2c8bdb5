"""Fixed width: one record per line, its columns cut by position, in characters.

There is no header: the metadata defines the columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headwater.extract.files.content import require_records
from headwater.extract.files.dialect import encoding_of
from headwater.extract.files.limits import Limits
from headwater.extract.files.record import Record
from headwater.extract.files.text_blocks import Readable, read_blocks
from headwater.extract.files.trailer import Trailer
from headwater.metadata.errors import FormatBroken
from headwater.metadata.redaction import beginning
from headwater.metadata.static.formats import FixedColumn, parse_fixed_columns
from headwater.metadata.static.model import Source


class FixedWidthFile:
    """A file whose lines the option fixed_columns cuts into columns. Raises `FormatBroken`.

    Blanks that pad a column do not belong to its value. Outside of the columns a line has only blanks. A line is
    shorter only if its last column has no end. A blank line is no record.
    """

    line: int | None = None
    expected = "expected them in fixed_columns"

    def __init__(self, source: Source, stream: Readable, file: str, limits: Limits | None = None) -> None:
        self._file, self._limits = file, limits or Limits()
        self._trailer = Trailer(source, file)
        self._columns = parse_fixed_columns(source.options["fixed_columns"])
        self._first_line = int(source.options.get("first_line", "1"))
        blocks = read_blocks(require_records(stream, file, "text"), file, encoding_of(source))
        self._blocks = self._trailer.without_last(blocks)
        self.header = tuple(column.name for column in self._columns)

    def records(self) -> Iterator[Record]:
        """The lines from first_line on."""
        slices = [slice(column.first - 1, column.last) for column in self._columns]
        width = max((column.last for column in self._columns if column.last), default=0)
        gaps = _gaps(self._columns)
        count = 0
        for block in self._blocks:
            for number, encoded in enumerate(block.text.splitlines(), block.line):
                text = encoded.decode()
                if number < self._first_line or not text.strip():
                    continue
                if self._trailer.is_left_off(number, text):
                    continue
                count += 1
                if len(text) < width:
                    raise FormatBroken(
                        self._file, number, f"{len(text)} characters, expected {width} (fixed_columns)"
                    )
                for gap in gaps:
                    if text[gap].strip():
                        raise self._outside(number, gap, text[gap])
                record = Record(number, [text[part].strip(" ") for part in slices])
                self._limits.require_block(encoded, [record], self.header, self._file)
                yield record
        self._trailer.require_count(count)

    def _outside(self, number: int, gap: slice, text: str) -> FormatBroken:
        place = gap.start + len(text) - len(text.lstrip()) + 1
        return FormatBroken(
            self._file,
            number,
            f"{beginning(text.strip(), 20)!r} from character {place} on, where no column is, expected blanks"
            " (fixed_columns)",
        )


def _gaps(columns: Sequence[FixedColumn]) -> list[slice]:
    """Return the text between and after the columns."""
    gaps = []
    end = 0
    for column in sorted(columns, key=lambda column: column.first):
        if column.first - 1 > end:
            gaps.append(slice(end, column.first - 1))
        if column.last is None:
            return gaps
        end = column.last
    return [*gaps, slice(end, None)]
