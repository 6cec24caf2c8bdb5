"""Call a Python callable."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from headwater.metadata.errors import StepFailed
from headwater.metadata.failures import FAILURES, failure_of
from headwater.metadata.process.recorded_run import Report
from headwater.metadata.static.plan import Step


def call(step: Step, offered: Mapping[str, Callable[[], Any]], log: Report) -> None:
    """Call a step's callable with what its parameters name of what is `offered`: name → how to get it.

    Raises `StepFailed` where it cannot be found, or exits; what else it raises is its own.
    """
    name = step.python_callable or ""
    module, _, function = name.partition(":")
    try:
        callable_ = getattr(importlib.import_module(module), function)
    except FAILURES as error:  # a module may fail in any way while it is imported
        raise StepFailed(
            f"{step.name}: python_callable {name!r} cannot be used ({type(error).__name__}: {error}), expected"
            " package.module:function"
        ) from None
    wanted = inspect.signature(callable_).parameters
    try:
        message = callable_(**{name: get() for name, get in offered.items() if name in wanted})
    except SystemExit as error:
        raise StepFailed(f"{step.name}: {name}: {failure_of(error)}") from None
    log(
        "information",
        f"{step.name}: called {name}" + (f": {message}" if isinstance(message, str) else ""),
    )
