"""Limits of size and depth; a delivery beyond them is a mistake or an attack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields

from headwater.metadata.errors import FormatBroken
from headwater.metadata.static.model import Source

SMALL = 64 << 20  # bytes; below it no ratio is a bomb
LARGEST_RECORD = 64 << 20  # characters of all values together; Postgres refuses a row of a gigabyte


@dataclass(frozen=True)
class Limits:
    """The limits in a source's options, or the defaults."""

    max_unpacked_mib: int = 65_536
    max_unpacked_ratio: int = 500  # DEFLATE itself goes to 1032, text rarely beyond 30
    max_value_mib: int = 16
    max_nesting: int = 100

    @classmethod
    def of(cls, source: Source) -> Limits:
        """Return the limits of a source."""
        given = {limit.name: source.options.get(limit.name) for limit in fields(cls)}
        return cls(**{name: int(value) for name, value in given.items() if value is not None})

    @property
    def longest_value(self) -> int:
        """Return the maximum number of characters of a value."""
        return self.max_value_mib << 20

    @property
    def largest_record(self) -> int:
        """Return the maximum number of characters of all values of a record."""
        return max(LARGEST_RECORD, self.longest_value)

    def most_of(self, packed: int) -> int:
        """Return the maximum number of bytes that may come of so many landed ones."""
        return min(self.max_unpacked_mib << 20, max(SMALL, self.max_unpacked_ratio * packed))

    @property
    def expected(self) -> str:
        """Return the limits for unpacked data, for a message."""
        return (
            f"expected at most {self.max_unpacked_mib} MiB (max_unpacked_mib) and {self.max_unpacked_ratio} times"
            " its packed size (max_unpacked_ratio)"
        )

    def require_value(self, length: int, file: str, line: int | None, column: str) -> None:
        """Raise `FormatBroken` if a value has too many characters."""
        if length > self.longest_value:
            raise FormatBroken(
                file,
                line,
                f"a value of {length} characters in {column}, expected at most {self.longest_value}"
                f" (max_value_mib {self.max_value_mib})",
            )

    def require_record(
        self, values: Collection[str | None], names: Collection[str], file: str, line: int | None
    ) -> int:
        """Count the characters of a record. Raises `FormatBroken` if a value, or all together, have too many."""
        count = sum([len(value) for value in values if value])
        if count > self.longest_value:
            for value, name in zip(values, names, strict=True):
                self.require_value(len(value or ""), file, line, f"column {name!r}")
        if count > self.largest_record:
            raise FormatBroken(
                file,
                line,
                f"a record of {count} characters, expected at most {self.largest_record} in all its values",
            )
        return count

    def require_block(
        self,
        text: bytes,
        records: Sequence[tuple[int, Sequence[str | None]]],
        names: Sequence[str],
        file: str,
    ) -> None:
        """Raise `FormatBroken` for a value that is too long, which only a longer block can contain."""
        if len(text) > self.longest_value:
            for line, values in records:
                self.require_record(values, names, file, line)


class Expansion:
    """The size into which a landed delivery expands, over all of its files and all stages of reading.

    A stage is everything that can expand data: a ZIP, a compressed file in it, the parts of a workbook, the
    values of a reader, the records of a wrangle function. Each stage is compared with the landed bytes, not
    with the previous stage, so that stages do not multiply.
    """

    def __init__(self, limits: Limits, landed: int) -> None:
        self.limits, self.landed = limits, landed
        self._most = limits.most_of(landed)
        self._counts: Counter[str] = Counter()

    @classmethod
    def of(cls, source: Source, landed: int) -> Expansion:
        """Return the counter for a delivery of a source with so many landed bytes."""
        return cls(Limits.of(source), landed)

    def unpack(self, stage: str, count: int, file: str) -> None:
        """Count bytes of a stage. Raises `FormatBroken` if they are too many for the landed bytes."""
        self._counts[stage] += count
        if self._counts[stage] > self._most:
            raise FormatBroken(
                file,
                None,
                f"unpacks from {self.landed} to {self._counts[stage]} bytes, {self.limits.expected}",
            )

    def give(
        self,
        values: Collection[str | None],
        names: Collection[str],
        file: str,
        line: int | None,
        stage: str = "values",
    ) -> int:
        """Count a record of a stage, and return its characters. Raises `FormatBroken` for too many."""
        count = self.limits.require_record(values, names, file, line)
        self._counts[stage] += count + 1  # an empty record counts, too
        if self._counts[stage] > self._most:
            raise FormatBroken(
                file,
                line,
                f"gives {self._counts[stage]} characters of values of {self.landed} bytes that landed,"
                f" {self.limits.expected}",
            )
        return count
