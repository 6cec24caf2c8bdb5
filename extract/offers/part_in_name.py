"""The part of its source that the name of a file says, by groups of the file_pattern."""

from __future__ import annotations

import re
from collections.abc import Mapping

from headwater.metadata.errors import PublisherError
from headwater.metadata.static.model import Source

_WHOLE_NUMBER = re.compile(r"(0|[1-9][0-9]{0,8})", re.ASCII)  # as Postgres writes it, of any of its types


def part_in_name(source: Source, name: str) -> Mapping[str, str] | None:
    """Return the part that the name of a delivery says, as partition attribute → text; None if its rows say it.

    Raises `PublisherError` if the name says none although the file_pattern has groups for it.
    """
    pattern = re.compile(source.options.get("file_pattern", ""))
    if not set(source.partition_by) & pattern.groupindex.keys():
        return None
    match = pattern.search(name)
    caught = match.groupdict() if match else {}
    part = {attribute: caught.get(attribute) for attribute in source.partition_by}
    for attribute in source.attributes:
        if attribute.target_name not in part:
            continue
        text = part[attribute.target_name]
        if not text or not (attribute.is_text or _WHOLE_NUMBER.fullmatch(text)):
            expected = "a text" if attribute.is_text else "a whole number without leading zeros"
            raise PublisherError(
                f"{source.name}: {name}: {text!r} in its name is no {attribute.target_name}, expected {expected} for"
                f" the group (?P<{attribute.target_name}>…) of the file_pattern {pattern.pattern}"
            )
    return {attribute: text for attribute, text in part.items() if text is not None}
