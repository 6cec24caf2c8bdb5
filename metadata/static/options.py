"""Options of a source (`source_attribute`): what the value of each one is, and which say how a file is read.

What every source may have stands here, and what several types share. A type of data source brings the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from headwater.metadata.static.delivery_checks import DOUBTS, PERIODS, REACTIONS
from headwater.metadata.static.formats import FORMATS

OptionKind = Literal[
    "text",
    "regex",
    "line_regex",
    "list",
    "token",
    "character",
    "boolean",
    "number",
    "count",
    "encoding",
    "date_format",
    "watermark_format",
    "date",
    "choice",
    "record_path",
    "fixed_columns",
    "lag",
    "topic",
    "json",
]
KINDS: tuple[str, ...] = get_args(OptionKind)
_SPELLED: tuple[OptionKind, ...] = ("list", "token", "character")


@dataclass(frozen=True)
class Option:
    """An option by what its value is: `choices` of a choice.

    One that says how files are read (`is_of_reading`, `usual` without it) may hold from a date on, as publishers change
    their ways, and whatever was read is of the values that held for it: another value asks for a rebuild.
    """

    kind: OptionKind = "text"
    choices: tuple[str, ...] = ()
    is_of_reading: bool = False
    usual: str | None = None

    @property
    def is_spelled(self) -> bool:
        """Return whether white space and nothing are spelled in its value."""
        return self.kind in _SPELLED


def _choice(*choices: str) -> Option:
    return Option("choice", choices)


def _reading(kind: OptionKind, usual: str | None = None, *choices: str) -> Option:
    return Option(kind, choices, is_of_reading=True, usual=usual)


GENERAL: Mapping[str, Option] = {
    "conn_str": Option(),
    "allow_private_addresses": Option("boolean"),
    "max_file_mib": Option("count"),
    "zip_member": _reading("regex"),
    "zip_members": _reading("choice", "one", "one", "all"),
    "format": _reading("choice", "csv", *FORMATS),
    "record_path": _reading("record_path"),
    "fixed_columns": _reading("fixed_columns"),
    "first_line": _reading("count", "1"),
    "sheet": _reading("text"),
    "header_rows": _reading("count", "1"),
    "skip_last_lines": _reading("number", "0"),
    "skip_lines_matching": _reading("line_regex"),
    "trailer_count": _reading("line_regex"),
    "delimiter": _reading("character", ","),
    "encoding": _reading("encoding", "utf-8"),
    "quote_char": _reading("character", '"'),
    "header_line": _reading("count", "1"),
    "trim_whitespace": Option("boolean"),
    "null_tokens": Option("list"),
    "renamed_columns": Option("list"),
    "delete_column": Option("token"),
    "delete_values": Option("list"),
    "unpivot_keep": _reading("list"),
    "unpivot_name": _reading("token"),
    "unpivot_value": _reading("token"),
    "unpivot_skip": _reading("list"),
    "max_unpacked_mib": Option("count"),
    "max_unpacked_ratio": Option("count"),
    "max_value_mib": Option("count"),
    "max_nesting": Option("count"),
    "keep_raw": Option("number"),
    "keep_staging": Option("number"),
    "min_rows": Option("count"),
    "first_delivery_date": Option("date"),
    "expected_every": _choice(*PERIODS),
    **{doubt.option: _choice(*REACTIONS) for doubt in DOUBTS.values()},
}
# of a type that lists files: which are of the source, and where their date stands
FILE_OPTIONS: Mapping[str, Option] = {
    "file_pattern": Option("regex"),
    "date_from": _choice("name", "page", "header"),
    "date_format": Option("date_format"),
    "date_pattern": Option("regex"),
}
# of a type that asks for what changed since the last time
WINDOW_OPTIONS: Mapping[str, Option] = {
    "first_watermark": Option(),
    "lag_window": Option("lag"),
}
