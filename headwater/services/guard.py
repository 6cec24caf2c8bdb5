"""Ends a server when its folder is deleted, because nobody could find the server again."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

EVERY_S = 1.0


def end_with(folder: Path, every_s: float = EVERY_S, before: Callable[[], None] = lambda: None) -> None:
    """End this process soon after `folder` was deleted or replaced; first call `before`."""
    first = _identity(folder)

    def watch() -> None:
        while _identity(folder) == first:
            time.sleep(every_s)
        before()
        os._exit(0)

    threading.Thread(target=watch, daemon=True, name=f"guard of {folder}").start()


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
