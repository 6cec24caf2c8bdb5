"""Rules of parts: does a source of partition snapshots say by which attributes its parts are told apart?"""

from __future__ import annotations

import re

from headwater.metadata.static.datatypes import WHOLE_NUMBERS
from headwater.metadata.static.naming import names_in
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.source_parts import SourceParts


def check_parts(source: SourceParts, problems: Problems) -> None:
    """The partition_by of one source, with its attributes."""
    kind, names = source.row["delivery_type"], names_in(source.row["partition_by"])
    has_parts = kind == "partition_snapshot"
    if has_parts and not names:
        expected = "the target names that tell its parts apart, separated by |"
        source.blame(problems, "partition_by", "is blank for a partition_snapshot", expected)
    if names and not has_parts:
        expected = "a blank cell, or delivery_type partition_snapshot"
        source.blame(problems, "partition_by", f"stands for a {kind}", expected)
        return
    attributes = {attribute.text("target_name"): attribute for attribute in source.attributes}
    for name in sorted(set(names) - attributes.keys()):
        expected = f"target names among {', '.join(attributes)}, separated by |"
        source.blame(problems, "partition_by", f'"{name}" is not an attribute of "{source.name}"', expected)
    for name in sorted({name for name in names if names.count(name) > 1}):
        source.blame(problems, "partition_by", f'"{name}" stands twice', "each attribute once")
    for name in names:
        if name in attributes:
            _check_attribute(source, name, problems)
    _check_names(source, names, problems)


def _check_names(source: SourceParts, names: tuple[str, ...], problems: Problems) -> None:
    """The groups of the file_pattern that say a part say a whole one, in values that a name can hold."""
    try:
        in_name = set(names) & re.compile(source.option("file_pattern") or "").groupindex.keys()
    except re.error:
        return  # that it does not compile is said already
    if not in_name:
        return
    for name in sorted(set(names) - in_name):
        expected = f"(?P<{name}>…), too, or no group of partition_by"
        message = f'file_pattern has a group "{min(in_name)}", and none "{name}"'
        source.blame_option(problems, "file_pattern", "value", message, expected)
    for attribute in source.attributes:
        name, datatype = attribute.text("target_name"), attribute.text("target_datatype")
        if name in in_name and datatype.partition("(")[0] not in ("text", "varchar", *WHOLE_NUMBERS):
            message = f'"{name}" is a group of the file_pattern and a {datatype}'
            expected = "text, varchar or a whole number: what a name holds is compared with it"
            problems.add("attribute", attribute, "target_datatype", message, expected)


def _check_attribute(source: SourceParts, name: str, problems: Problems) -> None:
    """History must know of each current row which part it is of."""
    attribute = next(row for row in source.attributes if row.text("target_name") == name)
    if attribute.is_true("is_optional"):
        message = (
            f'"{name}" is in partition_by: a file without it would be complete for a part without a name'
        )
        problems.add("attribute", attribute, "is_optional", message, "false")
    if attribute.is_true("is_key"):
        return
    if not attribute.is_true("is_tracked", default=True):
        message = f'"{name}" is in partition_by: history would not see a row go to another part'
        problems.add("attribute", attribute, "is_tracked", message, "true")
    if not source.row.is_true("load_changed", default=True):
        message = f'is false, and "{name}" in partition_by is no key: history would not see a row go to another part'
        source.blame(problems, "load_changed", message, "true, or key attributes in partition_by")
