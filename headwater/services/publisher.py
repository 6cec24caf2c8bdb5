"""A publisher's web server for the demo, on loopback. `python -m headwater.services.publisher FOLDER PORT`.

It serves a folder as real publishers do: pages with links, ETag and Last-Modified from the file, HEAD,
conditional requests and Range, so that extractors meet realistic servers. The content of `api` comes in
pages.
"""

from __future__ import annotations

import json
import mimetypes
import re
import sys
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO, ClassVar
from urllib.parse import unquote, urlsplit

from headwater.services import paged_api
from headwater.services.guard import end_with
from headwater.services.processes import LOOPBACK

CHUNK_BYTES = 1 << 20


class Publisher(BaseHTTPRequestHandler):
    """One request. `folder` is the published folder; requests cannot reach files outside of it."""

    folder: ClassVar[Path]
    disable_nagle_algorithm = True  # a small answer waits 40 ms otherwise
    protocol_version = "HTTP/1.1"
    server_version = "DemoPublisher"

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the log would only grow."""

    def _answer(self, *, with_body: bool) -> None:
        path = self._asked()
        if path is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        if path.suffix == ".json" and path.parent == self.folder.resolve() / "api":
            self._answer_as_api(path, with_body=with_body)
            return
        with path.open("rb") as file:
            size = path.stat().st_size
            changed = int(path.stat().st_mtime)
            etag = f'"{changed:x}-{size:x}"'
            facts = {
                "ETag": etag,
                "Last-Modified": formatdate(changed, usegmt=True),
                "Accept-Ranges": "bytes",
            }
            if self._knows_it(etag, changed):
                self._head(HTTPStatus.NOT_MODIFIED, {**facts, "Content-Length": "0"})
                return
            facts["Content-Type"] = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            span = self._span(size, etag)
            if span is None:
                self._head(HTTPStatus.OK, {**facts, "Content-Length": str(size)})
                first, last = 0, size - 1
            elif span[0] >= size:
                self._head(
                    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
                    {"Content-Range": f"bytes */{size}", "Content-Length": "0"},
                )
                return
            else:
                first, last = span
                length = {
                    "Content-Range": f"bytes {first}-{last}/{size}",
                    "Content-Length": str(last - first + 1),
                }
                self._head(HTTPStatus.PARTIAL_CONTENT, {**facts, **length})
            if with_body:
                self._send(file, first, last)

    def _answer_as_api(self, path: Path, *, with_body: bool) -> None:
        try:
            status, body = HTTPStatus.OK, paged_api.answer(path, urlsplit(self.path).query)
        except paged_api.NotUnderstood as error:
            status, body = HTTPStatus.BAD_REQUEST, json.dumps({"message": str(error)}).encode()
        self._head(status, {"Content-Type": "application/json", "Content-Length": str(len(body))})
        if with_body:
            self.wfile.write(body)

    def _asked(self) -> Path | None:
        """Return the requested file, for a folder its index page; None if there is none."""
        wanted = unquote(urlsplit(self.path).path).lstrip("/")
        if wanted.startswith(paged_api.PREFIX):
            wanted += ".json"
        root = self.folder.resolve()
        path = (root / wanted).resolve()
        if not path.is_relative_to(root):
            return None
        if path.is_dir():
            path = path / "index.html"
        return path if path.is_file() else None

    def _knows_it(self, etag: str, changed: int) -> bool:
        known = self.headers.get("If-None-Match")
        if known is not None:
            return known.strip() == "*" or etag in [
                tag.strip().removeprefix("W/") for tag in known.split(",")
            ]
        since = self.headers.get("If-Modified-Since")
        try:
            return since is not None and changed <= parsedate_to_datetime(since).timestamp()
        except ValueError:
            return False

    def _span(self, size: int, etag: str) -> tuple[int, int] | None:
        """Return the first and last byte of the requested Range; None for the whole file."""
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", "").strip())
        if asked is None or asked[0] == "bytes=-" or self.headers.get("If-Range", etag) != etag:
            return None
        if not asked[1]:
            return max(size - int(asked[2]), 0), size - 1
        first, last = int(asked[1]), int(asked[2] or size)
        return (first, min(last, size - 1)) if last >= first or first >= size else None

    def _head(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, file: BinaryIO, first: int, last: int) -> None:
        file.seek(first)
        left = last - first + 1
        try:
            while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
                self.wfile.write(chunk)
                left -= len(chunk)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


def serve(folder: Path, port: int) -> None:
    """Publish `folder` until the process is stopped."""
    end_with(folder)
    Publisher.folder = folder
    server = ThreadingHTTPServer((LOOPBACK, port), Publisher)
    server.serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
