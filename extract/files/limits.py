"""Limits of size and depth, beyond which a delivery is taken for a mistake or an attack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields

from headwater.metadata.errors import FormatBroken
from headwater.metadata.static.model import Source

SMALL = 64 << 20  # bytes; below it no ratio is a bomb
LARGEST_RECORD = 64 << 20  # characters of all values together; Postgres takes no row of a gigabyte


@dataclass(frozen=True)
class Limits:
    """The limits that a source's options say, or the usual ones."""

    max_unpacked_mib: int = 65_536
    max_unpacked_ratio: int = 500  # DEFLATE itself goes to 1032, text rarely beyond 30
    max_value_mib: int = 16
    max_nesting: int = 100

    @classmethod
    def of(cls, source: Source) -> Limits:
        """The limits of a source."""
        given = {limit.name: source.options.get(limit.name) for limit in fields(cls)}
        return cls(**{name: int(value) for name, value in given.items() if value is not None})

    @property
    def longest_value(self) -> int:
        """The most characters that one value may have."""
        return self.max_value_mib << 20

    @property
    def largest_record(self) -> int:
        """The most characters that all values of a record may have together."""
        return max(LARGEST_RECORD, self.longest_value)

    def most_of(self, packed: int) -> int:
        """The most bytes that may come of so many."""
        return min(self.max_unpacked_mib << 20, max(SMALL, self.max_unpacked_ratio * packed))

    @property
    def expected(self) -> str:
        """The limits of what comes of something packed, for a message."""
        return (
            f"expected at most {self.max_unpacked_mib} MiB (max_unpacked_mib) and {self.max_unpacked_ratio} times"
            " its packed size (max_unpacked_ratio)"
        )

    def require_value(self, length: int, file: str, line: int | None, column: str) -> None:
        """Raise `FormatBroken` when a value has so many characters that nobody can mean it."""
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
        """Count the characters of a record. Raises `FormatBroken` when a value, or all together, have too many."""
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
        """Raise `FormatBroken` for a value that is too long. Only a block that is longer than one can hold such."""
        if len(text) > self.longest_value:
            for line, values in records:
                self.require_record(values, names, file, line)


class Expansion:
    """The bytes into which a landed delivery unpacks, counted over all of its files and all stages of reading.

    A stage is whatever can make more of less: a ZIP, a packed file in it, the parts of a workbook, the values that a
    reader gives, the records that a wrangle function makes. Each is held against what landed, not against the stage
    before it, so that stages do not multiply.
    """

    def __init__(self, limits: Limits, landed: int) -> None:
        self.limits, self.landed = limits, landed
        self._most = limits.most_of(landed)
        self._counts: Counter[str] = Counter()

    @classmethod
    def of(cls, source: Source, landed: int) -> Expansion:
        """Return that of a delivery of a source of which so many bytes landed."""
        return cls(Limits.of(source), landed)

    def unpack(self, stage: str, count: int, file: str) -> None:
        """Count bytes that a stage made. Raises `FormatBroken` when they are too many for what landed."""
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
        """Count a record that a stage gives, and return its characters. Raises `FormatBroken` for too many."""
        count = self.limits.require_record(values, names, file, line)
        self._counts[stage] += count + 1  # a record of nothing is one, too
        if self._counts[stage] > self._most:
            raise FormatBroken(
                file,
                line,
                f"gives {self._counts[stage]} characters of values of {self.landed} bytes that landed,"
                f" {self.limits.expected}",
            )
        return count
