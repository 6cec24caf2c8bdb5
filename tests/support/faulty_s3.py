"""A proxy in front of the real object store that breaks the calls that a test names, and only those.

A call is told as its operation and what it is about, as in `put manifests/places/0000000001.json`: `head`,
`make` (the bucket), `list`, `get`, `put`, `begin`, `part`, `complete`, `abort` (of an upload in parts), `delete`.
"""

from __future__ import annotations

import http.client
import re
import socket
import struct
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

FROM_NOW_ON = range(1, 1 << 30)


@dataclass(frozen=True)
class Fault:
    """The trouble with one call. `acts`: S3 does what it was asked to, and only its answer goes wrong."""

    status: int | None = None  # is answered, with `code`
    code: str = "InternalError"
    acts: bool = False
    resets: bool = False  # the connection breaks without an answer
    stalls: bool = False  # no answer, and the connection stays open
    sends: int | None = None  # bytes of the body, then the connection closes
    announces_that: bool = False  # the length too is only that of what is sent
    body: bytes | None = None  # instead of the proper one


ERROR = Fault(500)
SLOW_DOWN = Fault(503, "SlowDown")
TOO_MANY = Fault(429, "TooManyRequests")
RESET = Fault(resets=True)
STALL = Fault(stalls=True)
CONFLICT = Fault(409, "ConditionalRequestConflict")
LOST = Fault(500, acts=True)
LOST_IN_RESET = Fault(resets=True, acts=True)
LOST_IN_CONFLICT = Fault(409, "ConditionalRequestConflict", acts=True)
LOST_IN_SILENCE = Fault(stalls=True, acts=True)


@dataclass
class _Planned:
    pattern: str
    fault: Fault
    calls: Collection[int]
    seen: int = 0


class FaultyS3:
    """Passes calls on to the bucket of the store at `upstream_port`, but for those that a plan breaks."""

    def __init__(self, port: int, upstream_port: int, bucket: str) -> None:
        self.url, self.upstream_port, self.bucket = f"http://127.0.0.1:{port}", upstream_port, bucket
        self.calls: list[str] = []
        self.ended = threading.Event()
        self._plan: list[_Planned] = []
        self._lock = threading.Lock()

    @classmethod
    @contextmanager
    def running(cls, upstream_port: int, bucket: str) -> Iterator[Self]:
        server = _Server(("127.0.0.1", 0), _Handler)
        faulty = cls(server.server_address[1], upstream_port, bucket)
        server.faulty = faulty  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield faulty
        finally:
            faulty.ended.set()
            server.shutdown()
            server.server_close()

    def plan(self, pattern: str, fault: Fault, calls: Collection[int] = (1,)) -> None:
        """Break the n-th of the calls, from 1 and from now on, that match `pattern` from their beginning."""
        self._plan.append(_Planned(pattern, fault, calls))

    def heal(self) -> None:
        """Break nothing any more, and forget the calls."""
        self._plan.clear()
        self.calls.clear()

    def fault_of(self, call: str) -> Fault | None:
        """Note a call, and say what is to go wrong with it."""
        with self._lock:
            self.calls.append(call)
            found = None
            for planned in self._plan:
                if re.match(planned.pattern, call):
                    planned.seen += 1
                    if planned.seen in planned.calls:
                        found = found or planned.fault
            return found


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Clients break off; that is what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def _answer(self) -> None:
        faulty: FaultyS3 = self.server.faulty  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = faulty.fault_of(called(self.command, self.path)) or Fault()
        status, headers, content = fault.status, {}, _error(fault)
        if fault.acts or not (fault.status or fault.resets or fault.stalls):
            real_status, real_headers, real_content = self._passed_on(faulty.upstream_port, body)
            if not fault.status:
                status, headers, content = real_status, real_headers, real_content
        if fault.stalls:
            faulty.ended.wait()
        if fault.stalls or fault.resets:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        if fault.body is not None:
            headers, content = {}, fault.body
        sent = content if fault.sends is None else content[: fault.sends]
        self.send_response(status or 200)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "date", "server"):
                self.send_header(name, value)
        payload = len(sent) if fault.announces_that else len(content)
        if self.command == "HEAD" and not fault.status:
            payload = int(headers.get("Content-Length", 0))
        self.send_header("Content-Length", str(payload))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(sent)
            self.close_connection = payload != len(sent)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815

    def _passed_on(self, port: int, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        # the host stays, which is signed
        headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), content


def called(method: str, path: str) -> str:
    """Return what a request does, as plans name it."""
    url = urlsplit(path)
    key = unquote(url.path).lstrip("/").partition("/")[2]
    query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
    if not key:
        operation = {"HEAD": "head", "PUT": "make", "GET": "list"}[method]
        return f"{operation} {query.get('prefix', '')}".rstrip()
    if "uploads" in query:
        return f"begin {key}"
    if "partNumber" in query:
        return f"part {query['partNumber']} {key}"
    if "uploadId" in query:
        return f"{'complete' if method == 'POST' else 'abort'} {key}"
    return f"{method.lower()} {key}"


def _error(fault: Fault) -> bytes:
    return f"<Error><Code>{fault.code}</Code><Message>planned</Message></Error>".encode()
