"""All rows that say something of one source, brought together once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from headwater.metadata.static.problem import Problems
from headwater.metadata.static.rows import Row


@dataclass
class SourceParts:
    """The parts of one source: its row, that of its data source, its attributes, its options by name.

    `options` are those that hold always, or until a row of `dated_options` says otherwise.
    """

    row: Row
    data_source: Row | None
    attributes: list[Row] = field(default_factory=list)
    options: dict[str, Row] = field(default_factory=dict)
    dated_options: list[Row] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.row.text("source")

    @property
    def data_source_type(self) -> str:
        """Its type, "" when that cannot be told."""
        return self.data_source.text("data_source_type") if self.data_source else ""

    def option(self, name: str) -> str | None:
        """The value of an option, None when it is not given."""
        return self.options[name]["value"] if name in self.options else None

    def in_time(self) -> Iterator[SourceParts]:
        """The parts as they are at first, then as they are from each date on from which an option is another."""
        yield self
        options = self.options
        for valid_from in sorted({row.text("valid_from") for row in self.dated_options}):
            begin = {row.text("name"): row for row in self.dated_options if row["valid_from"] == valid_from}
            options = {**options, **begin}
            yield replace(self, options=options)

    def blame(self, problems: Problems, column: str, message: str, expected: str) -> None:
        """Note that a cell of the source's own row is wrong."""
        problems.add("source", self.row, column, message, expected)

    def blame_option(self, problems: Problems, name: str, column: str, message: str, expected: str) -> None:
        """Note that an option is wrong: its `name` (it should not be there) or its `value`."""
        problems.add("source_attribute", self.options[name], column, message, expected)
