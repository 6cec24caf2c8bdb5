"""Offers of a publisher, each with the way to fetch it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, Protocol

from headwater.metadata.errors import DeliveryTooLarge
from headwater.metadata.progress import Transfer
from headwater.metadata.static.model import Source

if TYPE_CHECKING:
    from headwater.metadata.process.deliveries import Fingerprint  # its module imports SQLAlchemy

CHUNK = 1 << 20  # bytes


class Sink(Protocol):
    """The target of a fetched file, which receives its bytes in order."""

    def write(self, chunk: bytes) -> None:
        """Write the next bytes."""

    def restart(self) -> None:
        """Discard all bytes so far: the file comes again from its beginning."""


class LimitedSink:
    """A sink that takes what the source's option max_file_mib allows, and counts it for a transfer, if there is one."""

    def __init__(self, sink: Sink, source: Source, transfer: Transfer | None = None) -> None:
        limit = source.options.get("max_file_mib")
        self._sink, self._limit, self._came = sink, int(limit) << 20 if limit else None, 0
        self._transfer = transfer

    def write(self, chunk: bytes) -> None:
        """Pass bytes on. Raises `DeliveryTooLarge` when they are more than allowed."""
        self._came += len(chunk)
        if self._limit is not None and self._came > self._limit:
            raise DeliveryTooLarge(
                f"it is larger than {self._limit >> 20} MiB, the most that the option max_file_mib allows"
            )
        self._sink.write(chunk)
        if self._transfer:
            self._transfer.advance(size=len(chunk))

    def restart(self) -> None:
        """Begin again."""
        self._came = 0
        if self._transfer:
            self._transfer.restart()
        self._sink.restart()


@dataclass(frozen=True)
class Offer:
    """One delivery that a publisher offers.

    `publisher_name` is unique among the offers of one delivery_date (aware, UTC). `fingerprint` shows a
    changed content without reading it: etag, last_modified, size. `fetch` writes the whole file to a sink and
    returns the offer with the facts of that moment; it raises `ExtractError` on failure. A window of changes
    has watermarks: its begin, and the greatest in its records. `on_landed` is called with the result of
    `fetch` once the delivery has landed.
    """

    publisher_name: str
    address: str
    delivery_date: datetime
    fingerprint: Fingerprint
    fetch: Callable[[Offer, Sink], Offer] = field(compare=False, repr=False)
    watermark_from: Mapping[str, Any] | None = None
    watermark_to: Mapping[str, Any] | None = None
    on_landed: Callable[[], None] | None = field(default=None, compare=False, repr=False)


class Fetch(Protocol):
    """The way to bring an offer in: writes the whole file to a sink, and returns the offer as it then was."""

    def __call__(self, offer: Offer, sink: Sink, /) -> Offer: ...


class Discover(Protocol):
    """The way to ask a publisher: an offer for each delivery that it has now."""

    def __call__(self, source: Source, /) -> Iterable[Offer]: ...


def fetch_spooled(files: Sequence[IO[bytes]], offer: Offer, sink: Sink) -> Offer:
    """The `fetch` of an offer that was read to temporary files already: one after another, from their beginning."""
    sink.restart()
    for file in files:
        file.seek(0)
        while chunk := file.read(CHUNK):
            sink.write(chunk)
    return offer
