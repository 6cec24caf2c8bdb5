"""Names of tables as tbl.csv has them: `public.users`, or `public."User"` where a part is not a to z, 0 to 9 and _.

A part without quotes is written as the database writes names, one in quotes is the table's name to the letter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_PARTS = 3  # database, schema, table
_PLAIN = re.compile(r"[a-z][a-z0-9_]{0,62}")
_QUOTED = re.compile(r'"(?P<inner>(?:[^"\x00-\x1f]|"")+)"')
_PART = re.compile(rf"{_PLAIN.pattern}|{_QUOTED.pattern}")


@dataclass(frozen=True)
class Part:
    """A part of a table's name."""

    text: str
    is_quoted: bool


def parts_of(name: str) -> tuple[Part, ...] | None:
    """The parts of a name, the table's own the last; None where it is no name of a table."""
    parts: list[Part] = []
    at = 0
    while found := _PART.match(name, at):
        inner = found["inner"]
        parts.append(Part(found.group(), False) if inner is None else Part(inner.replace('""', '"'), True))
        if found.end() == len(name):
            return tuple(parts) if len(parts) <= MOST_PARTS else None
        if name[found.end()] != ".":
            return None
        at = found.end() + 1
    return None


def table_name(*parts: str) -> str:
    """The name of a table of which these are the parts."""
    return ".".join(part if _PLAIN.fullmatch(part) else _quoted(part) for part in parts)


def _quoted(part: str) -> str:
    return '"' + part.replace('"', '""') + '"'
