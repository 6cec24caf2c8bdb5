"""Responses: a server's facts about a file, and bodies that it compressed unasked."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from headwater.extract.connections.safe_address import shown
from headwater.extract.files.limits import Limits
from headwater.extract.files.unpack import DAMAGED, Decompressor, Streams, new_bzip2, new_xz
from headwater.metadata.errors import DeliveryTooLarge, PublisherError

PIECE = 256 << 10  # bytes
MOST_ENCODINGS = 3
ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS  # what zlib is to expect


class EncodingBroken(Exception):  # noqa: N818
    """A compressed body is damaged, or ends too early."""


@dataclass(frozen=True)
class Head:
    """The facts that a server gives about a file. `size` is in bytes, as they are sent."""

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
            etag=headers.get("ETag") or None,  # a blank one, equal to itself, would hide every change
            last_modified=headers.get("Last-Modified") or None,
            size=int(total) if re.fullmatch(r"[0-9]{1,18}", total) else None,
            accepts_ranges=headers.get("Accept-Ranges", "").strip().lower() == "bytes",
            is_encoded=bool(_encodings(response)),
        )

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Return the values that discovery compares, without missing ones."""
        facts = {"etag": self.etag, "last_modified": self.last_modified, "size": self.size}
        return {name: value for name, value in facts.items() if value is not None}

    @property
    def modified_at(self) -> datetime | None:
        """Last-Modified as a moment in UTC."""
        return http_date(self.last_modified)

    @property
    def validator(self) -> str | None:
        """Return what If-Range may hold: only a strong etag vouches for single bytes, else the date must do."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified

    @property
    def can_resume(self) -> bool:
        return self.accepts_ranges and not self.is_encoded and self.validator is not None


def unpacked(response: requests.Response, body: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    """Return a body without its Content-Encodings. Raises `EncodingBroken` if it is damaged or truncated.

    Raises `PublisherError` for an unknown compression, and `DeliveryTooLarge` if the unpacked size is out of
    proportion to the bytes on the wire, over all layers of compression.
    """
    encodings = _encodings(response)
    for encoding in encodings:
        if encoding not in UNPACKERS:
            raise PublisherError(
                f"{shown(response.url)} comes packed as {encoding[:20]!r}, expected it as it is, or packed by gzip"
            )
    if len(encodings) > MOST_ENCODINGS:
        raise PublisherError(f"{shown(response.url)} comes packed {len(encodings)} times, expected once")
    if not encodings:
        return body
    came = _Counted(body)
    pieces: Iterator[bytes] = came
    for encoding in reversed(encodings):  # the last one was put on last
        pieces = _require(UNPACKERS[encoding](pieces), came, shown(response.url), limits)
    return pieces


class _Counted:
    """The pieces of a body, counted as they come."""

    def __init__(self, body: Iterator[bytes]) -> None:
        self._body, self.count = body, 0

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> bytes:
        piece = next(self._body)
        self.count += len(piece)
        return piece


def _require(pieces: Iterator[bytes], came: _Counted, address: str, limits: Limits) -> Iterator[bytes]:
    count = 0
    for piece in pieces:
        count += len(piece)
        if count > limits.most_of(came.count):
            raise DeliveryTooLarge(
                f"{address} unpacks its Content-Encoding from {came.count} to {count} bytes and more, {limits.expected}"
            )
        yield piece


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
        while piece := stream.decompress(stream.unconsumed_tail, PIECE):
            yield piece
        if piece := stream.flush():
            yield piece
    except zlib.error as error:
        raise EncodingBroken(f"its packed body is damaged ({error})") from None
    if not stream.eof:
        raise EncodingBroken("its packed body ends before its end")


def _streamed(new: Callable[[], Decompressor]) -> Callable[[Iterator[bytes]], Iterator[bytes]]:
    """Yield what unpacks bzip2 or xz, which servers call the encoding of a file that they have stored so."""

    def read(body: Iterator[bytes]) -> Iterator[bytes]:
        streams = Streams(_Pieces(body), new)
        try:
            while piece := streams.read(PIECE):
                yield piece
        except DAMAGED as error:
            raise EncodingBroken(f"its packed body is damaged or ends before its end ({error})") from None

    return read


class _Pieces:
    """The pieces of a body as a stream; each is as large as it came."""

    def __init__(self, body: Iterator[bytes]) -> None:
        self._body = body

    def read(self, _size: int, /) -> bytes:
        return next(self._body, b"")


UNPACKERS: Mapping[str, Callable[[Iterator[bytes]], Iterator[bytes]]] = {
    **dict.fromkeys(("gzip", "x-gzip", "deflate"), _inflated),
    **dict.fromkeys(("bzip2", "x-bzip2", "bz2"), _streamed(new_bzip2)),
    **dict.fromkeys(("xz", "x-xz"), _streamed(new_xz)),
}


def _encodings(response: requests.Response) -> list[str]:
    """Return how a body is packed, in the order in which it was done."""
    messages = str(response.headers.get("Content-Encoding", "")).lower().split(",")
    return [encoding.strip() for encoding in messages if encoding.strip() not in ("", "identity")]


def http_date(text: str | None) -> datetime | None:
    """The moment that a header names, in UTC; None where it names none."""
    try:
        moment = parsedate_to_datetime(text) if text else None
        if moment is not None and moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC) if moment else None
    except (ValueError, OverflowError):
        return None
