"""Texts from outside as Postgres can have them: it knows no NUL and no half a character (a lone surrogate)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

T = TypeVar("T")


def is_storable(text: str) -> bool:
    """Return whether Postgres can have a text as it is."""
    return _UNSTORABLE.search(text) is None


def storable(text: str) -> str:
    r"""A text for people as Postgres can have it: `\x00` and `\udce9` are spelled. Names and values are not for it."""
    return _UNSTORABLE.sub(lambda found: ascii(found[0])[1:-1], text)


def storable_all(value: T) -> T:
    """A value of texts, lists and mappings for people as Postgres can have it."""
    made: Any = value
    if isinstance(value, str):
        made = storable(value)
    elif isinstance(value, Mapping):
        made = {storable_all(name): storable_all(member) for name, member in value.items()}
    elif isinstance(value, list | tuple):
        made = type(value)(map(storable_all, value))
    return made  # type: ignore[no-any-return]
