"""Functions that the metadata names as `package.module:function`: is there one? Nothing of theirs is run to tell."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path


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
    file = found.origin if found else None
    if file is None or not file.endswith(".py"):
        return f"{module} is a folder without an __init__.py" if file is None else None
    return (
        None
        if _defines(Path(file), Path(file).stat().st_mtime_ns, function)
        else f"{module} has no {function}"
    )


def _found_otherwise(name: str) -> ModuleSpec | None:
    """A package that lies on no path, as one that is installed editable may: its installer has left a finder."""
    for finder in sys.meta_path:
        if found := finder.find_spec(name, None):
            return found
    return None


@cache
def _defines(file: Path, _changed_at: int, name: str) -> bool:
    """Return whether the module binds the name where it is imported.

    A module that cannot be parsed is left to its run.
    """
    try:
        names = set(bound_names(ast.parse(file.read_bytes(), str(file)).body))
    except (SyntaxError, ValueError):
        return True
    return name in names or bool({"*", "__getattr__"} & names)


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
