"""dbt in tests, without what the tests alone make slow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def quicken_dbt(setattr_: Callable[[Any, str, Any], None]) -> None:
    """Have dbt know who asks for its settings: it asks the whole stack of calls, 15 times a call.

    Below pytest that takes half a second.
    """
    import dbt_common.behavior_flags as flags

    setattr_(flags.BehaviorFlagRendered, "_default_source", staticmethod(lambda: "dbt"))
