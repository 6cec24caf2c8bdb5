"""What an extractor finds: offers of a publisher, each with the way to fetch it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from metadata import redaction
from metadata.errors import DeliveryTooLarge, PublisherError
from metadata.process.deliveries import Fingerprint
from metadata.static.model import Source
from metadata.static.secrecy import names_a_secret

CHUNK = 1 << 20  # bytes
DATE_FORMATS = ("%Y%m%d", "%Y-%m-%d", "%Y-%m")
PLACEHOLDER = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")

USERINFO = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")


class Named(Protocol):
    """What a message is about: a source, or a step of a job."""

    @property
    def name(self) -> str:
        """Its name in the metadata."""


class Sink(Protocol):
    """Where a fetched file goes, in the order of its bytes."""

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""

    def restart(self) -> None:
        """Forget all bytes so far: the file comes again from its beginning."""


class LimitedSink:
    """A sink that takes what the source's option max_file_mib allows."""

    def __init__(self, sink: Sink, source: Source) -> None:
        limit = source.options.get("max_file_mib")
        self._sink, self._limit, self._came = sink, int(limit) << 20 if limit else None, 0

    def write(self, chunk: bytes) -> None:
        """Pass bytes on. Raises `DeliveryTooLarge` when they are more than allowed."""
        self._came += len(chunk)
        if self._limit is not None and self._came > self._limit:
            raise DeliveryTooLarge(
                f"it is larger than {self._limit >> 20} MiB, the most that the option max_file_mib allows"
            )
        self._sink.write(chunk)

    def restart(self) -> None:
        """Begin again."""
        self._came = 0
        self._sink.restart()


@dataclass(frozen=True)
class Found:
    """One delivery that a publisher offers.

    `publisher_name` is unique among the offers of one delivery_date (aware, UTC). `fingerprint` is what
    tells without reading it whether the content is another one: etag, last_modified, size. `fetch` writes
    the whole file to a sink and returns the offer as it then was; it raises `ExtractError` when it cannot.
    A window of what changed has watermarks: what it was asked from, and the greatest that its records hold.
    `on_landed`, of what `fetch` returned, is called once the delivery has landed.
    """

    publisher_name: str
    address: str
    delivery_date: datetime
    fingerprint: Fingerprint
    fetch: Callable[[Found, Sink], Found] = field(compare=False, repr=False)
    watermark_from: Mapping[str, Any] | None = None
    watermark_to: Mapping[str, Any] | None = None
    on_landed: Callable[[], None] | None = field(default=None, compare=False, repr=False)


def fetch_spooled(files: Sequence[IO[bytes]], offer: Found, sink: Sink) -> Found:
    """The `fetch` of an offer that was read to temporary files already: one after another, from their beginning."""
    sink.restart()
    for file in files:
        file.seek(0)
        while chunk := file.read(CHUNK):
            sink.write(chunk)
    return offer


def shown(address: str) -> str:
    """An address as it may be printed: without credentials, and without the query, which may hold a token."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "an address that cannot be read"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def expand(text: str, source: Named) -> str:
    """Replace `${NAME}` by the environment's value. Raises `PublisherError` when it is not set.

    What a name or its place says to be a secret is blanked out from then on.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise PublisherError(
                f"{source.name}: {text} needs the environment variable {match[1]}, which is not set"
            )
        return os.environ[match[1]]

    expanded = PLACEHOLDER.sub(value, text)
    for secret in secrets_in(text):
        redaction.register(secret)
    return expanded


def secrets_in(text: str) -> Iterator[str]:
    """What the environment fills in for `${NAME}` where the name, or its place, says it to be a secret."""
    for name in PLACEHOLDER.findall(text):
        if names_a_secret(name) and name in os.environ:
            yield os.environ[name]
    if userinfo := USERINFO.search(PLACEHOLDER.sub(lambda found: os.environ.get(found[1], ""), text)):
        yield userinfo[1]


def file_pattern(source: Source) -> re.Pattern[str]:
    """What the names of the source's files match. Raises `PublisherError` when the source has no pattern."""
    if "file_pattern" not in source.options:
        raise PublisherError(
            f"{source.name}: no file_pattern, expected one in source_attribute.csv: "
            "a regular expression that the names of its files match"
        )
    return re.compile(source.options["file_pattern"])


def read_date(source: Source, text: str) -> datetime | None:
    """The moment that `text` names by the source's date_format, or None (UTC where it has no zone)."""
    own = source.options.get("date_format")
    for form in [own] if own else DATE_FORMATS:
        try:
            moment = datetime.strptime(text, form)  # noqa: DTZ007
            if own or moment.strftime(form) == text:  # strptime takes 2026111 for a date of eight digits
                return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):  # the year 1 or 9999 may have no such moment in UTC
            continue
    return None


def expected_date(source: Source) -> str:
    """How a date should be written, for a message."""
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
