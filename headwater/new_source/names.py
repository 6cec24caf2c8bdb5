"""Target names for the publisher's columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from headwater.metadata.static.naming import RESERVED_TARGETS, SQL_WORDS, SYSTEM_COLUMNS

LONGEST_NAME = 50
_WORDS = {"%": " pct ", "#": " number ", "&": " and ", "ß": "ss", "æ": "ae", "ø": "o", "đ": "d", "ł": "l"}
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def safe_name(text: str, otherwise: str) -> str:
    """Return a text as a target name: a to z, 0 to 9 and _, a letter first; `otherwise` if nothing remains."""
    for sign, word in _WORDS.items():
        text = text.replace(sign, word)
    plain = unicodedata.normalize("NFKD", _HUMPS.sub("_", text)).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    if not name:
        return otherwise
    if not name[0].isalpha():
        name = f"{otherwise.rpartition('_')[0] or otherwise}_{name}"
    return name[:LONGEST_NAME].strip("_")


def target_name(source_name: str, place: int, taken: Collection[str]) -> str:
    """Return a target name for a column that neither SQL nor Headwater reserves and that is free. `place`
    counts from 1.
    """
    name = safe_name(source_name, f"column_{place}")
    if name in RESERVED_TARGETS | SQL_WORDS | SYSTEM_COLUMNS:
        name = f"{name[: LONGEST_NAME - 6]}_value"
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[: LONGEST_NAME - 4]}_{number}"
    return free
