"""Extensions: source types, transforms and checks by their names, those of Headwater and of installed packages.

A package adds one by an entry point in its `pyproject.toml`, whose value is `package.module:name`:

    headwater.sources       a `SourceType`, by the name that data_source_type has in the seeds
    headwater.transforms    a function, by the name that wrangle_function has
    headwater.checks        a class of an expectation, by the name that `expectation` has in quality_check

Entry points are read once in a process. None of them is imported before it is needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from headwater.metadata.errors import FAILURES, ExtensionUnusable
from headwater.metadata.static.naming import PYTHON_SPEC
from headwater.metadata.visible import shortened

SOURCES, TRANSFORMS, CHECKS = "headwater.sources", "headwater.transforms", "headwater.checks"
OURS = "Headwater"  # the package of what is built in
WHAT = {SOURCES: "source type", TRANSFORMS: "transform", CHECKS: "check"}
BUILT_IN: Mapping[str, Mapping[str, str]] = {
    SOURCES: {
        "http_files": "headwater.extract.sources.types.http_files:SOURCE_TYPE",
        "rest_api": "headwater.extract.sources.types.rest_api:SOURCE_TYPE",
        "rdbms": "headwater.extract.sources.types.rdbms:SOURCE_TYPE",
        "object_store": "headwater.extract.sources.types.object_store:SOURCE_TYPE",
        "kafka": "headwater.extract.sources.types.kafka:SOURCE_TYPE",
        "local_files": "headwater.extract.sources.types.local_files:SOURCE_TYPE",
    },
    TRANSFORMS: {"unpivot": "headwater.extract.raw.transforms:unpivot"},
    CHECKS: {  # those of Great Expectations go by its own names
        "freshness": "headwater.checks.own_expectations:ExpectNewestValueToBeFresh",
        "referential": "headwater.checks.own_expectations:ExpectColumnValuesToBeInHistory",
    },
}

Wrong = tuple[str, str]


@dataclass(frozen=True)
class Extension:
    """One name of a group, what it stands for, and the package that says so."""

    group: str
    name: str
    value: str  # package.module:name
    package: str  # with its version

    def __str__(self) -> str:
        return f'{WHAT[self.group]} "{self.name}" of {self.package}'

    def load(self) -> Any:
        """Import what it stands for. Raises `ExtensionUnusable`, whatever goes wrong."""
        module, _, name = self.value.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except FAILURES as error:  # a module may fail in any way while it is imported
            what = f"{type(error).__name__}: {shortened(str(error), 200)}"
            message = f"the {self} cannot be imported: {self.value} raises {what}"
            raise ExtensionUnusable(message, *_installed_well(self)) from None


@cache
def _points() -> Mapping[str, Sequence[EntryPoint]]:
    """The entry points of our groups, of all packages: their files are read once, not once for each group."""
    every = entry_points()

    def place(point: EntryPoint) -> tuple[str, str]:
        return point.name, point.dist.name if point.dist else ""

    return {group: sorted(every.select(group=group), key=place) for group in BUILT_IN}


@cache
def _found(group: str) -> Mapping[str, tuple[Extension, ...]]:
    """All that go by each name, the built-in ones first."""
    found: dict[str, tuple[Extension, ...]] = {
        name: (Extension(group, name, value, OURS),) for name, value in BUILT_IN[group].items()
    }
    for point in _points().get(group, ()):
        package = f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"
        extension = Extension(group, point.name, point.value.partition("[")[0].replace(" ", ""), package)
        found[point.name] = (*found.get(point.name, ()), extension)
    return found


def look_again() -> None:
    """Forget which packages are installed, for a process in which that changes."""
    for remembered in (_points, _found):
        remembered.cache_clear()


def names(group: str) -> tuple[str, ...]:
    """The names of a group, the built-in ones first; with those that cannot be used."""
    return tuple(_found(group))


def find(group: str, name: str) -> Extension | None:
    """Return what goes by a name, None when nothing does. Raises `ExtensionUnusable` when it is not clear what."""
    found = _found(group).get(name, ())
    if len(found) > 1:
        packages = " and ".join(extension.package for extension in found)
        message = f'the {WHAT[group]} "{name}" is brought by {packages}'
        raise ExtensionUnusable(
            message, "one of these packages: uninstall the other, or have it choose another name"
        )
    if found and not PYTHON_SPEC.fullmatch(found[0].value):
        raise ExtensionUnusable(
            f"the {found[0]} is {found[0].value!r}", "package.module:name in its entry point"
        )
    return found[0] if found else None


def problem(group: str, name: str) -> Wrong | None:
    """Return why what goes by a name cannot be used, as far as can be told without importing it."""
    try:
        find(group, name)
    except ExtensionUnusable as unusable:
        return unusable.wrong, unusable.expected
    return None


def _installed_well(extension: Extension) -> tuple[str]:
    if extension.package == OURS:
        return ("an installation of Headwater that is whole",)
    return (
        f"a version of {extension.package.partition(' ')[0]} that fits this Headwater and its Python, or none",
    )
