"""The demo: real data of real publishers, fetched once and served as the publishers would serve it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from headwater.demo.databases import lay_out_databases
from headwater.demo.layout import lay_out
from headwater.demo.packages import PACKAGES, DemoError, fetch
from headwater.home import locked

__all__ = ["DemoError", "prepare"]


def prepare(home: Path, say: Callable[[str], None]) -> None:
    """Create the publisher's files in the working folder `home`, fetching missing ones.

    Reports progress line by line to `say`; reports nothing if all is present. Raises `DemoError`.
    """
    folder = home / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, "demo.lock"):
        fetch(folder / "packages", say)
        if lay_out_databases(folder / "packages", PACKAGES, folder / "databases"):
            say(f"laid out the database of prices in {folder / 'databases'}")
        if lay_out(folder / "packages", PACKAGES, folder / "site"):
            say(f"laid out the publishers' pages in {folder / 'site'}")
