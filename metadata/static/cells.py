"""Checks of every cell, of keys that must be unique, and of names that refer to another table."""

from __future__ import annotations

from headwater.metadata.static.cell_types import blank_problem, cell_problem
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.naming import names_in
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.rows import Row
from headwater.metadata.static.schema import TABLES, Column, Table


def check_cells(seeds: Seeds, problems: Problems) -> None:
    """Every cell of every row on its own, and the keys of every table.

    White space around a cell is told and then taken off, so that it is told once and not again by
    every rule that reads the cell.
    """
    for table in TABLES.values():
        for row in seeds.rows[table.name]:
            if row.origin:
                continue  # its cells are those of a row that is checked
            for column in table.columns:
                _check_cell(table, row, column, seeds, problems)
        for key in table.keys:
            _check_unique(table, key, seeds, problems)


def _check_cell(table: Table, row: Row, column: Column, seeds: Seeds, problems: Problems) -> None:
    cell = row[column.name]
    if cell is None:
        wrong = blank_problem(column)
    else:
        wrong = cell_problem(column, cell)
        if not wrong and column.refers_to:
            wrong = _dangling(column.refers_to, names_of(column, cell), seeds)
        if not column.free:
            row.cells[column.name] = cell.strip() or None
    if wrong:
        problems.add(table.name, row, column.name, *wrong)


def names_of(column: Column, cell: str) -> tuple[str, ...]:
    """The names of rows of another table that a cell holds."""
    return names_in(cell) if column.kind == "references" else (cell,)


def _dangling(table: str, names: tuple[str, ...], seeds: Seeds) -> tuple[str, str] | None:
    """Return which of the names is none of the table, and what was expected."""
    name = next((name for name in names if not seeds.knows(table, name)), None)
    if name is None:
        return None
    near = seeds.guess(table, name)
    return f'"{name}" is not in {table}.csv', "the name of a row there" + (
        f" (perhaps {near})" if near else ""
    )


def _check_unique(table: Table, key: tuple[str, ...], seeds: Seeds, problems: Problems) -> None:
    may_be_blank = {column.name for column in table.columns if not column.required}
    first: dict[tuple[str, ...], Row] = {}
    for row in seeds.rows[table.name]:
        *within, last = [column for column in key if row[column] or column not in may_be_blank]
        values = tuple(row.text(column) for column in (*within, last))
        if not all(values):
            continue
        other = first.setdefault(values, row)
        if other is not row:
            file = other.origin.table if other.origin else table.name
            place = f"line {other.line}" + (f" of {file}.csv" if row.origin or other.origin else "")
            message = f'"{values[-1]}" stands on {place} already'
            expected = f"each {last} once" + (f" in a {' and '.join(within)}" if within else "")
            problems.add(table.name, row, last, message, expected)
