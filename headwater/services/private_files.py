"""Files with a secret: created readable only by this user, and written atomically."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path`, which only this user can read; a reader sees the old text or the new one."""
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def key_file_of(folder: Path) -> Path:
    """Return the path of the key of the embedded S3 on `folder`, in the format of AWS' shared credentials."""
    return folder.with_name(f"{folder.name}.credentials")
