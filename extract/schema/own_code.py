"""The code of a project's own functions, as a part of a definition: what it says, without comments and layout.

A function is read with all that it uses of its own package, by name: functions, classes, constants, and those of other
modules that it imports. Nothing is imported or run to read it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from headwater.metadata.errors import ExtensionUnusable
from headwater.metadata.static.callables import bound_names
from headwater.metadata.static.extensions import TRANSFORMS, find
from headwater.metadata.static.model import Source
from headwater.metadata.static.naming import PYTHON_SPEC

FRAMEWORK = "headwater"

Place = tuple[str, str]  # module, name


def transform_code(source: Source) -> dict[str, str]:
    """Return the code of a source's transform, piece by piece: `module:name` → code. The framework's is none."""
    spec = source.wrangle_function
    if not spec:
        return {}
    if not PYTHON_SPEC.fullmatch(spec):
        try:
            extension = find(TRANSFORMS, spec)
        except ExtensionUnusable:  # loading says so
            return {}
        spec = extension.value if extension else ""
    module, _, name = spec.partition(":")
    package = module.partition(".")[0]
    if package in ("", FRAMEWORK):
        return {}
    found: dict[str, str] = {}
    left: list[Place] = [(module, name)]
    while left:
        module, name = place = left.pop()
        if f"{module}:{name}" in found or module.partition(".")[0] != package:
            continue
        statement = _bound_in(module).get(name)
        if statement is not None:
            text, used = _piece(statement, *place)
            found[f"{module}:{name}"] = text
            left += used
    return dict(sorted(found.items()))


def _piece(statement: ast.stmt, module: str, name: str) -> tuple[str, list[Place]]:
    """Return what a statement says of a name that it binds, and what that may use."""
    if isinstance(statement, ast.ImportFrom | ast.Import):
        origin = _imported(statement, module, name)
        return ".".join(origin), [origin] if isinstance(statement, ast.ImportFrom) else []
    return _text(statement), list(_used(statement, module))


def _bound_in(module: str) -> Mapping[str, ast.stmt]:
    file = _file(module)
    return _read(file, file.stat().st_mtime_ns) if file else {}


@cache
def _read(file: Path, _changed_at: int) -> Mapping[str, ast.stmt]:
    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except (SyntaxError, ValueError):  # loading says so
        return {}
    return {name: statement for statement in _statements(tree) for name in bound_names([statement])}


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those below its conditions among them."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While | ast.ExceptHandler):
            yield from _statements(node)
        elif isinstance(node, ast.stmt):
            yield node


def _used(code: ast.stmt, module: str) -> Iterator[Place]:
    """Yield what a statement of a module may use: names of the module, and those of modules that it imports."""
    for node in ast.walk(code):
        if isinstance(node, ast.Name):
            yield module, node.id
        elif isinstance(node, ast.Attribute):
            base, _, rest = ast.unparse(node.value).partition(".")
            statement = _bound_in(module).get(base)
            if isinstance(statement, ast.ImportFrom | ast.Import):
                parts = [part for part in (*_imported(statement, module, base), rest) if part]
                yield ".".join(parts), node.attr


def _imported(statement: ast.ImportFrom | ast.Import, module: str, name: str) -> Place:
    """Return what a name stands for that an import binds: a name in a module, or a module in its package."""
    alias = next(one for one in statement.names if (one.asname or one.name.partition(".")[0]) == name)
    if isinstance(statement, ast.ImportFrom):
        return _origin(statement, module), alias.name
    package, _, rest = (alias.name if alias.asname else name).rpartition(".")
    return package, rest


def _origin(statement: ast.ImportFrom, module: str) -> str:
    """Return the module that `from … import` names; relative ones count from that of the statement."""
    if not statement.level:
        return statement.module or ""
    parts = module.split(".")
    file = _file(module)
    kept = parts[: len(parts) - statement.level + (file is not None and file.name == "__init__.py")]
    return ".".join([*kept, *([statement.module] if statement.module else [])])


def _text(code: ast.stmt) -> str:
    """Return code without comments, layout and docstrings."""
    bare = ast.parse(ast.unparse(code))
    for node in ast.walk(bare):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(bare)


def _file(module: str) -> Path | None:
    """Return the file of a module on Python's path."""
    places: list[str] | None = None
    found = None
    for part in module.split("."):
        found = PathFinder.find_spec(part, places)
        if found is None:
            return None
        places = list(found.submodule_search_locations or [])
    return Path(found.origin) if found and found.origin and found.origin.endswith(".py") else None
