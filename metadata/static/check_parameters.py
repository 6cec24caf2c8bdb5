r"""Parameters of a check, as a cell has them: `min=-90 max=90`, `values=EWR|JFK|LGA`, `pattern='^\d+ [A-Z]$'`.

    name=value      with blanks between; only the first = of each separates
    'it''s a text'  a value with blanks, or that would read as a number, in either quote; the quote itself is doubled
    a|b             a list, of a parameter whose name ends in _list or _set, or is `values`; JSON, [1, 2], is one, too
    {"a": 1}        JSON, where a value has parts

A backslash is a character like any other. Numbers, true and false are such, but of a parameter that is a text by its
name, such as `pattern`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

EXAMPLE = "name=value with blanks between, such as min=-90 max=90 or pattern='^[A-Z]{2}$'"
TEXTS = frozenset((
    "pattern", "regex", "like_pattern", "strftime_format", "row_condition", "condition_parser", "notes", "source",
    "field", "column", "column_A", "column_B",
))  # fmt: skip
_LIST = re.compile(r"values|\w+_(?:list|set)")
_NAME = re.compile(r"([A-Za-z_]\w*)=")
_QUOTED = re.compile(r"""'((?:[^']|'')*)'|"((?:[^"]|"")*)\"""")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_LITERALS = {"true": True, "false": False}
_JSON_STARTS = ("[", "{")


class ParametersError(ValueError):
    """A cell of parameters that cannot be read: what is wrong with it, and what was expected."""

    def __init__(self, wrong: str, expected: str = EXAMPLE) -> None:
        self.wrong, self.expected = wrong, expected
        super().__init__(f"{wrong}, expected {expected}")


def parse_parameters(cell: str) -> dict[str, Any]:
    """Return the parameters by name, in their order. Raises `ParametersError`."""
    found: dict[str, Any] = {}
    at = _next(cell, 0)
    while at < len(cell):
        name = _NAME.match(cell, at)
        if name is None:
            raise ParametersError(f'"{cell[at:].split(None, 1)[0]}" is no name=value')
        if name[1] in found:
            raise ParametersError(f"{name[1]} stands twice", "each parameter once")
        found[name[1]], end = _value(name[1], cell, name.end())
        if end < len(cell) and not cell[end].isspace():
            raise ParametersError(
                f"{name[1]} goes on after its value: {cell[end:].split(None, 1)[0]}",
                "a blank before the next parameter",
            )
        at = _next(cell, end)
    return found


def write_parameters(parameters: Mapping[str, Any]) -> str:
    """Return the cell of the parameters: the reverse of `parse_parameters`."""
    return " ".join(f"{name}={_written(name, value)}" for name, value in parameters.items())


def is_parameter_name(name: str) -> bool:
    """Return whether a cell can say a parameter of that name."""
    return _NAME.fullmatch(f"{name}=") is not None


def _next(cell: str, at: int) -> int:
    while at < len(cell) and cell[at].isspace():
        at += 1
    return at


def _value(name: str, cell: str, at: int) -> tuple[Any, int]:
    """Return the value that begins at a place, and where it ends."""
    if at == len(cell) or cell[at].isspace():
        raise ParametersError(f"{name} has no value", f"{name}=value, or {name}='' for an empty text")
    if name not in TEXTS and cell[at] in _JSON_STARTS:
        try:
            return json.JSONDecoder().raw_decode(cell, at)
        except ValueError:
            raise ParametersError(f"{name} is not JSON: {cell[at:]}", "JSON, or the text in quotes") from None
    if not _is_list(name):
        return _item(name, cell, at, r"\S*")
    items = []
    while True:
        item, at = _item(name, cell, at, r"[^\s|]*")
        items.append(item)
        if at == len(cell) or cell[at] != "|":
            return items, at
        at += 1


def _item(name: str, cell: str, at: int, bare: str) -> tuple[Any, int]:
    if cell[at : at + 1] in ("'", '"'):
        quoted = _QUOTED.match(cell, at)
        if quoted is None:
            raise ParametersError(f"{name} has a quote that nothing closes: {cell[at:]}", "a closing quote")
        quote = cell[at]
        return quoted.group()[1:-1].replace(quote * 2, quote), quoted.end()
    found = re.compile(bare).match(cell, at)
    assert found is not None  # it matches nothing, too
    text = found.group()
    if not text:
        raise ParametersError(f"{name} has a blank in its list", "'' for an empty text")
    return (text if name in TEXTS else _literal(text)), found.end()


def _is_list(name: str) -> bool:
    return name not in TEXTS and _LIST.fullmatch(name) is not None


def _literal(text: str) -> Any:
    if text in _LITERALS:
        return _LITERALS[text]
    return json.loads(text) if _NUMBER.fullmatch(text) else text


def _written(name: str, value: Any) -> str:
    if name in TEXTS:
        return _quoted_if(_has_blanks(value), value) if isinstance(value, str) else json.dumps(value)
    if _is_list(name) and isinstance(value, list) and value and not any(map(_has_parts, value)):
        return "|".join(_written_item(item) for item in value)
    return json.dumps(value, ensure_ascii=False) if _has_parts(value) else _written_item(value)


def _has_parts(value: Any) -> bool:
    return isinstance(value, list | dict)


def _written_item(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    reads_otherwise = "|" in value or value.startswith(_JSON_STARTS) or _literal(value) != value
    return _quoted_if(reads_otherwise or _has_blanks(value), value)


def _has_blanks(text: str) -> bool:
    """Return whether a text reads otherwise wherever it stands without quotes."""
    return not text or re.search(r"\s", text) is not None or text[0] in "'\""


def _quoted_if(is_needed: bool, text: str) -> str:
    if not is_needed:
        return text
    quote = '"' if "'" in text and '"' not in text else "'"
    return quote + text.replace(quote, quote * 2) + quote
