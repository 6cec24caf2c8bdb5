"""dbt in tests, without what the tests alone make slow."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

# what dbt's state of a project depends on, beside its files: the connection
CONNECTION = ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "HEADWATER_THREADS")


def quicken_dbt(setattr_: Callable[[Any, str, Any], None]) -> None:
    """Have dbt know who asks for its settings, and keep the texts that it has parsed.

    It asks the whole stack of calls for the former, 15 times a call. Below pytest that takes half a second. The latter
    is dbt's own way to quicken tests.
    """
    import dbt_common.behavior_flags as flags
    from dbt_common.tests import enable_test_caching

    enable_test_caching()
    setattr_(flags.BehaviorFlagRendered, "_default_source", staticmethod(lambda: "dbt"))


def share_parsing_state(
    setattr_: Callable[[Any, str, Any], None], make_project: Callable[[Path], Path], folder: Path
) -> None:
    """Have dbt begin with a state of this process in each working folder that has none.

    It knows the macros and the seeds of the project that `make_project` makes. They are most of what dbt parses, and
    much the same in all projects of tests. Each test has a working folder of its own.
    """
    from headwater.dbt_project import parsing_state

    of_home = parsing_state.known_state
    made: dict[tuple[str | None, ...], Path | None] = {}

    def known_state(home: Path) -> Path | None:
        if (known := of_home(home)) is not None:
            return known
        connection = tuple(os.environ.get(name) for name in CONNECTION)
        if connection not in made:
            made[connection] = None  # for the project that is now parsed
            made[connection] = _state_of_shared_files(make_project(folder / f"project-{len(made)}"))
        return made[connection]

    setattr_(parsing_state, "known_state", known_state)


def _state_of_shared_files(root: Path) -> Path:
    """Return the file in which dbt keeps what it remembers of a project without its sources."""
    from headwater.dbt_project.dbt import Dbt
    from headwater.dbt_project.parsing_state import STATE

    home = root / ".headwater"
    home.mkdir()
    Dbt(root, home, "state", sources=()).manifest()
    return home / "dbt" / "_seeds" / STATE
