"""The formats of files, and which options say how a file of each is read."""

from __future__ import annotations

import re
from dataclasses import dataclass

USUAL = "csv"
ANY = "*"  # in a record path: every member of an object that is used as a map
TRAILERS = ("skip_last_lines", "skip_lines_matching", "trailer_count")
FORMATS: dict[str, tuple[str, ...]] = {
    "csv": ("delimiter", "quote_char", "header_line", "encoding", *TRAILERS),
    "json": ("record_path", "encoding", "max_nesting"),
    "ndjson": ("record_path", "encoding", "max_nesting", *TRAILERS),
    "fixed_width": ("fixed_columns", "first_line", "encoding", *TRAILERS),
    "excel": ("sheet", "header_line", "header_rows", *TRAILERS),
    "parquet": (),
    "copy_text": (),
    "xml": ("record_path", "max_nesting"),
    "geojson": ("record_path", "encoding", "max_nesting"),
}
FORMAT_OPTIONS = frozenset(option for options in FORMATS.values() for option in options)

_RECORD_PATH = re.compile(r"\.|(\[\]|[^.\[\]]+)(\[\])*(\.[^.\[\]]+(\[\])*)*")

_FIXED_COLUMN = re.compile(r"(.+):([1-9][0-9]{0,5})(-([1-9][0-9]{0,5})?)?")

NEEDED = {"fixed_width": "fixed_columns", "xml": "record_path"}

Wrong = tuple[str, str]


@dataclass(frozen=True)
class FixedColumn:
    """A column of a file of fixed width: its characters, from 1, the last one too; None: to the end of the line."""

    name: str
    first: int
    last: int | None


def formats_with(option: str) -> str:
    """The formats that an option belongs to, for a message."""
    names = [name for name, options in FORMATS.items() if option in options]
    return f"format {', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else f"format {names[0]}"


def record_path_problem(value: str) -> Wrong | None:
    """Return whether `value` says where records are: names with dots between them, `[]` after a list of lists."""
    if _RECORD_PATH.fullmatch(value):
        return None
    return (
        f'"{value}" is not a path',
        "one such as data.items, data[].stations[] for lists within lists, or regions.*.items[] for maps",
    )


def has_map(record_path: str) -> bool:
    """Return whether a path leads through every member of an object."""
    return any(part.rstrip("[]") == ANY for part in record_path.split("."))


def parse_fixed_columns(value: str) -> tuple[FixedColumn, ...]:
    """`name:1-12|code:13-15|sex:16|note:17-`, as `fixed_columns_problem` accepts it."""
    columns = []
    for token in value.split("|"):
        found = _FIXED_COLUMN.fullmatch(token)
        if found is None:
            raise ValueError(token)
        first = int(found[2])
        last = first if found[3] is None else int(found[4]) if found[4] else None
        columns.append(FixedColumn(found[1], first, last))
    return tuple(columns)


def fixed_columns_problem(value: str) -> Wrong | None:
    """Return whether `value` is a table of columns that do not overlap."""
    expected = "a table such as name:1-12|code:13-15|note:16-"
    try:
        columns = sorted(parse_fixed_columns(value), key=lambda column: column.first)
    except ValueError as token:
        return f'"{token}" is not a column', expected
    for column, following in zip(columns, [*columns[1:], None], strict=True):
        if column.last is not None and column.last < column.first:
            return f'"{column.name}" ends before it begins', expected
        if following is not None and (column.last is None or following.first <= column.last):
            return f'"{column.name}" and "{following.name}" overlap', "columns beside one another"
    return None
