"""Modules that a library imports at its start although only a few of its functions use them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any


class _Late(ModuleType):
    """Stands for a module, and imports it when the first of its attributes is needed.

    `importlib.util.LazyLoader` would load it at once: a second `import` of its module asks for an attribute.
    """

    def __init__(self, name: str, spec: ModuleSpec) -> None:
        super().__init__(name)
        self.__spec__ = spec

    def __getattr__(self, name: str) -> Any:
        _remove(self)
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def imported_late(*names: str) -> Iterator[None]:
    """Put off the import of the named modules where the block imports them: until one of their attributes is used.

    Only who imports them in the block holds the stand-in; after it, an import is the usual one. Modules that are
    imported already, or not installed, are left alone.
    """
    late = [_Late(name, spec) for name in names if name not in sys.modules and (spec := _spec(name))]
    sys.modules.update({module.__name__: module for module in late})
    try:
        yield
    finally:
        for module in late:
            _remove(module)


def _spec(name: str) -> ModuleSpec | None:
    try:
        return find_spec(name)
    except ModuleNotFoundError:  # its package is not installed
        return None


def _remove(late: _Late) -> None:
    if sys.modules.get(late.__name__) is late:
        del sys.modules[late.__name__]
