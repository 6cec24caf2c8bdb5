"""Reading the files: is each there, in UTF-8, a CSV that has our columns?"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from headwater.metadata.static.naming import nearest, one_of
from headwater.metadata.static.problem import WHOLE_FILE, WHOLE_ROW, Problems
from headwater.metadata.static.rows import CsvRows, Row, UnreadableError, read_csv
from headwater.metadata.static.schema import TABLES, Table

MOST_GUESSES = 50


@dataclass
class Seeds:
    """The rows of every table that could be read, and by name for those that are referred to."""

    folder: Path = Path("seeds")
    rows: dict[str, list[Row]] = field(default_factory=lambda: {table: [] for table in TABLES})
    by_name: dict[str, dict[str, Row]] = field(default_factory=lambda: {table: {} for table in TABLES})
    # Names of rows that are broken, and tables that could not be read: what refers to them is not wrong.
    broken_names: dict[str, set[str]] = field(default_factory=lambda: {table: set() for table in TABLES})
    unreadable: set[str] = field(default_factory=set)
    garbled: set[str] = field(
        default_factory=set
    )  # tables with rows that are no text: their names may be others
    # What stands in the rows of each table that have too few fields or too many: nobody knows what for.
    broken_cells: dict[str, set[str]] = field(default_factory=lambda: {table: set() for table in TABLES})
    _options: dict[str, list[Row]] | None = None
    _guesses: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def find(self, table: str, name: str | None) -> Row | None:
        """The row of that name, or None."""
        return self.by_name[table].get(name) if name else None

    def options_of(self, source: str) -> list[Row]:
        """Return the rows of source_attribute of a source."""
        if self._options is None:
            self._options = {}
            for row in self.rows["source_attribute"]:
                self._options.setdefault(row.text("source"), []).append(row)
        return self._options.get(source, [])

    def knows(self, table: str, name: str) -> bool:
        """Return whether a reference to `name` is right, as far as can be told."""
        is_told_in_part = table in self.unreadable or table in self.garbled
        return is_told_in_part or name in self.by_name[table] or name in self.broken_names[table]

    def guess(self, table: str, name: str) -> str | None:
        """The name in `table` that was probably meant, if one is much like it.

        Comparing takes milliseconds where names are many, so only the first unknown names are guessed at.
        """
        if (table, name) not in self._guesses and len(self._guesses) < MOST_GUESSES:
            self._guesses[table, name] = nearest(name, self.by_name[table])
        return self._guesses.get((table, name))


def load_seeds(folder: Path, problems: Problems) -> Seeds:
    """Read every table of `folder`. What cannot be read goes to `problems` and is left out."""
    seeds = Seeds(folder.resolve())
    _check_no_other_files(folder, problems)
    for table in TABLES.values():
        if table.may_be_missing and not (folder / f"{table.name}.csv").exists():
            continue
        content = _read(folder, table, problems)
        if content is None or not _header_fits(table, content.header, problems):
            seeds.unreadable.add(table.name)
            continue
        _note_broken(table, content, seeds, problems)
        for row in content.rows:
            row.cells = {
                column: row[column] for column in table.column_names
            }  # blank where the file lacks it
        seeds.rows[table.name] = content.rows
        key = table.keys[0][0]
        if len(table.keys[0]) == 1:
            for row in content.rows:
                if name := row.text(key).strip():
                    seeds.by_name[table.name].setdefault(name, row)
    return seeds


def _note_broken(table: Table, content: CsvRows, seeds: Seeds, problems: Problems) -> None:
    """Tell of the rows that cannot be read, and keep what stands in them."""
    for line, fields in content.ragged:
        problems.add(
            table.name,
            line,
            WHOLE_ROW,
            f"has {_fields(len(fields))}",
            f"{len(content.header)} as in the header",
        )
    for garbled, _ in content.garbled:
        problems.add(table.name, garbled.line, WHOLE_FILE, garbled.message, garbled.expected)
    if content.garbled:
        seeds.garbled.add(table.name)
    broken = [fields for _, fields in (*content.ragged, *content.garbled)]
    at = content.header.index(table.keys[0][0])
    seeds.broken_names[table.name] = {fields[at].strip() for fields in broken if at < len(fields)}
    seeds.broken_cells[table.name] = {cell.strip() for fields in broken for cell in fields if cell.strip()}


def row_names(folder: Path, table: str) -> list[str]:
    """The names of a table's rows as far as they can be read, whatever is wrong with them."""
    return list(load_seeds(folder, Problems(folder.name)).by_name[table])


def _read(folder: Path, table: Table, problems: Problems) -> CsvRows | None:
    try:
        return read_csv(folder / f"{table.name}.csv")
    except FileNotFoundError:
        expected = f"a CSV file with the columns {', '.join(table.current_names)}"
        problems.add(table.name, 1, WHOLE_FILE, "is missing", expected)
    except OSError as error:
        problems.add(
            table.name, 1, WHOLE_FILE, f"cannot be read ({error.strerror})", "a file that we may read"
        )
    except UnreadableError as broken:
        problems.add(table.name, broken.line, WHOLE_FILE, broken.message, broken.expected)
    return None


def _header_fits(table: Table, header: list[str], problems: Problems) -> bool:
    expected = table.current_names
    fits = True
    for place, name in enumerate(header):
        if name not in table.column_names:
            free = [column for column in expected if column not in header]
            shown = f'"{name}"' if name else "a blank name"
            problems.add(
                table.name,
                1,
                name or WHOLE_ROW,
                f"{shown} is not a column of {table.name}",
                one_of(free or expected, name),
            )
            fits = False
        elif name in header[:place]:
            problems.add(table.name, 1, name, "stands twice in the header", "each column once")
            fits = False
    for column in table.columns:
        if (name := column.name) not in header and column.required:
            problems.add(
                table.name, 1, name, "is missing in the header", f"the columns {', '.join(expected)}"
            )
            fits = False
    return fits


def _check_no_other_files(folder: Path, problems: Problems) -> None:
    for path in sorted(folder.glob("*.csv")):
        if path.stem not in TABLES:
            near = nearest(path.stem, TABLES)
            expected = (
                f"{near}.csv" if near else f"{', '.join(TABLES)}; seeds of your own go to seeds/lookups/"
            )
            problems.add(path.stem, 1, WHOLE_FILE, "is not a table of the static metadata", expected)


def _fields(count: int) -> str:
    return f"{count} field" if count == 1 else f"{count} fields"
