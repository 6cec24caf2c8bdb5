"""Short forms of the usual checks: `accepted_range` with `min` and `max`, as which expectation they run.

    accepted_range   min, max; strict_min=true, strict_max=true where the bound itself is out
    accepted_values  values
    regex            pattern
    not_null         a value in each row
    unique           one column, or several together: a|b
    row_count        min, max: the rows of a delivery
    freshness        max_age_days: the newest value, a day or a moment, before the delivery date
    referential      source, field: each value is in the current history of another source

All but `unique`, `row_count` and `freshness` take `mostly`, the share of rows that has to pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.metadata.static.model import QualityCheck, Severity
from headwater.metadata.static.naming import names_in, one_of

Wrong = tuple[str, str]
_MOSTLY = {"mostly": "mostly"}
_BOUNDS = {"min": "min_value", "max": "max_value"}
_STRICT = {"strict_min": "strict_min", "strict_max": "strict_max"}
_COMPOUND = "expect_compound_columns_to_be_unique"


@dataclass(frozen=True)
class ShortForm:
    """A short form: its expectation, its parameters as the expectation calls them; of `needs` one at least stands."""

    expectation: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    has_column: bool = True


SHORT_FORMS: Mapping[str, ShortForm] = {
    "accepted_range": ShortForm(
        "expect_column_values_to_be_between", {**_BOUNDS, **_STRICT, **_MOSTLY}, needs=("min", "max")
    ),
    "accepted_values": ShortForm(
        "expect_column_values_to_be_in_set", {"values": "value_set", **_MOSTLY}, needs=("values",)
    ),
    "regex": ShortForm(
        "expect_column_values_to_match_regex", {"pattern": "regex", **_MOSTLY}, needs=("pattern",)
    ),
    "not_null": ShortForm("expect_column_values_to_not_be_null", _MOSTLY),
    "unique": ShortForm("expect_column_values_to_be_unique"),
    "row_count": ShortForm(
        "expect_table_row_count_to_be_between", _BOUNDS, needs=("min", "max"), has_column=False
    ),
    "freshness": ShortForm("freshness", {"max_age_days": "max_age_days"}, needs=("max_age_days",)),
    "referential": ShortForm(
        "referential", {"source": "source", "field": "field", **_MOSTLY}, needs=("source",)
    ),
}


def parameters_problem(form: ShortForm, parameters: Mapping[str, Any]) -> Wrong | None:
    """Return what is wrong with the names of the parameters of a short form, or None."""
    for name in parameters:
        if name not in form.parameters:
            known = one_of(form.parameters, name) if form.parameters else "none"
            return f"{name} is no parameter of it", known
    if form.needs and not set(form.needs) & set(parameters):
        return (
            f"has no {' and no '.join(form.needs)}",
            f"{' or '.join(form.needs)}, such as {form.needs[0]}=…",
        )
    return None


def resolve_check(
    expectation: str,
    column_name: str | None,
    parameters: Mapping[str, Any],
    severity: Severity = "critical",
    description: str | None = None,
) -> QualityCheck:
    """Return a row of quality_check, with which nothing is wrong, as the check that runs."""
    form = SHORT_FORMS.get(expectation)
    if form is None:
        return QualityCheck(expectation, column_name, severity, dict(parameters), description)
    resolved = {form.parameters[name]: value for name, value in parameters.items()}
    columns = names_in(column_name)
    if expectation == "unique" and len(columns) > 1:
        return QualityCheck(_COMPOUND, None, severity, {"column_list": list(columns)}, description)
    if expectation == "referential":
        resolved.setdefault("field", column_name)
    return QualityCheck(form.expectation, column_name, severity, resolved, description)


def shorten_check(
    expectation: str, column_name: str | None, parameters: Mapping[str, Any]
) -> tuple[str, str | None, dict[str, Any]]:
    """Return expectation, column_name and parameters by a short form, where one says the same; else as they are."""
    whole = resolve_check(expectation, column_name, parameters)
    for name, form in SHORT_FORMS.items():
        if form.expectation != expectation:
            continue
        short = {by: ours for ours, by in form.parameters.items()}
        renamed = {short.get(one, one): value for one, value in parameters.items()}
        if (
            parameters_problem(form, renamed) is None
            and form.has_column == (column_name is not None)
            and resolve_check(name, column_name, renamed) == whole
        ):
            return name, column_name, renamed
    columns = parameters.get("column_list")
    if expectation == _COMPOUND and set(parameters) == {"column_list"} and column_name is None:
        joined = "|".join(map(str, columns)) if isinstance(columns, list) and len(columns) > 1 else ""
        if joined and resolve_check("unique", joined, {}) == whole:
            return "unique", joined, {}
    return expectation, column_name, dict(parameters)
