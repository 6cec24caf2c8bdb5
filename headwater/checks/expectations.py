"""Conversion of checks to expectations of Great Expectations. Its import takes seconds: import this module late."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator
from types import UnionType
from typing import Any, ClassVar, Union, get_args, get_origin

import great_expectations.expectations
from great_expectations import __version__ as gx_version
from great_expectations.compatibility.pydantic import ValidationError
from great_expectations.execution_engine.execution_engine import ExecutionEngine
from great_expectations.expectations.expectation import (
    BatchExpectation,
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    Expectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.metadata_types import FailureSeverity

from headwater.checks.built_in import BuiltInCheck
from headwater.checks.delivery_checks import Answer
from headwater.metadata.errors import CheckInvalid, ExtensionUnusable
from headwater.metadata.static import extensions
from headwater.metadata.static.model import QualityCheck, Source

gxe: Any = great_expectations.expectations  # at run time it has all of them, but it declares only some

ROW_WISE = (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)
# these compare a row with the others of its batch, so the results of one and of several deliveries differ
COMPARES_ROWS = (
    gxe.ExpectColumnValuesToBeUnique,
    gxe.ExpectCompoundColumnsToBeUnique,
    gxe.ExpectMulticolumnValuesToBeUnique,
    gxe.ExpectColumnValuesToBeIncreasing,
    gxe.ExpectColumnValuesToBeDecreasing,
    gxe.ExpectColumnValueZScoresToBeLessThan,
    gxe.ExpectColumnValuesToNotBeOutliers,
)
# the metadata defines the columns and types, and staging creates them accordingly
NOT_ABOUT_VALUES = (
    gxe.ExpectColumnToExist,
    gxe.ExpectColumnTypeToBe,
    gxe.ExpectColumnValuesToBeInTypeList,
    gxe.ExpectColumnValuesToBeOfType,
    gxe.ExpectTableColumnCountToBeBetween,
    gxe.ExpectTableColumnCountToEqual,
    gxe.ExpectTableColumnsToMatchOrderedList,
    gxe.ExpectTableColumnsToMatchSet,
    gxe.ExpectTableRowCountToEqualOtherTable,
    gxe.ExpectQueryResultsToMatchComparison,
)
_OF_GREAT_EXPECTATIONS = tuple(
    kind for kind in vars(gxe).values() if isinstance(kind, type) and issubclass(kind, ROW_WISE)
)
CHECK_NAME = "check_name"  # the key in an expectation's meta that identifies its result
COLUMN_PARAMETERS = ("column", "column_A", "column_B", "column_list")
OURS = (
    "batch_id",
    "id",
    "meta",
    "rendered_content",
    "severity",
    "windows",
    "result_format",
    "catch_exceptions",
)


class ExpectNoDeliveryToBreakRule(BatchExpectation):
    """Passes if its query returns no row; each row is a delivery that violates the rule.

    `UnexpectedRowsExpectation` does the same, but runs its query twice (for the rows and for their number)
    and returns at most 200 rows.
    """

    query: str
    fetch_all: bool = True

    metric_dependencies: ClassVar[tuple[str, ...]] = ("query.table",)
    success_keys: ClassVar[tuple[str, ...]] = ("query", "fetch_all")
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id", "row_condition", "condition_parser")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002
        execution_engine: ExecutionEngine[Any] | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        failing = metrics["query.table"]
        return {
            "success": not failing,
            "result": {"observed_value": len(failing), "details": {"unexpected_rows": failing}},
        }


class ExpectDeliveryToMatchBaseline(BatchExpectation):
    """Represents a doubt on a page. `delivery_checks` computes its result, which depends on earlier verdicts."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ()
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id",)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        raise NotImplementedError


def expectation_of(check: BuiltInCheck) -> Expectation:
    """Return a built-in check as an expectation."""
    return ExpectNoDeliveryToBreakRule(
        query=check.query,
        description=check.rule,
        severity=FailureSeverity(check.severity),
        meta={CHECK_NAME: check.name},
    )


def expectation_of_doubt(answer: Answer) -> Expectation:
    """Return a doubt as an expectation, to report its result."""
    return ExpectDeliveryToMatchBaseline(
        description=answer.rule,
        severity=FailureSeverity(answer.result.severity),
        meta={CHECK_NAME: answer.result.check_name},
    )


def is_row_wise(expectation: Expectation) -> bool:
    """Return whether a pass for several deliveries together means a pass for each of them."""
    compares = isinstance(expectation, COMPARES_ROWS) or getattr(type(expectation), "compares_rows", False)
    return isinstance(expectation, ROW_WISE) and not compares and getattr(expectation, "mostly", 1) == 1


def rule_digest(expectation: Expectation) -> str | None:
    """Return a digest of what an expectation says of each row alone; None if its result depends on anything else."""
    if not (is_row_wise(expectation) and isinstance(expectation, _OF_GREAT_EXPECTATIONS)):
        return None
    config = expectation.configuration
    rule = json.dumps([gx_version, config.type, config.kwargs], sort_keys=True, default=str)
    return hashlib.sha256(rule.encode()).hexdigest()


def extra_expectations(source: Source) -> dict[str, Expectation]:
    """Return the expectations of a source's rows of quality_check by the name of their results.

    Raises `CheckInvalid`, which names source, check and parameter, and what was expected.
    """
    found: dict[str, Expectation] = {}
    for check in source.quality_checks:
        parameters = dict(check.parameters) | ({} if check.column is None else {"column": check.column})
        columns = ", ".join(column for _, column in _columns_named(parameters))
        base = f"{check.expect}({columns})" if columns else check.expect
        name, again = base, 2
        while name in found:
            name, again = f"{base} #{again}", again + 1
        found[name] = _build(source, check, name, parameters)
    return found


def _build(source: Source, check: QualityCheck, name: str, parameters: dict[str, Any]) -> Expectation:
    kind = _expectation_class(source, check)
    known = sorted(set(kind.__fields__) - set(OURS))
    for parameter in parameters:
        if parameter not in known:
            raise _invalid(source, check, parameter, "is no parameter of it", f"one of {', '.join(known)}")
    try:
        described = {"description": check.description} if check.description else {}
        return kind(
            **{**parameters, **described}, severity=FailureSeverity(check.severity), meta={CHECK_NAME: name}
        )
    except ValidationError as error:
        first = error.errors()[0]
        parameter = str(first["loc"][0])
        if parameter not in known:  # a rule on several columns
            raise _invalid(
                source, check, None, first["msg"], f"parameters among {', '.join(known)}"
            ) from None
        value = f"{parameters[parameter]!r}: " if parameter in parameters else ""
        expected = _type_name(kind.__fields__[parameter].outer_type_)
        raise _invalid(source, check, parameter, value + first["msg"], expected) from None
    except (TypeError, ValueError) as error:  # a few expectations validate their parameters in code
        raise _invalid(
            source, check, None, str(error).splitlines()[0], f"parameters among {', '.join(known)}"
        ) from None


def _expectation_class(source: Source, check: QualityCheck) -> type[Expectation]:
    if check.expect in extensions.names(extensions.CHECKS):
        return _class_of_package(source, check)
    classes = {
        kind.expectation_type: kind
        for name, kind in vars(gxe).items()
        if name.startswith("Expect") and isinstance(kind, type) and hasattr(kind, "expectation_type")
    }
    if check.expect not in classes:
        close = difflib.get_close_matches(check.expect, [*classes, *extensions.names(extensions.CHECKS)], n=1)
        hint = f"such as {close[0]}" if close else "such as expect_column_values_to_be_between"
        raise CheckInvalid(
            f"source {source.name}: quality check {check.expect!r}: Great Expectations has no such"
            f" expectation; expected the name of one in snake case, {hint}"
        )
    if issubclass(classes[check.expect], NOT_ABOUT_VALUES):
        raise CheckInvalid(
            f"source {source.name}: quality check {check.expect}: columns and types are the metadata's to"
            " say; expected an expectation about the values of a delivery"
        )
    return classes[check.expect]


def _class_of_package(source: Source, check: QualityCheck) -> type[Expectation]:
    """The expectation that an installed package brings. Raises `CheckInvalid` when it cannot be used."""
    try:
        extension = extensions.find(extensions.CHECKS, check.expect)
        assert extension is not None
        found = extension.load()
    except ExtensionUnusable as unusable:
        raise CheckInvalid(f"source {source.name}: quality check {check.expect}: {unusable}") from None
    if not (isinstance(found, type) and issubclass(found, Expectation)):
        raise CheckInvalid(
            f"source {source.name}: quality check {check.expect}: the {extension} is {extension.value}, which is no"
            " expectation; expected a class of one of Great Expectations' base classes"
        )
    return found


def _columns_named(parameters: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in COLUMN_PARAMETERS:
        value = parameters.get(name)
        for column in value if isinstance(value, list) else [value]:
            if isinstance(column, str):
                yield name, column


def _type_name(kind: Any) -> str:
    """Return `float, datetime or None` for the type of a field, without dict, which means a suite parameter."""
    if get_origin(kind) not in (Union, UnionType):
        name = str(getattr(kind, "__name__", kind))
        return {"NoneType": "None", "StrictStr": "str", "ConstrainedFloatValue": "float"}.get(name, name)
    shown = list(dict.fromkeys(name for name in map(_type_name, get_args(kind)) if name != "dict"))
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def _invalid(
    source: Source, check: QualityCheck, parameter: str | None, wrong: str, expected: str
) -> CheckInvalid:
    where = f"parameter {parameter!r}: " if parameter else ""
    return CheckInvalid(
        f"source {source.name}: quality check {check.expect}: {where}{wrong}; expected {expected}"
    )
