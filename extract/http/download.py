"""A file that comes over HTTP, perhaps in several tries, each from where the one before broke off."""

from __future__ import annotations

from collections.abc import Iterator

import requests

from headwater.extract.http.exchange import AskAgainError
from headwater.extract.http.response import Head
from headwater.extract.offers.offer import Sink


class Download:
    """A file that is coming, perhaps in several answers."""

    def __init__(self, sink: Sink, size: int | None) -> None:
        self._sink, self._reported_size = sink, size
        self._head: Head | None = None
        self.received = 0
        self._furthest = 0

    @property
    def expected(self) -> int | None:
        """The number of bytes announced; None when nobody did, or when they are announced as encoded."""
        if self._head is None:
            return self._reported_size
        if self._head.is_encoded:
            return None
        return self._reported_size if self._head.size is None else self._head.size

    def headers(self) -> dict[str, str]:
        """Ask for the rest, if the file is still the same."""
        if not self.received or self._head is None or not self._head.can_resume:
            return {}
        return {"Range": f"bytes={self.received}-", "If-Range": str(self._head.validator)}

    def gained(self) -> bool:
        """Return whether the last answer brought bytes that the next one need not send again."""
        gained = self.received > self._furthest and self._head is not None and self._head.can_resume
        self._furthest = max(self._furthest, self.received)  # a body that begins again gains nothing at first
        return gained

    def take(self, response: requests.Response, body: Iterator[bytes]) -> Head:
        """Write an answer's body to the sink; returns when the file is whole."""
        if not self._continues(response):
            self.received = 0
            self._sink.restart()
            if response.status_code not in (200, 203):
                self._head = None
                raise AskAgainError(f"it answers {response.status_code} where the whole file was expected")
            self._head = Head.of(response)
        for chunk in body:
            self._sink.write(chunk)
            self.received += len(chunk)
        if self._head is None or (self.expected is not None and self.received != self.expected):
            raise AskAgainError(f"the body ended at byte {self.received}, expected {self.expected}")
        return self._head

    def _continues(self, response: requests.Response) -> bool:
        if response.status_code != 206 or self._head is None:
            return False
        now, unit = Head.of(response), response.headers.get("Content-Range", "")
        same = now.etag in (None, self._head.etag) and now.last_modified in (None, self._head.last_modified)
        return same and now.size in (None, self._head.size) and unit.startswith(f"bytes {self.received}-")
