"""Regular expressions that a line of a file is held against: those whose search may take forever are told.

Python's re goes back and tries again. Where what is repeated may itself be of more than one length, as in `(a+)+` or
`(a|aa)*`, a line of thirty characters can be cut in a billion ways.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_parser: Any = re._parser  # type: ignore[attr-defined]
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT")
FEW = 10  # repetitions of something variable that are harmless


def repeats_variably(pattern: str) -> bool:
    """Return whether something of no fixed length is repeated often. The pattern is one that re compiles."""
    return any(
        maximum > FEW and inner.getwidth()[0] != inner.getwidth()[1]
        for maximum, inner in _repeated(_parser.parse(pattern))
    )


def _repeated(parsed: Any) -> Iterator[tuple[int, Any]]:
    """Yield what is repeated in a parsed pattern, at any depth, each with how often at most."""
    for code, argument in parsed:
        if str(code) in _REPEATS:
            yield argument[1], argument[2]
        yield from _repeated_within(argument)


def _repeated_within(argument: Any) -> Iterator[tuple[int, Any]]:
    if isinstance(argument, _parser.SubPattern):
        yield from _repeated(argument)
    elif isinstance(argument, list | tuple):
        for part in argument:
            yield from _repeated_within(part)
