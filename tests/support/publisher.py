"""A publisher for tests: a real web server whose every answer a test can script."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Answer:
    """One answer. `announced` is the Content-Length it tells (None: none); `body` is what it really sends."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    announced: int | None = -1  # -1: the truth
    stalls: bool = False  # after the body, the connection stays open and silent


@dataclass(frozen=True)
class Request:
    """The request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


Script = Callable[[Request], Answer]


class Publisher:
    """Serves `files` (path → bytes) in full, with an ETag, unless `scripts` has answers of its own for a path."""

    def __init__(self, port: int, scheme: str = "http", host: str = "127.0.0.1") -> None:
        self.url = f"{scheme}://{host}:{port}"
        self.ended = threading.Event()
        self.files: dict[str, bytes] = {}
        self.headers: dict[str, dict[str, str]] = {}  # more headers for a file
        self.scripts: dict[str, list[Answer | Script]] = {}  # taken one by one; the last one stays
        self.requests: list[Request] = []

    @classmethod
    @contextmanager
    def running(cls, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Self]:
        """A publisher until the block ends; with `tls` it speaks https."""
        server = _Server((host, 0), _Handler)
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        publisher = cls(server.server_address[1], "https" if tls else "http", host)
        server.publisher = publisher  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield publisher
        finally:
            publisher.ended.set()
            server.shutdown()
            server.server_close()

    def asked(self, method: str, path: str) -> list[Request]:
        """The requests so far of one kind."""
        return [r for r in self.requests if (r.method, r.path) == (method, path)]

    def answer(self, request: Request) -> Answer:
        script = self.scripts.get(request.path)
        if script and not (request.method == "HEAD" and request.path in self.files):
            step = script.pop(0) if len(script) > 1 else script[0]
            return step if isinstance(step, Answer) else step(request)
        if request.path not in self.files:
            return Answer(404, b"no such file")
        body = self.files[request.path]
        headers = {"ETag": f'"{hash(body):x}"', **self.headers.get(request.path, {})}
        return Answer(200, body, headers)

    def page(self, path: str, *links: str) -> None:
        """A download page with a list of links, each a line of HTML."""
        self.files[path] = (
            "<html><body><ul>" + "\n".join(f"<li>{link}</li>" for link in links) + "</ul>"
        ).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Clients break off; that is what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each small answer waits 40 ms for the client's delayed ACK

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def _answer(self) -> None:
        publisher: Publisher = self.server.publisher  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.command, self.path, dict(self.headers), body)
        publisher.requests.append(request)
        answer = publisher.answer(request)
        if "Date" in answer.headers:
            self.send_response_only(answer.status)
        else:
            self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        announced = len(answer.body) if answer.announced == -1 else answer.announced
        if announced is not None:
            self.send_header("Content-Length", str(announced))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
            self.wfile.flush()
            self.close_connection = announced != len(answer.body)
            if answer.stalls:
                publisher.ended.wait()
