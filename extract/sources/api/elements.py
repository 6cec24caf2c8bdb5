"""The elements that a page is cut into: those of its outermost list, each with the records inside it.

With a record_path such as `data.items[].lines[]` a page of ten orders may hold fifty records. Pages, offsets and totals
count the orders.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from headwater.extract.formats.json_values import JsonValue, NotJsonError, as_json
from headwater.extract.formats.record_path import EACH, is_any, records_below


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
    """The elements of a document that was read along the steps of its record_path; of a map its members."""
    outer, inner = _split(steps)
    found = document
    for name in outer:
        found = found[name] if isinstance(found, dict) else None
    if inner and is_any(inner[0]):
        members = found.items() if isinstance(found, dict) else ()
        parts: list[JsonValue] = [{name: value} for name, value in members]
        return [Element(part, list(records_below(part, inner))) for part in parts]
    elements = found if isinstance(found, list) else [found]
    return [Element(element, list(records_below(element, inner[1:]))) for element in elements]


def empty_document(steps: Sequence[str]) -> JsonValue:
    """A document that has no elements."""
    outer, inner = _split(steps)
    made: JsonValue = {} if inner and is_any(inner[0]) else []
    for name in reversed(outer):
        made = {name: made}
    return made


def _split(steps: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The way to the outermost list or map, and from there on."""
    for place, step in enumerate(steps):
        if step == EACH or is_any(step):
            return steps[:place], steps[place:]
    return steps, ()
