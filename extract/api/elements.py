"""What a page is cut by: the elements of its outermost list, each with the records inside it.

With a record_path such as `data.items[].lines[]` a page of ten orders may hold fifty records. Pages, offsets and totals
count the orders.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from extract.formats.json_values import JsonValue, NotJsonError, as_json
from extract.formats.record_path import EACH, records_below


@dataclass(frozen=True)
class Element:
    """One element of the outermost list; itself the record, or around some."""

    value: JsonValue = field(repr=False)
    records: Sequence[JsonValue] = field(repr=False)

    @cached_property
    def digest(self) -> bytes:
        """Its sha256: of what all its records have around them, too, and that once."""
        try:
            text = as_json(self.value)
        except NotJsonError:  # a text that Postgres cannot have: it is for raw to say so, and of which record
            text = json.dumps(self.value)
        return hashlib.sha256(text.encode()).digest()


def elements_of(document: JsonValue, steps: Sequence[str]) -> list[Element]:
    """The elements of a document that was read along the steps of its record_path."""
    outer, inner = _split(steps)
    found = document
    for name in outer:
        found = found[name] if isinstance(found, dict) else None
    elements = found if isinstance(found, list) else [found]
    return [Element(element, list(records_below(element, inner))) for element in elements]


def empty_document(steps: Sequence[str]) -> JsonValue:
    """A document that has no elements."""
    made: JsonValue = []
    for name in reversed(_split(steps)[0]):
        made = {name: made}
    return made


def _split(steps: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The way to the outermost list, and from its elements on."""
    if EACH not in steps:
        return steps, ()
    place = steps.index(EACH)
    return steps[:place], steps[place + 1 :]
