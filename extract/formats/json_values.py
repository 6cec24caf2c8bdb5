"""Lossless JSON values in Python: numbers keep their text, and duplicate members are refused."""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from typing import Any, TypeAlias

from headwater.metadata.redaction import beginning

JsonValue: TypeAlias = "str | bool | list[JsonValue] | dict[str, JsonValue] | None"

LONGEST_NUMBER = 1000  # characters
LARGEST_EXPONENT = 9999  # Postgres' numeric, and so jsonb, has more, but not without end
_EXPONENT = re.compile(r"[eE][-+]?0*([0-9]+)$")


class NotJsonError(ValueError):
    """A value that is syntactically JSON but refused; the message says why."""


class Number(str):
    """A number as it was written. A string of JSON is a plain str."""

    __slots__ = ()


def _number(text: str) -> Number:
    if len(text) > LONGEST_NUMBER:
        raise NotJsonError(f"a number of {len(text)} digits, expected {LONGEST_NUMBER} at most")
    exponent = _EXPONENT.search(text) if "e" in text or "E" in text else None
    if exponent and (len(exponent[1]) > len(str(LARGEST_EXPONENT))):
        raise NotJsonError(f"the number {text}, expected an exponent of {LARGEST_EXPONENT} at most")
    return Number(text)


def _constant(text: str) -> Any:
    raise NotJsonError(f"{text} is not a value of JSON, expected a number or null")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise NotJsonError(f"an object has the member {twice!r} twice, expected each once")
    return members


DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_int=_number, parse_constant=_constant
)


def as_json(value: JsonValue) -> str:
    """Return a value as JSON text, its numbers as the file has them."""
    if type(value) is str:
        return encode_basestring(require_text(value))
    if isinstance(value, str):
        return str(value)
    if isinstance(value, dict):
        members = [f"{encode_basestring(require_text(name))}:{as_json(v)}" for name, v in value.items()]
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join([as_json(element) for element in value]) + "]"
    return "null" if value is None else "true" if value else "false"


def as_text(value: JsonValue) -> str | None:
    """A value as the text of a column: a string without its quotes, null as None, all else as JSON."""
    if value is None:
        return None
    if type(value) is str:
        return require_text(value)
    return str(value) if isinstance(value, str) else as_json(value)


def is_text(string: str) -> bool:
    r"""Return whether Postgres can have a string: JSON knows `\u0000` and halves of characters, text does not."""
    if "\0" in string:
        return False
    if not string.isascii():
        try:
            string.encode()
        except UnicodeEncodeError:
            return False
    return True


def require_text(string: str) -> str:
    """Return the string, if Postgres can store it."""
    if is_text(string):
        return string
    if "\0" in string:
        raise NotJsonError(f"the string {beginning(string)!r} has a NUL, expected text")
    raise NotJsonError(f"the string {beginning(string)!a} has half a character, expected text")


def depth(value: JsonValue) -> int:
    """Return the depth of nested objects and lists; 0 for another value.

    It is never more than the text has opening brackets, which are counted faster.
    """
    deepest, level = 0, [value]
    while level := [element for element in level if isinstance(element, (dict, list))]:
        deepest += 1
        level = [
            inner
            for element in level
            for inner in (element.values() if isinstance(element, dict) else element)
        ]
    return deepest
