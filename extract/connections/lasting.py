"""Permanent failures of a connection: their messages, the number of tries, and what to do.

All other failures (a timeout, a reset, a name server without an answer, 5xx) may be temporary.
"""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from urllib3.exceptions import LocationParseError

FEW = 3  # tries for failures that are rarely temporary
NO_SUCH_NAME = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE")
# refusals in the handshake, by the server or by us; a broken handshake may be a server that restarts
HANDSHAKE = (
    "HANDSHAKE_FAILURE",
    "PROTOCOL_VERSION",
    "UNSUPPORTED_PROTOCOL",
    "CERTIFICATE_REQUIRED",
    "UNRECOGNIZED_NAME",
)
NOWHERE = (errno.ENETUNREACH, errno.EHOSTUNREACH)


@dataclass(frozen=True)
class Lasting:
    """A permanent failure: its message, what to do, and the number of tries."""

    message: str
    expected: str
    tries: int = 1


def lasting(error: BaseException) -> Lasting | None:
    """Return the permanent failure in an exception, None if it may be temporary."""
    return next((found for cause in causes(error) if (found := _lasting(cause))), None)


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those that it wraps: requests and botocore wrap urllib3, which wraps http.client."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.append(cause)
        yield cause
        more = cause.__dict__.get("kwargs") or {}
        wrapped = [cause.__dict__.get("reason"), more.get("error"), *reversed(cause.args), cause.__cause__]
        cause = next((inner for inner in wrapped if isinstance(inner, Exception)), None)


def _lasting(cause: BaseException) -> Lasting | None:
    if isinstance(cause, socket.gaierror):
        if cause.errno in NO_SUCH_NAME or not isinstance(cause.errno, int):
            return Lasting("there is no host of that name", "expected an address without a slip of the pen")
        return None
    if isinstance(cause, LocationParseError | UnicodeError):
        return Lasting("it is no address", "expected one such as https://example.org/path")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Lasting(
            f"its certificate is not trusted ({cause.verify_message})",
            "expected one of an authority that this machine knows (REQUESTS_CA_BUNDLE names others)",
        )
    if isinstance(cause, ssl.SSLError):
        return _of_tls(cause)
    if isinstance(cause, OSError) and (found := TUNNEL.search(str(cause))):
        return _of_proxy(int(found[1]))
    if isinstance(cause, ConnectionRefusedError):
        return Lasting(
            "nothing listens there (connection refused)", "expected a server that is up, at that port", FEW
        )
    if isinstance(cause, OSError) and cause.errno in NOWHERE:
        return Lasting(
            f"no way leads there ({cause.strerror})", "expected an address that this machine reaches", FEW
        )
    if isinstance(cause, http.client.BadStatusLine) and not isinstance(cause, http.client.RemoteDisconnected):
        return Lasting("what answers there does not speak HTTP", "expected a web server at that port", FEW)
    return None


def _of_tls(cause: ssl.SSLError) -> Lasting | None:
    reason = (cause.reason or "").upper()
    if any(name in reason for name in NO_TLS):
        return Lasting(
            "what answers there does not speak TLS", "expected https there, or an address with http:"
        )
    if any(name in reason for name in HANDSHAKE):
        return Lasting(
            f"no encrypted connection can be agreed on ({reason})",
            "expected a server that takes TLS 1.2 or later, and needs no certificate of ours",
        )
    return None


def _of_proxy(status: int) -> Lasting | None:
    """Return the meaning of a proxy's refusal; a proxy that is out of order may come back."""
    if status >= 500 or status in (408, 425, 429):
        return None
    if status == http.client.PROXY_AUTHENTICATION_REQUIRED:
        return Lasting(
            "the proxy wants to know who we are (407)",
            "expected user and password in HTTPS_PROXY and HTTP_PROXY, or the host in NO_PROXY",
        )
    return Lasting(
        f"the proxy refuses to connect there ({status})",
        "expected a proxy that allows it, or the host in NO_PROXY",
    )
