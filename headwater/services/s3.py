"""The embedded S3: localbucket on a persistent folder. `python -m headwater.services.s3 FOLDER PORT`.

It checks no keys; the ones that clients are told are there because clients insist on some.
"""

from __future__ import annotations

import logging
import sys
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import localbucket

from headwater.services.guard import end_with
from headwater.services.processes import LOOPBACK


class S3Handler(localbucket.S3Handler):  # type: ignore[misc]
    """One connection. A body that ends early is refused, as S3 does; localbucket would store what came of it."""

    def _read_body(self) -> bytes:
        stream = self.rfile
        self.rfile: Any = _Whole(stream)
        try:
            body: bytes = super()._read_body()
        finally:
            self.rfile = stream
        return body


class _Whole:
    """A stream that gives as many bytes as it is asked for, or none."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.readline = stream.readline

    def read(self, size: int) -> bytes:
        body: bytes = self._stream.read(size)
        if len(body) < size:
            raise localbucket.S3Error(
                HTTPStatus.BAD_REQUEST, "IncompleteBody", f"{len(body)} bytes came, {size} were announced."
            )
        return body


def serve(folder: Path, port: int) -> None:
    """Serve `folder`, one folder in it a bucket, until the process is stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    end_with(folder)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    S3Handler.data_root = folder.resolve()
    S3Handler.disable_nagle_algorithm = True  # a small answer waits 40 ms otherwise
    ThreadingHTTPServer((LOOPBACK, port), S3Handler).serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
