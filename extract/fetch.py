"""HTTP with patience: pages, heads and whole files, through servers that fail, cut off and change their mind.

Asked again, after a growing wait: status 5xx, 408, 425, 429 (Retry-After is honoured), connections that
break or time out, bodies shorter than announced. A body that broke off goes on where it was when the
server gave an ETag or Last-Modified and accepts ranges, and has not changed since; else it begins again.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import requests
import urllib3

from extract.found import Sink, shown
from metadata.errors import DeliveryIncomplete, PublisherError

CHUNK = 256 << 10  # bytes
LARGEST_PAGE = 64 << 20  # bytes
AGAIN = frozenset({408, 425, 429})
NEVER = frozenset({501, 505})
BROKEN = (
    urllib3.exceptions.HTTPError,
    requests.ConnectionError,
    requests.Timeout,
    ConnectionError,
    TimeoutError,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How long to go on. Waits grow from `first_wait_s` by 2, with jitter, to `longest_wait_s`."""

    attempts: int = 6  # in a row without a byte gained
    first_wait_s: float = 0.5
    longest_wait_s: float = 30
    longest_retry_after_s: float = 600  # a server that wants more time is left for the next run
    connect_timeout_s: float = 10
    read_timeout_s: float = 60
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def wait(self, failures: int) -> float:
        """Seconds to wait after the n-th failure in a row."""
        longest: float = min(self.longest_wait_s, self.first_wait_s * 2 ** (failures - 1))
        return longest * (0.5 + self.jitter() / 2)


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
            size=int(total) if total.isdecimal() else None,
            accepts_ranges=headers.get("Accept-Ranges", "").strip().lower() == "bytes",
            is_encoded=headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"),
        )

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What discovery compares; nothing that the server did not tell."""
        told = {"etag": self.etag, "last_modified": self.last_modified, "size": self.size}
        return {name: value for name, value in told.items() if value is not None}

    @property
    def modified_at(self) -> datetime | None:
        """Last-Modified as a moment in UTC."""
        return _http_date(self.last_modified)

    @property
    def validator(self) -> str | None:
        """What If-Range may hold: only a strong etag vouches for single bytes, else the date must do."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified

    @property
    def can_resume(self) -> bool:
        return self.accepts_ranges and not self.is_encoded and self.validator is not None


@dataclass(frozen=True)
class Page:
    """A page and the address it came from, after redirects."""

    address: str
    text: str


class _AgainError(Exception):
    """It may go better next time; `wait_s` is what the server asked for."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        self.wait_s = wait_s
        super().__init__(reason)


class HttpClient:
    """Asks publishers. Every method raises `PublisherError` when patience ends or the answer is a refusal."""

    def __init__(self, patience: Patience | None = None) -> None:
        self.patience = patience or Patience()
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "headwater"

    def page(self, address: str) -> Page:
        """A page, decoded by its charset, or as UTF-8."""

        def ask() -> Page:
            with self._send("GET", address) as response:
                body: bytes = response.raw.read(LARGEST_PAGE + 1, decode_content=True)
                if len(body) > LARGEST_PAGE:
                    raise PublisherError(
                        f"{shown(address)} is larger than {LARGEST_PAGE} bytes, expected a page of links"
                    )
                return Page(response.url, _decode(body, response.headers.get("Content-Type", "")))

        return self._persist(address, ask)

    def head(self, address: str) -> Head:
        """What the server tells of a file; servers that refuse HEAD are asked with a GET that is not read."""

        def ask() -> Head:
            try:
                response = self._send("HEAD", address, _IDENTITY)
            except PublisherError:
                response = self._send("GET", address, _IDENTITY)
            with response:
                return Head.of(response)

        return self._persist(address, ask)

    def download(self, address: str, sink: Sink, size: int | None = None) -> Head:
        """Write the whole file to `sink` and say what it was.

        `size` is what the publisher told of it elsewhere: it counts when the answer names no length.
        Raises `DeliveryIncomplete` when bytes came, but never all of them.
        """
        going = _Download(sink, size)

        def ask() -> Head:
            response = self._send("GET", address, {**_IDENTITY, **going.headers()}, accept=(416,))
            with response:
                return going.take(response)

        try:
            return self._persist(address, ask, going.gained)
        except PublisherError as error:
            if not going.received:
                raise
            raise DeliveryIncomplete(
                f"{error} {going.received} of {going.expected or 'an unknown number of'} bytes had come"
            ) from None

    def _send(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (),
    ) -> requests.Response:
        timeout = (self.patience.connect_timeout_s, self.patience.read_timeout_s)
        try:
            response = self._session.request(
                method, address, headers=headers, timeout=timeout, stream=True, allow_redirects=True
            )
        except BROKEN as error:
            raise _AgainError(_reason(error)) from None
        except requests.exceptions.InvalidSchema:
            raise PublisherError(f"{shown(address)} leads away from HTTP, expected http or https") from None
        except requests.RequestException as error:  # its text may hold the whole address, and a token in it
            raise PublisherError(f"{shown(address)} cannot be asked ({type(error).__name__})") from None
        status = response.status_code
        if status < 400 or status in accept:
            return response
        response.close()
        reason = f"it answers {status} {response.reason or ''}".rstrip()
        if status in AGAIN or (status >= 500 and status not in NEVER):
            raise _AgainError(reason, _retry_after(response.headers.get("Retry-After")))
        raise PublisherError(f"{shown(address)}: {reason}, expected the file or page")

    def _persist(self, address: str, ask: Callable[[], T], gained: Callable[[], bool] = lambda: False) -> T:
        failures = 0
        while True:
            try:
                return ask()
            except BROKEN as error:
                problem = _AgainError(_reason(error))
            except _AgainError as error:
                problem = error
            failures = 1 if gained() else failures + 1
            wait_s = self.patience.wait(failures) if problem.wait_s is None else problem.wait_s
            if wait_s > self.patience.longest_retry_after_s:
                raise PublisherError(
                    f"{shown(address)}: {problem} and asks to wait {wait_s:.0f} seconds: run again then."
                )
            if failures >= self.patience.attempts:
                raise PublisherError(
                    f"{shown(address)}: {problem}, {failures} times in a row: run again later."
                )
            self.patience.sleep(wait_s)


class _Download:
    """A file that is coming, perhaps in several answers."""

    def __init__(self, sink: Sink, size: int | None) -> None:
        self._sink, self._told = sink, size
        self._head: Head | None = None
        self.received = 0
        self._before = 0

    @property
    def expected(self) -> int | None:
        """The number of bytes announced; None when nobody did, or when they are announced as encoded."""
        if self._head is None:
            return self._told
        if self._head.is_encoded:
            return None
        return self._told if self._head.size is None else self._head.size

    def headers(self) -> dict[str, str]:
        """Ask for the rest, if the file is still the same."""
        if not self.received or self._head is None or not self._head.can_resume:
            return {}
        return {"Range": f"bytes={self.received}-", "If-Range": str(self._head.validator)}

    def gained(self) -> bool:
        """Whether the last answer brought bytes that the next one need not send again."""
        gained = self.received > self._before and self._head is not None and self._head.can_resume
        self._before = self.received
        return gained

    def take(self, response: requests.Response) -> Head:
        """Write an answer's body to the sink; returns when the file is whole."""
        if not self._continues(response):
            self.received = self._before = 0
            self._sink.restart()
            if response.status_code not in (200, 203):
                self._head = None
                raise _AgainError(f"it answers {response.status_code} where the whole file was expected")
            self._head = Head.of(response)
        while chunk := response.raw.read1(
            CHUNK, decode_content=True
        ):  # read() would lose the last bytes of a cut body
            self._sink.write(chunk)
            self.received += len(chunk)
        if self._head is None or (self.expected is not None and self.received != self.expected):
            raise _AgainError(f"the body ended at byte {self.received}, expected {self.expected}")
        return self._head

    def _continues(self, response: requests.Response) -> bool:
        if response.status_code != 206 or self._head is None:
            return False
        now, unit = Head.of(response), response.headers.get("Content-Range", "")
        same = now.etag in (None, self._head.etag) and now.last_modified in (None, self._head.last_modified)
        return same and now.size in (None, self._head.size) and unit.startswith(f"bytes {self.received}-")


_IDENTITY = {"Accept-Encoding": "identity"}  # lengths and ranges must speak of the file itself


def _decode(body: bytes, content_type: str) -> str:
    declared = re.search(r"charset=[\"']?([\w.:-]+)", content_type, re.IGNORECASE)
    try:
        return body.decode(declared[1] if declared else "utf-8")
    except (UnicodeDecodeError, LookupError):
        return body.decode("latin-1")


def _reason(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:  # requests wraps urllib3, which wraps http.client
        error = cause
        wrapped = [error.__dict__.get("reason"), *reversed(error.args)]
        cause = next((inner for inner in wrapped if isinstance(inner, Exception)), None)
    name = type(error).__name__
    return "no answer in time" if "Timeout" in name else f"the connection failed ({name})"


def _http_date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except ValueError:
        return None


def _retry_after(text: str | None) -> float | None:
    """Seconds that a Retry-After asks for, by number or by date."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    moment = _http_date(text)
    return None if moment is None else max(0.0, (moment - datetime.now(UTC)).total_seconds())
