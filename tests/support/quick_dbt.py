"""dbt in one process after the other run, as tests have it, without what it does again each time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.dbt_project.project_subset import project_subset

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

    from headwater.dbt_project.dbt import Dbt

MOST = 20  # projects that are remembered
# libpq's, without the options, which name the run: a node of the manifest knows its database
WHERE = ("PGHOST", "PGPORT", "PGDATABASE", "PGUSER")


def quicken_dbt(setattr_: Callable[[Any, str, Any], None]) -> None:
    """Have dbt know who it is, and read a project whose files are as they were no second time."""
    import dbt_common.behavior_flags as flags

    from headwater.dbt_project.dbt import Dbt

    # it asks the whole stack of calls, 15 times a call; below pytest that takes half a second
    setattr_(flags.BehaviorFlagRendered, "_default_source", staticmethod(lambda: "dbt"))
    setattr_(Dbt, "manifest", _remembering(Dbt.manifest))


def _remembering(read: Callable[[Dbt], Manifest]) -> Callable[[Dbt], Manifest]:
    known: dict[object, tuple[bool, Manifest]] = {}

    def manifest(dbt: Dbt) -> Manifest:
        if dbt._manifest is None:
            sources = None if dbt._sources is None else tuple(sorted(dbt._sources))
            key = (dbt._root, sources, _stamps(dbt._root), *map(os.environ.get, WHERE))
            if key in known:
                is_whole, as_it_was = known[key]
                dbt._place = dbt._root if is_whole else project_subset(dbt._root, dbt._home, sources or ())
                dbt._manifest = as_it_was.deepcopy()  # running it changes it
            else:
                if len(known) == MOST:
                    known.clear()
                as_it_is = read(dbt).deepcopy()
                known[key] = dbt._place == dbt._root, as_it_is
        return read(dbt)

    return manifest


def _stamps(root: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what tells whether any file of a project was changed."""
    found = []
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = [name for name in folders if name not in ("target", "logs", ".venv", ".git", "tests")]
        for name in names:
            stat = (Path(folder) / name).stat()
            found.append((f"{folder}/{name}", stat.st_mtime_ns, stat.st_size))
    return tuple(sorted(found))
