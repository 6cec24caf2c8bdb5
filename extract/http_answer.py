"""What a server tells of a file, and the bodies that it packs though nobody asked it to."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from extract.found import shown
from metadata.errors import PublisherError

PIECE = 256 << 10  # bytes
ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS  # what zlib is to expect


class EncodingBroken(Exception):  # noqa: N818
    """A packed body is damaged, or ends too early."""


@dataclass(frozen=True)
class Head:
    """What a server tells of a file. `size` is in bytes, as they are sent."""

    etag: str | None
    last_modified: str | None
    size: int | None
    accepts_ranges: bool
    is_encoded: bool

    @classmethod
    def of(cls, response: requests.Response) -> Head:
        headers = response.headers
        length = headers.get("Content-Length", "")
        total = headers.get("Content-Range", "").rpartition("/")[2] if response.status_code == 206 else length
        return cls(
            etag=headers.get("ETag"),
            last_modified=headers.get("Last-Modified"),
            size=int(total) if re.fullmatch(r"[0-9]{1,18}", total) else None,
            accepts_ranges=headers.get("Accept-Ranges", "").strip().lower() == "bytes",
            is_encoded=_encoding(response) not in ("", "identity"),
        )

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What discovery compares; nothing that the server did not tell."""
        told = {"etag": self.etag, "last_modified": self.last_modified, "size": self.size}
        return {name: value for name, value in told.items() if value is not None}

    @property
    def modified_at(self) -> datetime | None:
        """Last-Modified as a moment in UTC."""
        return http_date(self.last_modified)

    @property
    def validator(self) -> str | None:
        """What If-Range may hold: only a strong etag vouches for single bytes, else the date must do."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified

    @property
    def can_resume(self) -> bool:
        return self.accepts_ranges and not self.is_encoded and self.validator is not None


def unpacked(response: requests.Response, body: Iterator[bytes]) -> Iterator[bytes]:
    """A body without its Content-Encoding. Raises `EncodingBroken` when it cannot be unpacked to its end.

    Raises `PublisherError` when it is packed in another way than by gzip or deflate.
    """
    encoding = _encoding(response)
    if encoding in ("", "identity"):
        return body
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _inflated(body)
    raise PublisherError(
        f"{shown(response.url)} comes packed as {encoding[:20]!r}, expected it as it is, or packed by gzip"
    )


def _inflated(body: Iterator[bytes]) -> Iterator[bytes]:
    stream = zlib.decompressobj(ZLIB_OR_GZIP)
    try:
        for chunk in body:
            left = chunk
            while left:
                if stream.eof:  # what follows is packed for itself, or fills up
                    left = left.lstrip(b"\0")
                    if not left:
                        break
                    stream = zlib.decompressobj(ZLIB_OR_GZIP)
                if piece := stream.decompress(left, PIECE):
                    yield piece
                left = stream.unused_data if stream.eof else stream.unconsumed_tail
        if piece := stream.flush():
            yield piece
    except zlib.error as error:
        raise EncodingBroken(f"its packed body is damaged ({error})") from None
    if not stream.eof:
        raise EncodingBroken("its packed body ends before its end")


def _encoding(response: requests.Response) -> str:
    return str(response.headers.get("Content-Encoding", "")).strip().lower()


def http_date(text: str | None) -> datetime | None:
    """The moment that a header names, in UTC; None where it names none."""
    try:
        moment = parsedate_to_datetime(text) if text else None
        if moment is not None and moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC) if moment else None
    except (ValueError, OverflowError):
        return None
