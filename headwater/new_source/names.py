"""Names: ours for the publisher's columns, and what the name of a file says of the files like it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from metadata.static.naming import RESERVED_TARGETS, SQL_WORDS, SYSTEM_COLUMNS

LONGEST_NAME = 50
_WORDS = {"%": " pct ", "#": " number ", "&": " and ", "ß": "ss", "æ": "ae", "ø": "o", "đ": "d", "ł": "l"}
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

# how dates are written in names, the longest first; a format of None is one that is read without being told
_DATES = (
    (r"\d{4}-\d{2}-\d{2}", "%Y-%m-%d", None),
    (r"\d{4}_\d{2}_\d{2}", "%Y_%m_%d", "%Y_%m_%d"),
    (r"\d{4}\.\d{2}\.\d{2}", "%Y.%m.%d", "%Y.%m.%d"),
    (r"\d{2}-\d{2}-\d{4}", "%d-%m-%Y", "%d-%m-%Y"),
    (r"\d{2}\.\d{2}\.\d{4}", "%d.%m.%Y", "%d.%m.%Y"),
    (r"\d{8}", "%Y%m%d", None),
    (r"\d{4}-\d{2}", "%Y-%m", None),
    (r"\d{4}_\d{2}", "%Y_%m", "%Y_%m"),
    (r"\d{6}", "%Y%m", "%Y%m"),
)
_FIRST_YEAR, _LAST_YEAR = 1900, 2100


@dataclass(frozen=True)
class NamePattern:
    """The regular expression for the names of a source's files, and how the date in it is written."""

    pattern: str
    has_date: bool
    date_format: str | None = None

    @property
    def options(self) -> dict[str, str]:
        """The same as options of a source."""
        dated = {"date_from": "name" if self.has_date else "header"}
        return {"file_pattern": self.pattern, **dated} | (
            {"date_format": self.date_format} if self.date_format else {}
        )


def pattern_of(name: str) -> NamePattern:
    """Files of the same name, or of the same name with another date in it."""
    for written, form, told in _DATES:
        for match in reversed(list(re.finditer(rf"(?<!\d){written}(?!\d)", name))):
            if _is_date(match.group(), form):
                before, after = re.escape(name[: match.start()]), re.escape(name[match.end() :])
                return NamePattern(f"^{_plain(before)}(?P<date>{written}){_plain(after)}$", True, told)
    return NamePattern(f"^{_plain(re.escape(name))}$", has_date=False)


def _plain(escaped: str) -> str:
    """Without the backslashes that only verbose patterns need."""
    return re.sub(r"\\([-# &~])", r"\1", escaped)


def _is_date(text: str, form: str) -> bool:
    try:
        return _FIRST_YEAR <= datetime.strptime(text, form).year <= _LAST_YEAR  # noqa: DTZ007
    except ValueError:
        return False


def safe_name(text: str, otherwise: str) -> str:
    """A text as a name of ours: a to z, 0 to 9 and _, a letter first; `otherwise` where nothing is left of it."""
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
    """Our name for a column: none that SQL or Headwater needs, none that is taken. `place` counts from 1."""
    name = safe_name(source_name, f"column_{place}")
    if name in RESERVED_TARGETS | SQL_WORDS | SYSTEM_COLUMNS:
        name = f"{name[: LONGEST_NAME - 6]}_value"
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[: LONGEST_NAME - 4]}_{number}"
    return free
