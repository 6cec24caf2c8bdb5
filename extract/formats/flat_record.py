"""Flat records: objects whose members are strings, numbers, true, false or null, as in most files.

Records of a file are similar, so a pattern that is made from one matches the next ones, with their values as
the file writes them, in a third of the time of decoding. It matches only undoubted JSON: no exponents, no
duplicate members, nothing long. Other records are decoded.
"""

from __future__ import annotations

import re
from json.encoder import encode_basestring
from typing import NamedTuple, cast

from headwater.extract.formats.json_values import DECODER, JsonValue, NotJsonError, as_json

MOST_SHAPES = 8  # of one file
MOST_MEMBERS = 500
LONGEST = (
    1 << 20
)  # characters of a record; a longer one is decoded, and each of its values held against the limits
_SPACE = r"[ \t\r\n]*+"
_CHARACTERS = r'[^"\\\x00-\x1f]*+'
_STRING = rf'"{_CHARACTERS}(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{{4}}){_CHARACTERS})*+"'
_NUMBER = r"-?+(?:0|[1-9][0-9]{0,300}+)(?:\.[0-9]{1,300}+)?+(?=[,} \t\r\n])"
_VALUE = f"({_STRING}|{_NUMBER}|null|true|false)"


class Flat(NamedTuple):
    """A flat record: the names of its members, each value as JSON text, and its number of characters in the file.

    A number is as in the file, a string as `as_json` writes it.
    """

    names: tuple[str, ...]
    values: tuple[str, ...]
    length: int

    def decoded(self) -> dict[str, JsonValue]:
        """Return the record as an object."""
        return {name: DECODER.decode(value) for name, value in zip(self.names, self.values, strict=True)}


class Shapes:
    """The shapes of flat records in a file, learned from the records that were decoded."""

    def __init__(self) -> None:
        # a pattern and the names of its members; the one that matched last comes first
        self._shapes: list[tuple[re.Pattern[str], tuple[str, ...]]] = []

    def match(self, text: str, at: int = 0) -> tuple[Flat, int] | None:
        """Return the record that begins at a place, and its end; None if it must be decoded."""
        for place, (pattern, names) in enumerate(self._shapes):
            found = pattern.match(text, at)
            if found is not None:
                if place:
                    self._shapes.insert(0, self._shapes.pop(place))
                end = found.end()
                if end - at > LONGEST:
                    return None
                values = found.groups() if text.find("\\", at, end) < 0 else _rewritten(found.groups())
                return (Flat(names, values, end - at), end) if values else None
        return None

    def learn(self, record: JsonValue) -> None:
        """Learn the shape of this record, if it is flat."""
        if len(self._shapes) == MOST_SHAPES or not isinstance(record, dict):
            return
        names = tuple(record)
        if 0 < len(names) <= MOST_MEMBERS and _is_flat(record) and names not in (n for _, n in self._shapes):
            members = [re.escape(encode_basestring(name)) + f"{_SPACE}:{_SPACE}{_VALUE}" for name in names]
            between = f"{_SPACE},{_SPACE}".join(members)
            self._shapes.append((re.compile(rf"\{{{_SPACE}{between}{_SPACE}\}}"), names))


def plain_text(value: str) -> str | None:
    """The value of a flat record as the text of a column: a string without its quotes, null as None."""
    if "\\" in value:
        return cast(str, DECODER.decode(value))
    return value[1:-1] if value[0] == '"' else None if value == "null" else value


def _rewritten(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values, without escapes that need not be. None of them if Postgres cannot have one."""
    try:
        return tuple([as_json(DECODER.decode(value)) if "\\" in value else value for value in values])
    except NotJsonError:
        return ()


def _is_flat(record: dict[str, JsonValue]) -> bool:
    return not any(isinstance(value, dict | list) for value in record.values())
