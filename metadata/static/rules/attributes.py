"""Rules of attribute: can the column be named, typed and read as it says?"""

from __future__ import annotations

from collections import Counter

from headwater.metadata.static.datatypes import datatype_problem, format_problem
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.naming import RESERVED_TARGETS, SQL_WORDS, SYSTEM_COLUMNS
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.rows import Row
from headwater.metadata.static.spatial_types import is_spatial

# Postgres has 1,600 columns in a table and 1,664 in a query; ours and those of a model are among them
MOST_ATTRIBUTES = 1_500


def check_attributes(seeds: Seeds, problems: Problems) -> None:
    """Every attribute on its own."""
    _check_number(seeds, problems)
    for row in seeds.rows["attribute"]:
        _check_name(row, problems)
        _check_type(row, problems)
        if row["untracked_policy"] == "keep_latest" and (
            row.is_true("is_key") or row.is_true("is_tracked", default=True)
        ):
            message = "is keep_latest for an attribute whose every value is in history"
            problems.add("attribute", row, "untracked_policy", message, "a blank cell, or is_tracked false")
        if row.is_true("is_key"):
            if row.is_true("is_optional"):
                problems.add(
                    "attribute", row, "is_optional", "is true for a key", "false: every row needs its key"
                )
            if row.is_true("is_tracked"):
                problems.add(
                    "attribute", row, "is_tracked", "is true for a key", "a blank cell: a key cannot change"
                )


def _check_number(seeds: Seeds, problems: Problems) -> None:
    counts = Counter(row.text("source") for row in seeds.rows["attribute"])
    seen = set[str]()
    for row in seeds.rows["attribute"]:
        source = row.text("source")
        if counts[source] > MOST_ATTRIBUTES and source not in seen:
            seen.add(source)
            message = f"{source} has {counts[source]:,} attributes, more than a table of Postgres can hold"
            expected = f"{MOST_ATTRIBUTES:,} at most: what is not mapped is kept in the column _rest of raw"
            problems.add("attribute", row, "source", message, expected)


def _check_name(row: Row, problems: Problems) -> None:
    name = row.text("target_name")
    if name in RESERVED_TARGETS:
        problems.add(
            "attribute",
            row,
            "target_name",
            f'"{name}" is a column that Headwater makes itself',
            "another name",
        )
    elif name in SYSTEM_COLUMNS:
        problems.add(
            "attribute", row, "target_name", f'"{name}" is a system column of Postgres', "another name"
        )
    elif name in SQL_WORDS:
        problems.add("attribute", row, "target_name", f'"{name}" is a reserved word of SQL', "another name")


def _check_type(row: Row, problems: Problems) -> None:
    datatype, template = row["target_datatype"], row["format"]
    if datatype is None:
        return
    if wrong := datatype_problem(datatype):
        problems.add("attribute", row, "target_datatype", *wrong)
    elif is_spatial(datatype) and row.is_true("is_key"):
        message, expected = f"is true for a {datatype}", "another key: two measurements of one place differ"
        problems.add("attribute", row, "is_key", message, expected)
    elif template is not None and (wrong := format_problem(datatype, template)):
        problems.add("attribute", row, "format", *wrong)
