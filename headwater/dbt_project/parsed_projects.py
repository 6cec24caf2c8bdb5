"""Parsed projects, remembered by this process: a project whose files did not change is read once, unless it is large.

dbt asks whoever runs it for a manifest and changes its nodes while it runs, so each asker gets a copy of them. What dbt
only reads, such as the macros, which are most of a manifest, all askers share.
"""

from __future__ import annotations

import dataclasses
import os
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

MOST = 16  # projects and subsets; one of ten sources takes some 10 MB
LARGEST = 500  # nodes, such as models and tests: what has more is not worth the memory of a copy
# folders of a project that dbt reads nothing from; so are hidden ones
NO_INPUT = {"target", "logs", "__pycache__"}
READ_ONLY = ("macros", "docs", "files", "metadata", "state_check")  # of a manifest
ENV_VAR = re.compile(r"""env_var\(\s*['"](\w+)""")

Subset = frozenset[str] | None
Stamps = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True)
class Parsed:
    """A manifest, and whether it is that of the whole project, which dbt reads where a subset does not suffice."""

    manifest: Manifest
    is_whole: bool


class _Kept:
    """A parsed project from which copies are made. Pickle copies nodes in a tenth of the time that dbt takes."""

    def __init__(self, parsed: Parsed) -> None:
        self._is_whole, self._made_by = parsed.is_whole, type(parsed.manifest)
        names = [
            field.name for field in dataclasses.fields(parsed.manifest) if not field.name.startswith("_")
        ]
        parts = {name: getattr(parsed.manifest, name) for name in names}
        self._read_only = {name: part for name, part in parts.items() if name in READ_ONLY}
        self._pickled = pickle.dumps({name: part for name, part in parts.items() if name not in READ_ONLY})

    def copy(self) -> Parsed:
        shared = {
            name: copy(part) for name, part in self._read_only.items()
        }  # what it holds, dbt does not change
        return Parsed(self._made_by(**pickle.loads(self._pickled), **shared), self._is_whole)


@dataclass(frozen=True)
class _Entry:
    stamps: Stamps
    environment: Mapping[str, str | None]
    kept: _Kept

    def is_fresh(self, stamps: Stamps) -> bool:
        return self.stamps == stamps and all(
            os.environ.get(name) == value for name, value in self.environment.items()
        )


class ParsedProjects:
    """The latest parsed projects and subsets of projects, `most` at most; threads may share it."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._entries: OrderedDict[tuple[Path, Subset], _Entry] = OrderedDict()
        self._lock = Lock()

    def get(self, root: Path, sources: Collection[str] | None, read: Callable[[], Parsed]) -> Parsed:
        """Return a copy of what the project in `root`, or its subset of `sources`, was parsed to.

        `read` parses it: where it is not known, or where a file, or a variable of the environment that its files name,
        has changed since.
        """
        key = root, None if sources is None else frozenset(sources)
        stamps = tuple(_stamps(root))  # before it is read: a change meanwhile makes it stale
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
        if entry is None or not entry.is_fresh(stamps):
            parsed = read()
            if len(parsed.manifest.nodes) > LARGEST:
                return parsed
            names = _variables(root) | parsed.manifest.env_vars.keys()
            entry = _Entry(stamps, {name: os.environ.get(name) for name in names}, _Kept(parsed))
            with self._lock:
                self._entries[key] = entry
                self._entries.move_to_end(key)
                while len(self._entries) > self._most:
                    self._entries.popitem(last=False)
            return parsed
        return entry.kept.copy()


def _variables(root: Path) -> set[str]:
    """Return the variables that the settings of the project and its connection name; a manifest knows the others."""
    files = [root / "dbt_project.yml", *(root / "profiles").glob("*.yml")]
    return {
        name for path in files if path.is_file() for name in ENV_VAR.findall(path.read_text(encoding="utf-8"))
    }


def _stamps(root: Path) -> Iterator[tuple[str, int, int, int]]:
    """Yield what tells whether a file of the project was changed, packages that are links included."""
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if name not in NO_INPUT and not name.startswith("."))
        for name in sorted(names):
            try:
                stat = Path(folder, name).stat()
            except FileNotFoundError:  # a link to nothing, or a file that has just gone
                continue
            yield f"{folder}/{name}", stat.st_ino, stat.st_mtime_ns, stat.st_size
