"""An HTTP client that retries and resumes pages, heads and whole files.

It retries with growing waits: status 5xx, 408, 425, 429 (with Retry-After), connections that break or time
out, bodies that are shorter than announced or too slow. It reports permanent failures at once (`lasting`). A
broken download resumes if the server sent an ETag or Last-Modified, accepts ranges, and the file is
unchanged; else it restarts. The client requests only http and https addresses, also after redirects, and
never follows from https to http; `addresses` restricts the hosts.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from headwater.extract.connections.addresses import PORTS, AddressGuard, GuardedAdapter
from headwater.extract.connections.lasting import FEW, causes, lasting
from headwater.extract.connections.safe_address import shown
from headwater.extract.files.limits import Limits
from headwater.extract.http.download import Download
from headwater.extract.http.exchange import Answer, AnswerBroken, AskAgainError, Page, Patience, Request
from headwater.extract.http.response import EncodingBroken, Head, http_date, unpacked
from headwater.extract.offers.offer import Sink
from headwater.metadata.errors import DeliveryIncomplete, DeliveryTooLarge, PublisherError
from headwater.metadata.redaction import beginning

CHUNK = 256 << 10  # bytes


LARGEST_PAGE = 64 << 20  # bytes


LONGEST_EXPLANATION = 300  # characters shown


LARGEST_EXPLANATION = 64 << 10  # bytes read, enough that no secret is cut before it is masked


REDIRECTS = 10


LOST = 2  # failed addresses in a row, after which each further one gets one try


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


class _Session(requests.Session):
    """A session that follows no redirect by itself: `HttpClient` checks each address first."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        return None


class HttpClient:
    """A client for publishers. Every method raises `PublisherError` after the last try or a refusal.

    `guard` knows the addresses in the metadata; without it only public hosts are allowed. `limits` restrict
    the unpacked size of a compressed body.
    """

    def __init__(
        self,
        patience: Patience | None = None,
        guard: AddressGuard | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.patience, self._limits = patience or Patience(), limits or Limits()
        self._lost = 0
        self._session = _Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, GuardedAdapter(guard or AddressGuard()))
        self._session.headers["User-Agent"] = "headwater"

    def page(self, address: str) -> Page:
        """Return a page, decoded by its charset, or as UTF-8."""

        def ask() -> Page:
            with self._send("GET", address) as response:
                body = bytearray()
                for piece in self._body(response):
                    body += piece
                    if len(body) > LARGEST_PAGE:
                        raise PublisherError(
                            f"{shown(address)} is larger than {LARGEST_PAGE} bytes, expected a page of links"
                        )
                return Page(response.url, _decode(bytes(body), response.headers.get("Content-Type", "")))

        return self._persist(address, ask)

    def exchange(
        self, request: Request, read: Callable[[Answer], T], *, largest: int, accept: tuple[int, ...] = ()
    ) -> T:
        """Send a request to an API, and return the result of `read` for the answer.

        `read` raises `AnswerBroken` for an unreadable answer; the client then retries, as it does when a body
        breaks off.
        """

        def ask() -> T:
            with self._send(
                request.method, request.address, {"Accept": "application/json", **request.headers}, accept,
                body=request.body, private=request.private, is_explained=True,
            ) as response:  # fmt: skip
                body = bytearray()
                for piece in self._body(response):
                    body += piece
                    if len(body) > largest:
                        raise DeliveryTooLarge(
                            f"{shown(request.address)}: a page of more than {largest >> 20} MiB, expected smaller ones"
                        )
                answer = Answer(response.url, response.status_code, response.headers, bytes(body))
            try:
                return read(answer)
            except AnswerBroken as error:
                if error.expected is None:
                    raise AskAgainError(str(error)) from None
                raise AskAgainError(str(error), expected=error.expected, tries=FEW) from None

        return self._persist(request.address, ask)

    def head(self, address: str) -> Head:
        """Return the server's facts about a file; a server that refuses HEAD gets a GET whose body is not read."""

        def ask() -> Head:
            try:
                response = self._send("HEAD", address, _IDENTITY)
            except PublisherError:
                response = self._send("GET", address, _IDENTITY)
            with response:
                return Head.of(response)

        return self._persist(address, ask)

    def download(self, address: str, sink: Sink, size: int | None = None) -> Head:
        """Write the whole file to `sink` and return its facts.

        `size` is the size that the publisher announced elsewhere, for answers without a length. Raises
        `DeliveryIncomplete` if some but never all bytes came.
        """
        going = Download(sink, size)

        def ask() -> Head:
            response = self._send("GET", address, {**_IDENTITY, **going.headers()}, accept=(416,))
            with response:
                return going.take(response, self._body(response))

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
        *,
        body: bytes | None = None,
        private: Mapping[str, str] | None = None,
        is_explained: bool = False,
    ) -> requests.Response:
        asked = address
        for _ in range(REDIRECTS + 1):
            carried = private if private and same_place(asked, address) else {}
            response = self._ask(
                method, asked, {**(headers or {}), **carried}, body, has_credentials=bool(carried)
            )
            target = _redirect(response)
            if target is None:
                break
            response.close()
            _require_safe(address, asked, target)
            if body is not None and not same_place(address, target):
                raise PublisherError(
                    f"{shown(address)} redirects to {shown(target)}, expected an answer: what is sent to it may hold"
                    " credentials, which go nowhere else"
                )
            asked = target
        else:
            raise PublisherError(
                f"{shown(address)} redirects more than {REDIRECTS} times, expected the file or page"
            )
        status = response.status_code
        if status < 400 or status in accept:
            return response
        message = self._explanation(response) if is_explained else ""
        response.close()
        reason = f"it answers {status} {response.reason or ''}".rstrip() + message
        is_refusal = status in NEVER or (status == 500 and method == "HEAD")  # some only know GET
        if status in AGAIN or (status >= 500 and not is_refusal):
            raise AskAgainError(reason, _retry_after(response.headers.get("Retry-After")))
        expected = "records" if is_explained else "the file or page"
        if status == requests.codes.proxy_authentication_required:
            expected = "user and password of the proxy in HTTP_PROXY and HTTPS_PROXY, or the host in NO_PROXY"
        raise PublisherError(f"{shown(address)}: {reason}, expected {expected}")

    def _explanation(self, response: requests.Response) -> str:
        """Return the explanation in an API's refusal, for a message."""
        body = b""
        for piece in self._body(response):
            body += piece
            if len(body) > LARGEST_EXPLANATION:
                break
        words = " ".join(body.decode("utf-8", "replace").split())
        return f" ({beginning(words, LONGEST_EXPLANATION)})" if words and "<" not in words[:1] else ""

    def _ask(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        has_credentials: bool = False,
    ) -> requests.Response:
        timeout = (self.patience.connect_timeout_s, self.patience.read_timeout_s)
        auth = _as_it_is if has_credentials else None  # else requests would prefer what a .netrc says
        try:
            return self._session.request(
                method, address, headers=headers, data=body, auth=auth, timeout=timeout, stream=True,
                allow_redirects=False,
            )  # fmt: skip
        except BROKEN as error:
            raise _failed(address, error) from None
        except (requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema):
            raise PublisherError(f"{shown(address)} is no address of HTTP, expected http or https") from None
        except requests.RequestException as error:  # its text may hold the whole address, and a token in it
            raise PublisherError(
                f"{shown(address)} cannot be asked ({type(error).__name__}), expected an address such as"
                " https://example.org/path"
            ) from None

    def _body(self, response: requests.Response) -> Iterator[bytes]:
        """An answer's body as it comes, unpacked. Raises `AskAgainError` when it hardly comes."""
        return unpacked(response, self._packed(response), self._limits)

    def _packed(self, response: requests.Response) -> Iterator[bytes]:
        window_s, clock = self.patience.read_timeout_s, self.patience.clock
        waited_s, came = 0.0, 0
        while True:
            begun = clock()
            chunk = response.raw.read1(CHUNK, decode_content=False)  # read() would lose the end of a cut body
            waited_s, came = waited_s + clock() - begun, came + len(chunk)
            if not chunk:
                return
            yield chunk
            if waited_s >= window_s:
                if came < self.patience.slowest_bytes_per_s * waited_s:
                    raise AskAgainError(f"only {came} bytes came in {waited_s:.0f} seconds", is_slow=True)
                waited_s, came = 0.0, 0

    def _persist(self, address: str, ask: Callable[[], T], gained: Callable[[], bool] = lambda: False) -> T:
        failures = 0
        attempts = self.patience.attempts if self._lost < LOST else 1
        while True:
            try:
                answer = ask()
                self._lost = 0
                return answer
            except BROKEN as error:
                problem = _failed(address, error)
            except EncodingBroken as error:
                problem = AskAgainError(str(error))
            except AskAgainError as error:
                problem = error
            failures = 1 if gained() and not problem.is_slow else failures + 1
            wait_s = self.patience.wait(failures) if problem.wait_s is None else problem.wait_s
            if wait_s > self.patience.longest_retry_after_s:
                raise PublisherError(
                    f"{shown(address)}: {problem} and asks to wait {wait_s:.0f} seconds: run again then."
                )
            if failures >= min(attempts, problem.tries or attempts):
                self._lost += 1
                often = f", {failures} times in a row" if failures > 1 else ""
                raise PublisherError(f"{shown(address)}: {problem}{often}: {problem.expected}.")
            self.patience.sleep(wait_s)


def same_place(one: str, other: str) -> bool:
    """Return whether two addresses have the same scheme, host and port."""
    try:
        parts = [urlsplit(address) for address in (one, other)]
        places = {(p.scheme, (p.hostname or "").rstrip("."), p.port or PORTS.get(p.scheme)) for p in parts}
    except ValueError:
        return False
    return len(places) == 1


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


_IDENTITY = {"Accept-Encoding": "identity"}  # lengths and ranges must speak of the file itself


def _decode(body: bytes, content_type: str) -> str:
    declared = re.search(r"charset=[\"']?([\w.:-]+)", content_type, re.IGNORECASE)
    try:
        return body.decode(declared[1] if declared else "utf-8")
    except (UnicodeDecodeError, LookupError):
        return body.decode("latin-1")


def _redirect(response: requests.Response) -> str | None:
    """Return the target of a redirect, None for other answers. Raises `PublisherError` if it is unreadable."""
    location = response.headers.get("Location")
    if response.status_code not in requests.models.REDIRECT_STATI or location is None:
        return None
    try:
        return urljoin(response.url, location.encode("latin-1").decode("utf-8", "replace"))
    except ValueError:
        raise PublisherError(f"{shown(response.url)} redirects to what is no address") from None


def _require_safe(address: str, asked: str, target: str) -> None:
    """Refuse a redirect away from http and https, and one from https to http, where anybody may change a file."""
    before, after = urlsplit(asked).scheme, urlsplit(target).scheme
    if after not in ("http", "https"):
        raise PublisherError(f"{shown(address)} redirects to {after}:, expected http or https")
    if before == "https" and after == "http":
        raise PublisherError(
            f"{shown(address)} redirects from https to {shown(target)}, expected https: what comes by http may be "
            "changed on its way"
        )


def _failed(address: str, error: BaseException) -> AskAgainError:
    """Return the error for a failed connection. Raises `PublisherError` if the next one would fail too."""
    will_last = lasting(error)
    if will_last is None:
        return AskAgainError(_reason(error))
    if will_last.tries == 1:
        raise PublisherError(f"{shown(address)}: {will_last.message}, {will_last.expected}") from None
    return AskAgainError(will_last.message, expected=will_last.expected, tries=will_last.tries)


def _reason(error: BaseException) -> str:
    *_, cause = causes(error)
    if isinstance(cause, socket.gaierror):
        return f"its name cannot be looked up ({cause.strerror})"
    name = type(cause).__name__
    return "no answer in time" if "Timeout" in name else f"the connection failed ({name})"


def _retry_after(text: str | None) -> float | None:
    """Return the seconds of a Retry-After, given as a number or a date."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    moment = http_date(text)
    return None if moment is None else max(0.0, (moment - datetime.now(UTC)).total_seconds())
