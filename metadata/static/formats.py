"""The formats of files, and which options say how a file of each is read."""

from __future__ import annotations

import re

USUAL = "csv"
FORMATS: dict[str, tuple[str, ...]] = {
    "csv": ("delimiter", "quote_char", "header_line", "encoding"),
    "json": ("record_path", "encoding", "max_nesting"),
    "ndjson": ("record_path", "encoding", "max_nesting"),
    "excel": ("sheet", "header_line", "header_rows"),
}
FORMAT_OPTIONS = frozenset(option for options in FORMATS.values() for option in options)

_RECORD_PATH = re.compile(r"\.|(\[\]|[^.\[\]]+)(\[\])*(\.[^.\[\]]+(\[\])*)*")

Wrong = tuple[str, str]


def formats_with(option: str) -> str:
    """The formats that an option belongs to, for a message."""
    names = [name for name, options in FORMATS.items() if option in options]
    return f"format {', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else f"format {names[0]}"


def record_path_problem(value: str) -> Wrong | None:
    """Whether `value` says where records are: names with dots between them, `[]` after a list of lists."""
    if _RECORD_PATH.fullmatch(value):
        return None
    return f'"{value}" is not a path', "one such as data.items, or data[].stations[] for lists within lists"
