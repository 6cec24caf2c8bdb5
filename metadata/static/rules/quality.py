"""Rules of quality_check: is the expectation known, are its columns the source's, can its parameters be read?

Great Expectations takes seconds to import, so its expectations are known by the names of its modules, and those of
installed packages by their entry points.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from headwater.metadata.static import extensions
from headwater.metadata.static.callables import lacks
from headwater.metadata.static.cell_types import json_problem
from headwater.metadata.static.check_parameters import ParametersError, parse_parameters
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.naming import SAFE_NAME, names_in, nearest, one_of
from headwater.metadata.static.options import OptionKind
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.quality_rows import FORMER, check_of, members_of
from headwater.metadata.static.rows import Row
from headwater.metadata.static.rules.options import value_problem
from headwater.metadata.static.short_forms import SHORT_FORMS, parameters_problem

SEVERITIES = ("critical", "warning")
_COLUMN_PARAMETERS = ("column_A", "column_B", "column_list")
_SHAPE = (
    'a list such as [{"expect": "expect_column_values_to_not_be_null", "column": "name"}], '
    "or rows of quality_check.csv"
)

Wrong = tuple[str, str]
Located = tuple[str, str, str]  # column, what is wrong, what was expected


@lru_cache(maxsize=1)
def known_expectations() -> frozenset[str]:
    """The names of the expectations of Great Expectations; empty when it is not installed."""
    package = importlib.util.find_spec("great_expectations")
    if package is None or package.origin is None:
        return frozenset()
    core = Path(package.origin).parent / "expectations" / "core"
    return frozenset(path.stem for path in core.glob("expect_*.py"))


def check_quality(seeds: Seeds, problems: Problems) -> None:
    """Every row of quality_check, and what a former column of source holds that is no list of checks."""
    for row in seeds.rows["source"]:
        cell = row[FORMER]  # text that is no JSON is told of as a cell
        if cell and json_problem(cell) is None and members_of(cell) is None:
            problems.add("source", row, FORMER, "is not a list of checks", _SHAPE)
    columns: dict[str, set[str]] = {}
    for row in seeds.rows["attribute"]:
        columns.setdefault(row.text("source"), set()).add(row.text("target_name"))
    for row in seeds.rows["quality_check"]:  # a model may have added what is no attribute
        named = {*names_in(row["column_name"]), *re.findall(r"\w+", row.text("parameters"))}
        known = columns.setdefault(row.text("source"), set())
        if not {*names_in(row["column_name"])} <= known:
            known |= named & columns_of_models(seeds.folder.parent, row.text("source"))
    first: dict[str, list[tuple[Any, Row]]] = {}
    for row in seeds.rows["quality_check"]:
        found = list(_problems(row, columns, seeds))
        for problem in found:
            problems.add("quality_check", row, *problem)
        if not found:
            _check_once(row, first.setdefault(row.text("source"), []), problems)


def columns_of_models(project: Path, source: str) -> set[str]:
    """Return the words of a source's historical model, among them the columns that its models add."""
    models = project.glob(f"models/historical/**/hist_{source}.sql") if SAFE_NAME.fullmatch(source) else ()
    return {
        word
        for path in models
        for word in re.findall(r"\w+", path.read_text(encoding="utf-8", errors="replace"))
    }


def _check_once(row: Row, seen: list[tuple[Any, Row]], problems: Problems) -> None:
    check = check_of(row)
    other = next((before for known, before in seen if known == check), None)
    if other is not None and other.cells != row.cells:  # the same cells are told of as the key of the table
        where = other.origin.name if other.origin else f"line {other.line}"
        problems.add("quality_check", row, "expectation", f"says the same as {where}", "each check once")
    seen.append((check, row))


def _problems(row: Row, columns: Mapping[str, set[str]], seeds: Seeds) -> Iterator[Located]:
    expectation = row.text("expectation")
    if row.origin:
        yield from _former_problems(row)
    if not expectation:
        return  # a blank cell is told of as such
    if wrong := _expectation_problem(expectation):
        yield "expectation", *wrong
        return
    try:
        parameters = parse_parameters(row.text("parameters"))
    except ParametersError as invalid:
        yield "parameters", invalid.wrong, invalid.expected
        return
    yield from _parameter_problems(expectation, parameters)
    if "attribute" not in seeds.unreadable and seeds.find("source", row["source"]):
        own_columns = columns.get(row.text("source"), set())
        yield from _column_problems(row, parameters, own_columns)
        if expectation == "referential":
            yield from _reference_problems(row, parameters, columns, seeds)


def _former_problems(row: Row) -> Iterator[Located]:
    """Yield what the cells of a row would be told for, of a check that a former column of source holds."""
    if row["expectation"] is None:
        yield (
            "expectation",
            'has no "expect"',
            "the name of an expectation such as expect_column_values_to_be_between",
        )
    if row["severity"] not in (None, *SEVERITIES):
        yield "severity", f'has the severity "{row["severity"]}"', one_of(SEVERITIES, row.text("severity"))


def _expectation_problem(expectation: str) -> Wrong | None:
    known, added = known_expectations(), extensions.names(extensions.CHECKS)
    if expectation in SHORT_FORMS:
        return None
    if expectation in added:
        return _extension_problem(expectation, is_known=expectation in known)
    if not known or expectation in known:
        return None
    near = nearest(expectation, {*known, *added, *SHORT_FORMS})
    others = "a name that Great Expectations knows, expect_…, or a check of an installed package"
    expected = near or f"one of {', '.join(SHORT_FORMS)}, {others}"
    return f'names the expectation "{expectation}", which is not known', expected


def _extension_problem(expectation: str, *, is_known: bool) -> Wrong | None:
    """Return why the check of a package cannot be used, as far as can be told without importing it."""
    if wrong := extensions.problem(extensions.CHECKS, expectation):
        return f"cannot be used: {wrong[0]}", wrong[1]
    extension = extensions.find(extensions.CHECKS, expectation)
    assert extension is not None
    if is_known:
        return f"cannot be used: the {extension} has the name of one of Great Expectations", "another name"
    if missing := lacks(extension.value):
        return f"cannot be used: of the {extension}, {missing}", "package.module:class in its entry point"
    return None


def _parameter_problems(expectation: str, parameters: Mapping[str, Any]) -> Iterator[Located]:
    """Yield what is wrong with the parameters by themselves; those of an expectation of others show when it runs."""
    form = SHORT_FORMS.get(expectation)
    if form and (wrong := parameters_problem(form, parameters)):
        yield "parameters", *wrong
    if "column" in parameters and form is None:
        yield "parameters", "column stands among the parameters", "the column in column_name"
    for least, greatest in (("min", "max"), ("min_value", "max_value")):
        low, high = parameters.get(least), parameters.get(greatest)
        if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
            yield "parameters", f"has a {least} {low} above its {greatest} {high}", f"{least} ≤ {greatest}"
    kinds: dict[str, OptionKind] = {"max_age_days": "number", "pattern": "regex"}
    for name, kind in kinds.items():
        if form and name in parameters and (wrong := value_problem(kind, str(parameters[name]))):
            yield "parameters", f"{name} {wrong[0]}", wrong[1]


def _column_problems(row: Row, parameters: Mapping[str, Any], known: set[str]) -> Iterator[Located]:
    expectation, form = row.text("expectation"), SHORT_FORMS.get(row.text("expectation"))
    is_of_column = expectation.startswith("expect_column_") and not expectation.startswith(
        "expect_column_pair_"
    )
    if (form.has_column if form else is_of_column) and row["column_name"] is None:
        yield "column_name", "has no column", f"one of the target names {', '.join(sorted(known))}"
    if form and not form.has_column and row["column_name"] is not None:
        yield "column_name", f"{expectation} is about the whole delivery", "a blank cell"
    names = names_in(row["column_name"]) if expectation == "unique" else (row["column_name"],)
    for column in names:
        if column is not None and column not in known:
            yield "column_name", *_unknown_column(column, known)
    for parameter in _COLUMN_PARAMETERS:
        for column in _as_list(parameters.get(parameter)):
            if column not in known:
                yield "parameters", *_unknown_column(str(column), known)


def _unknown_column(column: str, known: set[str]) -> Wrong:
    return f'names the column "{column}", which the source has not', one_of(sorted(known), column)


def _reference_problems(
    row: Row, parameters: Mapping[str, Any], columns: Mapping[str, set[str]], seeds: Seeds
) -> Iterator[Located]:
    """Yield where `referential` names no other source, or no column of its history."""
    source = parameters.get("source")
    if source is None:
        return
    others = [name for name in seeds.by_name["source"] if name != row["source"]]
    if source not in others and (source == row["source"] or not seeds.knows("source", str(source))):
        yield "parameters", f'source "{source}" is no other source', one_of(others, str(source))
        return
    field, known = parameters.get("field", row["column_name"]), columns.get(str(source), set())
    if known and field is not None and field not in known:
        expected = one_of(sorted(known), str(field))
        yield "parameters", f'field "{field}" is no column of {source}', expected


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
