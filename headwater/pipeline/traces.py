"""Stack traces of unexpected errors: in a file of the working folder, for developers, and not on a screen."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from headwater.metadata.redaction import redact
from headwater.metadata.storable import storable

FILE = "logs/errors.log"
LARGEST = 16 << 20  # bytes; then the file is put aside, and the one before it goes


def keep_trace(home: Path, what: str, trace: str) -> bool:
    """Add a stack trace, as `trace_of` gives it; `what` says where it happened. False where it cannot be kept."""
    path = home / FILE
    entry = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {storable(redact(what))}\n{trace}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LARGEST:
            with suppress(FileNotFoundError):  # another process was faster
                path.replace(path.with_suffix(".log.1"))
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(entry)
    except OSError:
        return False
    return True
