"""Rules of source_attribute: is an option known, and is its value of the right kind?"""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Callable
from datetime import UTC, date, datetime

from headwater.metadata.static.cell_types import (
    boolean_problem,
    choice_problem,
    count_problem,
    json_problem,
    number_problem,
    spelling_problem,
)
from headwater.metadata.static.formats import fixed_columns_problem, record_path_problem
from headwater.metadata.static.lag import SINCE_1970, lag_problem
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.naming import one_of
from headwater.metadata.static.options import Option, OptionKind
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.regexes import repeats_variably
from headwater.metadata.static.rows import Row
from headwater.metadata.static.secrecy import holds_secret, names_a_secret
from headwater.metadata.static.source_types import all_options, find_option, find_type, reading_options
from headwater.metadata.static.spelling import unspell

Wrong = tuple[str, str]

_SECRET_EXPECTED = "only its name, in secret_ref of conn_str or conn_api"


def check_options(seeds: Seeds, problems: Problems) -> None:
    """Every option on its own. What options need of each other is a matter of their source."""
    for row in seeds.rows["source_attribute"]:
        name, value, type_name = row["name"], row["value"], _type_of(row, seeds)
        if name is None:
            continue
        option = find_option(name, type_name)
        if option is None:
            if type_name is None or find_type(type_name) or names_a_secret(name):
                problems.add("source_attribute", row, "name", *_unknown_name(name))
            continue  # an option of a type that cannot be used: that is told of the type
        if value is not None and (wrong := option_problem(name, option, value)):
            problems.add("source_attribute", row, "value", *wrong)
        if not option.is_of_reading and row["valid_from"] is not None:
            message = f"{name} does not say how a file is read, and holds for all deliveries"
            expected = f"a blank cell; from a date on may hold {', '.join(reading_options(type_name))}"
            problems.add("source_attribute", row, "valid_from", message, expected)


def _type_of(row: Row, seeds: Seeds) -> str | None:
    """The type of the data source of an option's source, None where that cannot be told."""
    source = seeds.find("source", row["source"])
    data_source = seeds.find("data_source", source["data_source"]) if source else None
    return data_source["data_source_type"] if data_source else None


def _unknown_name(name: str) -> Wrong:
    if names_a_secret(name):
        return f'"{name}" stands for a secret', _SECRET_EXPECTED
    return f'"{name}" is not an option', one_of(all_options(), name)


def option_problem(name: str, option: Option, value: str) -> Wrong | None:
    """Return what is wrong with the value of an option, or None."""
    if holds_secret(value):
        return f"{name} holds a password", _SECRET_EXPECTED
    if option.is_spelled and (wrong := spelling_problem(value)):
        return f"{name} {wrong[0]}", wrong[1]
    wrong = choice_problem(option.choices, value) if option.choices else value_problem(option.kind, value)
    return (f"{name} {wrong[0]}", wrong[1]) if wrong else None


def value_problem(kind: OptionKind, value: str) -> Wrong | None:
    """Return what is wrong with a value of a kind, or None."""
    return _CHECKS[kind](value)


def _text_problem(_: str) -> Wrong | None:
    return None


def _regex_problem(value: str) -> Wrong | None:
    try:
        re.compile(value)
    except re.error as error:
        return f'"{value}" is not a regular expression ({error})', "one that Python's re compiles"
    return None


def _line_regex_problem(value: str) -> Wrong | None:
    """As of a regular expression; every line of every file is held against it, so that it may not take forever."""
    wrong = _regex_problem(value)
    if wrong is None and repeats_variably(value):
        return (
            f'"{value}" repeats what is of no fixed length, and may search a line of a file forever',
            r"repetitions of what has one length, such as \d+ or (\d{3},)*",
        )
    return wrong


def _character_problem(value: str) -> Wrong | None:
    if len(unspell(value)) == 1 or value == "<none>":
        return None
    return f'"{value}" is not one character', r"one such as ; or | or \t or <space>"


def _encoding_problem(value: str) -> Wrong | None:
    try:
        "".encode(codecs.lookup(value).name)  # refuses what is a codec and no encoding of text, such as hex
    except LookupError:
        return f'"{value}" is not known', "an encoding such as utf-8, iso-8859-1 or utf-16"
    return None


def _date_format_problem(value: str) -> Wrong | None:
    day = datetime(2001, 2, 3, tzinfo=UTC)
    try:
        understood = time.strptime(day.strftime(value), value).tm_year == day.year and "%" in value
    except ValueError:
        understood = False
    return None if understood else (f'"{value}" does not read a date', "strptime's signs, such as %Y-%m-%d")


def _watermark_format_problem(value: str) -> Wrong | None:
    wrong = None if value in SINCE_1970 else _date_format_problem(value)
    return wrong and (wrong[0], f"{wrong[1]}; or {' or '.join(SINCE_1970)}, which are counted since 1970")


def _date_problem(value: str) -> Wrong | None:
    try:
        is_date = date.fromisoformat(value).isoformat() == value
    except ValueError:
        is_date = False
    return None if is_date else (f'"{value}" is not a date', "a day such as 2026-01-31")


def _topic_problem(value: str) -> Wrong | None:
    if re.fullmatch(r"[A-Za-z0-9._-]{1,249}", value) and value not in (".", ".."):
        return None
    return f'"{value}" is no name of a topic', "letters, digits, dots, dashes and underscores, 249 at most"


_CHECKS: dict[OptionKind, Callable[[str], Wrong | None]] = {
    "text": _text_problem,
    "list": _text_problem,
    "token": _text_problem,
    "regex": _regex_problem,
    "line_regex": _line_regex_problem,
    "character": _character_problem,
    "boolean": boolean_problem,
    "number": number_problem,
    "count": count_problem,
    "encoding": _encoding_problem,
    "date_format": _date_format_problem,
    "watermark_format": _watermark_format_problem,
    "date": _date_problem,
    "record_path": record_path_problem,
    "fixed_columns": fixed_columns_problem,
    "lag": lag_problem,
    "topic": _topic_problem,
    "json": json_problem,
}
