"""Functions that the metadata names as `package.module:function`: is there one? Nothing of theirs is run to tell."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

PYTHON = ".".join(map(str, sys.version_info[:2]))


def lacks(spec: str, root: Path | None = None) -> str | None:
    """Return what is missing of `package.module:function`, None when it is there or only running it could tell.

    Modules are looked for as Python does, then in the project's folder `root`, which running jobs have on their path.
    """
    module, _, function = spec.partition(":")
    places: list[str] | None = [*sys.path, *([str(root)] if root else [])]
    found = None
    for depth, part in enumerate(names := module.split("."), start=1):
        found = PathFinder.find_spec(part, places) or (_found_otherwise(part) if depth == 1 else None)
        if found is None:
            return f"there is no module {'.'.join(names[:depth])}"
        places = list(found.submodule_search_locations or [])
        if fault := _fault_of(found):
            return f"{'.'.join(names[:depth])} is not Python {PYTHON}: {fault}"
    file = found.origin if found else None
    if file is None or not file.endswith(".py"):
        return f"{module} is a folder without an __init__.py" if file is None else None
    return (
        None
        if function in (bound := _read(file)) or {"*", "__getattr__"} & bound
        else f"{module} has no {function}"
    )


def _found_otherwise(name: str) -> ModuleSpec | None:
    """A package that lies on no path, as one that is installed editable may: its installer has left a finder."""
    for finder in sys.meta_path:
        if found := finder.find_spec(name, None):
            return found
    return None


def _fault_of(found: ModuleSpec) -> str | None:
    """Return where the file of a module cannot be parsed, and why; None for one that can, or is no Python source."""
    if found.origin is None or not found.origin.endswith(".py"):
        return None
    try:
        _read(found.origin)
    except SyntaxError as error:
        return f"line {error.lineno}, {error.msg}" if error.lineno else error.msg
    except ValueError as error:
        return str(error)
    return None


def _read(file: str) -> frozenset[str]:
    """Return the names that a module binds where it is imported. Raises `SyntaxError` or `ValueError`."""
    return _names_in(file, Path(file).stat().st_mtime_ns)


@cache
def _names_in(file: str, _changed_at: int) -> frozenset[str]:
    return frozenset(bound_names(ast.parse(Path(file).read_bytes(), file).body))


def bound_names(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Yield the names that statements of a module bind, those below conditions among them."""
    for statement in body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from ((alias.asname or alias.name).partition(".")[0] for alias in names)
            case ast.Assign(targets=targets):
                yield from _named(targets)
            case ast.AnnAssign(target=target):
                yield from _named([target])
            case ast.If() | ast.Try() | ast.With() | ast.For() | ast.While():
                parts = (getattr(statement, part, []) for part in ("body", "orelse", "finalbody"))
                yield from (name for part in parts for name in bound_names(part))
                for handler in getattr(statement, "handlers", []):
                    yield from bound_names(handler.body)


def _named(targets: Iterable[ast.expr]) -> Iterator[str]:
    for target in targets:
        yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
