"""Rules of how a source's files are found, dated, read and reshaped: its options taken together."""

from __future__ import annotations

import re

from headwater.metadata.static.load import Seeds
from headwater.metadata.static.model import SNAPSHOTS
from headwater.metadata.static.naming import is_raw_column
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.rows import Row
from headwater.metadata.static.rules.formats import check_formats
from headwater.metadata.static.source_parts import SourceParts
from headwater.metadata.static.source_types import options_of
from headwater.metadata.static.spelling import unspell, unspell_list

_UNPIVOT_NEEDS = ("unpivot_keep", "unpivot_name", "unpivot_value")
_UNPIVOT_OPTIONS = (*_UNPIVOT_NEEDS, "unpivot_skip")


def check_files(source: SourceParts, seeds: Seeds, problems: Problems) -> None:
    """Everything that the files of one source need."""
    if "source_attribute" in seeds.unreadable:
        return
    if "file_pattern" in options_of(source.data_source_type):
        _check_found_and_dated(source, problems)
    check_formats(source, problems)
    _check_delete_mark(source, problems)
    for at_some_time in source.in_time():
        _check_unpivot(at_some_time, problems)


def _check_found_and_dated(source: SourceParts, problems: Problems) -> None:
    kind, date_from = source.data_source_type, source.option("date_from") or "name"
    if "file_pattern" not in source.options:
        expected = f"one in source_attribute.csv for a source of type {kind}"
        source.blame(problems, "source", f'"{source.name}" has no file_pattern', expected)
    elif date_from == "name" and not _has_date_group(source.options["file_pattern"]):
        expected = "(?P<date>…) around the date, or date_from page or header"
        source.blame_option(problems, "file_pattern", "value", "file_pattern has no group date", expected)
    if "date_pattern" in source.options and not _has_date_group(source.options["date_pattern"]):
        expected = "(?P<date>…) around the date"
        source.blame_option(problems, "date_pattern", "value", "date_pattern has no group date", expected)
    if date_from == "page" and "page" not in options_of(kind):
        expected = "date_from name or header"
        source.blame_option(
            problems, "date_from", "value", f"{kind} has no page to read a date from", expected
        )


def _has_date_group(option: Row) -> bool:
    try:
        return "date" in re.compile(option.text("value")).groupindex
    except re.error:
        return True  # that it does not compile is said already


def _check_delete_mark(source: SourceParts, problems: Problems) -> None:
    for name, other in (("delete_column", "delete_values"), ("delete_values", "delete_column")):
        if name in source.options and other not in source.options:
            source.blame_option(problems, name, "name", f"{name} needs {other}", "both or neither")
    if "delete_column" not in source.options:
        return
    kind = source.row["delivery_type"]
    if kind in SNAPSHOTS:
        expected = f"none: what a {kind} does not hold is removed"
        source.blame_option(problems, "delete_column", "name", f"delete_column stands for a {kind}", expected)
    column = unspell(source.option("delete_column") or "")
    if not is_raw_column(column):
        expected = "a name of 63 bytes at most that is not reserved"
        message = f'delete_column "{column}" cannot be a raw column'
        source.blame_option(problems, "delete_column", "value", message, expected)
    for attribute in source.attributes:
        if unspell(attribute.text("source_name")) == column and attribute.is_true("is_optional"):
            message = f'"{column}" is the delete_column: without it, marks would be taken for rows'
            problems.add("attribute", attribute, "is_optional", message, "false")


def _check_unpivot(source: SourceParts, problems: Problems) -> None:
    if source.row["wrangle_function"] != "unpivot":
        for name in _UNPIVOT_OPTIONS:
            if name in source.options:
                message = f"{name} stands for a source that is not unpivoted"
                source.blame_option(problems, name, "name", message, "wrangle_function unpivot")
        return
    missing = [name for name in _UNPIVOT_NEEDS if name not in source.options]
    dated = {row.text("name") for row in source.dated_options}
    for name in missing:
        expected = f"{name} in source_attribute.csv{' with a blank valid_from' if name in dated else ''}"
        source.blame(problems, "wrangle_function", f"unpivot has no {name}", expected)
    if missing:
        return
    kept = unspell_list(source.option("unpivot_keep") or "")
    made = (*kept, *(unspell(source.option(name) or "") for name in ("unpivot_name", "unpivot_value")))
    for attribute in source.attributes:
        if unspell(attribute.text("source_name")) not in made:
            message = f'"{attribute["source_name"]}" is not a column that unpivot makes'
            problems.add("attribute", attribute, "source_name", message, f"one of {', '.join(made)}")
