"""The embedded S3: localbucket on a persistent folder. `python -m headwater.services.s3 FOLDER PORT`.

localbucket checks no keys and answers pages of every origin, so `s3_guard` checks every request first.
localbucket reads a whole bucket for each listing; here a listing reads only the folder of its prefix.
"""

from __future__ import annotations

import logging
import sys
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import localbucket
from botocore.credentials import Credentials

from headwater.services import s3_guard
from headwater.services.guard import end_with
from headwater.services.private_files import key_file_of
from headwater.services.processes import LOOPBACK

Page = tuple[
    list[tuple[str, Path]], list[str], bool, str
]  # keys, common prefixes, is more to come, last entry
LONGEST_UNREAD = 1 << 20  # bytes of a refused body to read, so that the client receives the answer


class S3Handler(localbucket.S3Handler):  # type: ignore[misc]
    """One connection.

    Refuses a request that is not signed with `key` before it processes it. Refuses a body that ends early, as
    S3 does; localbucket would store the partial body.
    """

    key: Credentials

    def parse_request(self) -> bool:
        return bool(super().parse_request()) and self._admit()

    def handle_expect_100(self) -> bool:
        return self._admit() and bool(super().handle_expect_100())

    def _admit(self) -> bool:
        """Return whether the request is allowed; answers a forbidden one."""
        refusal = s3_guard.refusal_of_browser(self.headers) or s3_guard.refusal_of_signature(
            self.key, self.command, self.path, self.headers
        )
        if refusal is None:
            return True
        if "Expect" not in self.headers:
            self.rfile.read(min(int(self.headers.get("Content-Length") or 0), LONGEST_UNREAD))
        del self.headers["Origin"]  # else localbucket would allow the page to read this
        self._send_error(localbucket.S3Error(HTTPStatus.FORBIDDEN, refusal.code, refusal.message))
        return False

    def _read_body(self) -> bytes:
        stream = self.rfile
        self.rfile: Any = _Whole(stream)
        try:
            body: bytes = super()._read_body()
        finally:
            self.rfile = stream
        return body

    def _list_entries(
        self,
        bucket_dir: Path,
        prefix: str,
        delimiter: str,
        marker: str,
        marker_is_prefix: bool,
        max_keys: int,
    ) -> Page:
        """Return one page of keys and common prefixes after the marker, as localbucket would for the whole bucket."""
        folder = prefix[: prefix.rfind("/") + 1]
        rest = _marker_within(folder, marker, marker_is_prefix)
        if rest is None or not _may_hold_keys(bucket_dir / folder, folder):
            return [], [], False, ""
        keys, common, truncated, last = super()._list_entries(
            bucket_dir / folder, prefix[len(folder) :], delimiter, rest, marker_is_prefix, max_keys
        )
        return (
            [(folder + key, path) for key, path in keys],
            [folder + each for each in common],
            truncated,
            last and last[:2] + folder + last[2:],  # `K:` or `P:` before the key or the common prefix
        )


def _marker_within(folder: str, marker: str, marker_is_prefix: bool) -> str | None:
    """Return the marker within the folder, empty if the whole folder follows it; None if nothing does."""
    if not marker:
        return ""
    if marker_is_prefix and folder.startswith(marker):
        return None
    if marker.startswith(folder):
        return marker[len(folder) :]
    return None if marker.encode() > folder.encode() else ""


def _may_hold_keys(path: Path, folder: str) -> bool:
    """Return whether the path is a folder that can contain keys: no key has an empty part, `.` or `..`."""
    parts = folder.split("/")[:-1]
    if not {"", ".", ".."}.isdisjoint(parts):
        return False
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that is too long for the file system, or contains a NUL
        return False


class _Whole:
    """A stream that returns exactly the requested number of bytes, or none."""

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
    """Serve `folder`, with one subfolder per bucket, until the process is stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    end_with(folder)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    S3Handler.data_root = folder.resolve()
    S3Handler.key = s3_guard.own_key(key_file_of(folder))
    S3Handler.disable_nagle_algorithm = True  # a small answer waits 40 ms otherwise
    ThreadingHTTPServer((LOOPBACK, port), S3Handler).serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
