"""Rules of `source.quality_checks`: JSON that names expectations and columns of the source.

Great Expectations takes seconds to import, so its expectations are known by the names of its modules, and those of
installed packages by their entry points.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Mapping, Set
from functools import lru_cache
from pathlib import Path
from typing import Any

from headwater.metadata.static import extensions
from headwater.metadata.static.callables import lacks
from headwater.metadata.static.naming import nearest, one_of

SEVERITIES = ("critical", "warning")
_COLUMN_MEMBERS = ("column", "column_A", "column_B", "column_list")
_SHAPE = 'a list such as [{"expect": "expect_column_values_to_not_be_null", "column": "name"}]'

Wrong = tuple[str, str]


@lru_cache(maxsize=1)
def known_expectations() -> frozenset[str]:
    """The names of the expectations of Great Expectations; empty when it is not installed."""
    package = importlib.util.find_spec("great_expectations")
    if package is None or package.origin is None:
        return frozenset()
    core = Path(package.origin).parent / "expectations" / "core"
    return frozenset(path.stem for path in core.glob("expect_*.py"))


def quality_problems(cell: str, target_names: Set[str]) -> Iterator[Wrong]:
    """Yield what is wrong with the quality checks of a source that has the columns `target_names`."""
    try:
        checks = json.loads(cell or "[]")
    except ValueError:
        return  # said already, as of any cell that is to be JSON
    if not isinstance(checks, list) or not all(isinstance(check, dict) for check in checks):
        yield "is not a list of checks", _SHAPE
        return
    seen: list[dict[str, Any]] = []
    for number, check in enumerate(checks, start=1):
        for message, expected in _check_problems(check, target_names):
            yield f"check {number} {message}", expected
        if check in seen:
            yield f"check {number} says the same as check {seen.index(check) + 1}", "each check once"
        seen.append(check)


def _check_problems(check: Mapping[str, Any], target_names: Set[str]) -> Iterator[Wrong]:
    expect = check.get("expect")
    if not isinstance(expect, str):
        yield 'has no "expect"', "the name of an expectation such as expect_column_values_to_be_between"
        return
    if wrong := _expectation_problem(expect):
        yield wrong
    severity = check.get("severity", "critical")
    if severity not in SEVERITIES:
        yield f'has the severity "{severity}"', one_of(SEVERITIES, str(severity))
    if (
        expect.startswith("expect_column_")
        and not expect.startswith("expect_column_pair_")
        and "column" not in check
    ):
        yield 'has no "column"', f"one of the target names {', '.join(sorted(target_names))}"
    for member in _COLUMN_MEMBERS:
        for column in _as_list(check.get(member)):
            if column not in target_names:
                yield (
                    f'names the column "{column}", which the source has not',
                    one_of(sorted(target_names), str(column)),
                )
    least, greatest = check.get("min_value"), check.get("max_value")
    if isinstance(least, int | float) and isinstance(greatest, int | float) and least > greatest:
        yield f"has a min_value {least} above its max_value {greatest}", "min_value ≤ max_value"


def _expectation_problem(expect: str) -> Wrong | None:
    known, added = known_expectations(), extensions.names(extensions.CHECKS)
    if expect in added:
        return _extension_problem(expect, is_known=expect in known)
    if not known or expect in known:
        return None
    near = nearest(expect, {*known, *added})
    expected = near or "a name that Great Expectations knows, expect_…, or a check of an installed package"
    return f'names the expectation "{expect}", which is not known', expected


def _extension_problem(expect: str, *, is_known: bool) -> Wrong | None:
    """Return why the check of a package cannot be used, as far as can be told without importing it."""
    if wrong := extensions.problem(extensions.CHECKS, expect):
        return f"cannot be used: {wrong[0]}", wrong[1]
    extension = extensions.find(extensions.CHECKS, expect)
    assert extension is not None
    if is_known:
        return f"cannot be used: the {extension} has the name of one of Great Expectations", "another name"
    if missing := lacks(extension.value):
        return f"cannot be used: of the {extension}, {missing}", "package.module:class in its entry point"
    return None


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
