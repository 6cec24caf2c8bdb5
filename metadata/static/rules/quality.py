"""Rules of `source.quality_checks`: JSON that names expectations and columns of the source.

Great Expectations takes seconds to import, so its expectations are known by the names of its modules.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Mapping, Set
from functools import lru_cache
from pathlib import Path
from typing import Any

from headwater.metadata.static.naming import nearest, one_of

SEVERITIES = ("critical", "warning")
_COLUMN_MEMBERS = ("column", "column_A", "column_B", "column_list")
_SHAPE = 'a list such as [{"expect": "expect_column_values_to_not_be_null", "column": "name"}]'

Wrong = tuple[str, str]


@lru_cache(maxsize=1)
def known_expectations() -> frozenset[str]:
    """The names of the expectations of the installed Great Expectations; empty when there is none."""
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
    known = known_expectations()
    if known and expect not in known:
        near = nearest(expect, known)
        expected = near or "a name that Great Expectations knows, expect_…"
        yield f'names the expectation "{expect}", which is not known', expected
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


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
