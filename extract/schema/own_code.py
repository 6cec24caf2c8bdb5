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
        code = _code(*place)
        if code is not None:
            found[f"{module}:{name}"] = _text(code)
            left += _used(code, module)
    return dict(sorted(found.items()))


def _code(module: str, name: str) -> ast.stmt | None:
    """Return the statement that binds a name in a module."""
    return _bound_in(module).get(name)


def _bound_in(module: str) -> Mapping[str, ast.stmt]:
    file = _file(module)
    return _read(file, file.stat().st_mtime_ns) if file else {}


@cache
def _read(file: Path, _changed_at: int) -> Mapping[str, ast.stmt]:
    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except (SyntaxError, ValueError):  # loading says so
        return {}
    return {name: statement for statement in _statements(tree) for name in _names_bound(statement)}


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those below its conditions among them."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While | ast.ExceptHandler):
            yield from _statements(node)
        elif isinstance(node, ast.stmt):
            yield node


def _names_bound(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in names)
        case ast.Assign(targets=targets):
            yield from (n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
            yield name


def _used(code: ast.stmt, module: str) -> Iterator[Place]:
    """Yield what a statement of a module may use: names of the module, and what its imports stand for."""
    if isinstance(code, ast.ImportFrom):
        origin = _origin(code, module)
        yield from ((origin, alias.name) for alias in code.names)
        return
    imported = {
        alias.asname or alias.name: alias.name
        for statement in _bound_in(module).values()
        if isinstance(statement, ast.Import)
        for alias in statement.names
    }
    for node in ast.walk(code):
        if isinstance(node, ast.Name):
            yield module, node.id
        elif isinstance(node, ast.Attribute):
            whole = ast.unparse(node.value)
            yield imported.get(whole, whole if "." in whole else f"{module}.{whole}"), node.attr


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
