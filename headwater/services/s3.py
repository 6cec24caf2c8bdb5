"""The embedded S3: localbucket on a persistent folder. `python -m headwater.services.s3 FOLDER PORT`.

It checks no keys; the ones that clients are told are there because clients insist on some.
"""

from __future__ import annotations

import logging
import sys
from http.server import ThreadingHTTPServer
from pathlib import Path

from headwater.services.guard import end_with
from headwater.services.processes import LOOPBACK


def serve(folder: Path, port: int) -> None:
    """Serve `folder`, one folder in it a bucket, until the process is stopped."""
    from localbucket import S3Handler

    folder.mkdir(parents=True, exist_ok=True)
    end_with(folder)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    S3Handler.data_root = folder.resolve()
    S3Handler.disable_nagle_algorithm = True  # a small answer waits 40 ms otherwise
    ThreadingHTTPServer((LOOPBACK, port), S3Handler).serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
