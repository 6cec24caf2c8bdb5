"""Doubts about the header: in a file without a header the first record takes its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from headwater.metadata.errors import NewSourceRefused
from headwater.new_source.doubt import Doubt, listed, option_flag, quoted
from headwater.new_source.look import Column, Look, is_unpivoted
from headwater.new_source.values import IDENTIFIES, Typed, type_of

SHOWN = 3
_USUAL = re.compile(
    r"(^|[_ .-])(name|title|label|description|type|kind|status|state|city|town|country|region|district|address|street|"
    r"date|day|month|year|time|amount|price|total|count|value|currency|unit|email|url|category|group|class|note|"
    r"comment|remark|first|last|from|to|start|end|latitude|longitude|lat|lon|lng)$", re.IGNORECASE,
)  # fmt: skip


def header_doubts(found: Look, file: str, given: Mapping[str, str]) -> Iterator[Doubt]:
    """Yield evidence against the header.

    Raises `NewSourceRefused` if the names of all typed columns look like their values.
    """
    if (
        found.line is None
        or "header_line" in given
        or found.options.get("format", "csv") not in ("csv", "excel")
        or is_unpivoted(found.options)  # a header that contains the given columns
        or any(doubt.about == "header_line" and doubt.is_harmful for doubt in found.doubts)
    ):
        return
    unlike = [column for column in found.columns if _has_unlike_first(column)]
    if unlike:
        names = listed((quoted(str(column.values[0])) for column in unlike), SHOWN)
        yield Doubt(
            "header_line", f"line {found.line} names the columns",
            f"the first record is unlike all others ({names}): it may be the header, or a row of units",
            "a record is none, and values stay text", option_flag("header_line", str(found.line)), is_harmful=True,
            option="header_line", choices=(str(found.line), str(found.line + 1)),
        )  # fmt: skip
        return
    typed = [column for column in found.columns if column.typed.datatype != "text" or column.typed.identifies]
    alike = [column for column in typed if _looks_like_value(column)]
    names = ", ".join(quoted(column.name) for column in alike[:SHOWN])
    if typed and len(alike) == len(typed):
        raise NewSourceRefused(
            f"{file}:{found.line}: {names} looks like values, expected the names of the columns (header_line): a file"
            f" without a header cannot be read. If these are names, say --option header_line={found.line}"
        )
    if not alike and (typed or any(map(_is_name, found.columns))):
        return
    alike = alike or [column for column in found.columns if _has_shape_of_values(column)]
    names = listed((quoted(column.name) for column in alike or found.columns), SHOWN)
    why = "is written like the values below it" if alike else "is text, as all values below it are"
    yield Doubt(
        "header_line", f"line {found.line} names the columns", f"{names} {why}",
        "the first record of every delivery is lost", option_flag("header_line", str(found.line)), is_harmful=True,
        option="header_line", choices=(str(found.line),),
    )  # fmt: skip


def _has_unlike_first(column: Column) -> bool:
    """Return whether all values except the first fit a type."""
    first, rest = column.values[:1], column.values[1:]
    if len(rest) < 2 or not first[0] or replace(column.typed, nearly=None, odd=()) != Typed():
        return False
    others = type_of({value for value in rest if value}, column.name, column.null_tokens)
    return others.datatype != "text" or others.identifies


def _is_name(column: Column) -> bool:
    """Return whether a name is common, or differs in form from the values, which share one form."""
    if _USUAL.search(column.name) or IDENTIFIES.search(column.name):
        return True
    shapes = {_shape(value) for value in column.distinct}
    return (
        len(column.distinct) > 1
        and len(shapes) == 1
        and "0" in shapes.pop()
        and not _has_shape_of_values(column)
    )


def _has_shape_of_values(column: Column) -> bool:
    """Return whether the name and all values contain digits, capitals and small letters."""
    shapes = {_shape(value) for value in column.distinct}
    return any(sign.isdigit() for sign in column.name) and shapes == {_shape(column.name)}


def _shape(text: str) -> str:
    return "".join(
        "0" if sign.isdigit() else "a" if sign.islower() else "A" if sign.isupper() else sign for sign in text
    )


def _looks_like_value(column: Column) -> bool:
    """Return whether a name looks like a value; a year is a good name for a column."""
    if column.name in column.typed.null_tokens or not column.name:
        return False
    with_name = Column(column.name, column.place, [*column.distinct, column.name]).typed
    is_year = column.name.isdigit() and len(column.name) == 4
    return not is_year and (with_name.datatype != Typed().datatype or with_name.identifies)
