"""Those who are told of alerts and metrics, on loopback: a webhook, a mail server, a statsd."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Received:
    """The messages that came in, and the port at which they come."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.port = 0

    def naming(self, *parts: str, at_least: int, patience_s: float = 30) -> list[Any]:
        """The messages that have one of these in them, once so many came, or however many came by then."""
        deadline = time.monotonic() + patience_s
        while True:
            found = [message for message in self.messages if any(part in message for part in parts)]
            if len(found) >= at_least or time.monotonic() > deadline:
                return found
            time.sleep(0.01)


@contextmanager
def webhook(status: int = 200) -> Iterator[Received]:
    """A server that takes JSON by POST and answers with `status`."""
    payload = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload.headers.append(dict(self.headers))
            payload.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    yield from _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler), payload)


@contextmanager
def mail_server() -> Iterator[Received]:
    """A server that speaks as much SMTP as a message takes."""
    payload = Received()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = iter(self.rfile.readline, b".\r\n")
                    payload.messages.append(b"".join(lines).decode())
                self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 well\r\n")
                if verb == b"QUIT":
                    return

    yield from _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler), payload)


@contextmanager
def statsd() -> Iterator[Received]:
    """A server that takes lines of statsd in datagrams."""
    payload = Received()

    class Handler(socketserver.DatagramRequestHandler):
        def handle(self) -> None:
            payload.messages.extend(self.rfile.read().decode().splitlines())

    yield from _serving(socketserver.UDPServer(("127.0.0.1", 0), Handler), payload)


def _serving(
    server: socketserver.TCPServer,
    payload: Received,  # a UDPServer is one, too
) -> Iterator[Received]:
    _, payload.port = server.socket.getsockname()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield payload
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
