"""The delivery date in the name of a file."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from headwater.metadata.errors import PublisherError
from headwater.metadata.static.model import Source

DATE_FORMATS = ("%Y%m%d", "%Y-%m-%d", "%Y-%m")


def file_pattern(source: Source) -> re.Pattern[str]:
    """Return the pattern of the source's file names. Raises `PublisherError` if there is none."""
    if "file_pattern" not in source.options:
        raise PublisherError(
            f"{source.name}: no file_pattern, expected one in source_attribute.csv: "
            "a regular expression that the names of its files match"
        )
    return re.compile(source.options["file_pattern"])


def read_date(source: Source, text: str) -> datetime | None:
    """The moment that `text` names by the source's date_format, or None (UTC where it has no zone)."""
    chosen = source.options.get("date_format")
    for form in [chosen] if chosen else DATE_FORMATS:
        try:
            moment = datetime.strptime(text, form)  # noqa: DTZ007
            if chosen or moment.strftime(form) == text:  # strptime takes 2026111 for a date of eight digits
                return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):  # the year 1 or 9999 may have no such moment in UTC
            continue
    return None


def expected_date(source: Source) -> str:
    """Return the expected form of a date, for a message."""
    return source.options.get("date_format") or " or ".join(DATE_FORMATS)


def date_in_name(source: Source, name: str, match: re.Match[str]) -> datetime:
    """The delivery date that the named group `date` of the file pattern caught. Raises `PublisherError`."""
    text = match.groupdict().get("date")
    if text is None:
        raise PublisherError(
            f"{source.name}: {name}: its name gives no date, expected a group (?P<date>…) in the "
            f"file_pattern {match.re.pattern}, or date_from = page or header"
        )
    moment = read_date(source, text)
    if moment is None:
        raise PublisherError(
            f"{source.name}: {name}: {text!r} in its name is no date, "
            f"expected {expected_date(source)} (date_format)"
        )
    return moment
