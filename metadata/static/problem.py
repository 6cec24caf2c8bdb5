"""One broken rule of the static metadata, and the list that collects them all."""

from __future__ import annotations

from dataclasses import dataclass, field

from headwater.metadata.static.rows import Row
from headwater.metadata.static.schema import TABLES

WHOLE_FILE = "(file)"
WHOLE_ROW = "(row)"


@dataclass(frozen=True)
class Problem:
    """A problem in one cell. `line` is the physical line on which its row begins, from 1 (the header).

    `column` is a column of the table, `(row)` or `(file)`.
    """

    file: str
    line: int
    column: str
    message: str
    expected: str

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}: {self.column}: {self.message}, expected {self.expected}"
        return text.replace("\r", r"\r").replace("\n", r"\n")  # one problem, one line


@dataclass
class Problems:
    """All that was found so far; `folder` is the name of the seeds' folder, as shown to the user."""

    folder: str
    found: list[tuple[tuple[int, int, int], Problem]] = field(default_factory=list)

    def add(self, table: str, where: Row | int, column: str, message: str, expected: str) -> None:
        """Note that `column` of the row (or of the physical line) `where` is wrong.

        What is wrong with a row that follows from another one is told of the one that a person wrote.
        """
        line = where if isinstance(where, int) else where.line
        if isinstance(where, Row) and (origin := where.origin):
            known = TABLES[origin.table].column_names
            column = origin.column or (column if column in known else WHOLE_ROW)
            table, message = origin.table, f"{origin.name} {message}"
        problem = Problem(f"{self.folder}/{table}.csv", line, column, message, expected)
        self.found.append((_place(table, line, column), problem))

    def in_order(self) -> list[Problem]:
        """Sorted by table (as `layout` has them), line and column; a problem found twice is told once."""
        return list(dict.fromkeys(problem for _, problem in sorted(self.found, key=lambda entry: entry[0])))


_TABLE_PLACES = {name: place for place, name in enumerate(TABLES)}
_COLUMN_PLACES = {
    (table.name, column): place
    for table in TABLES.values()
    for place, column in enumerate(table.column_names)
}


def _place(table: str, line: int, column: str) -> tuple[int, int, int]:
    return _TABLE_PLACES.get(table, len(TABLES)), line, _COLUMN_PLACES.get((table, column), -1)
