"""Validating deliveries with Great Expectations, a result per delivery and check. Import takes seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import great_expectations as gx
from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metadata_types import FailureSeverity
from sqlalchemy.engine import Engine

from headwater.checks.built_in import BuiltInCheck, built_in_checks, duplicate_rows_check
from headwater.checks.expectations import (
    CHECK_NAME,
    ExpectNoDeliveryToBreakRule,
    expectation_of,
    extra_expectations,
    is_row_wise,
)
from headwater.checks.verdict import SAMPLE_SIZE, CheckResult
from metadata.errors import CheckInvalid, HeadwaterError
from metadata.static.model import Severity, Source


@dataclass(frozen=True)
class Judged:
    """One delivery: what each check found, and the same as Great Expectations says it, for its page."""

    delivery_sqn: int
    results: tuple[CheckResult, ...]
    validation: ExpectationSuiteValidationResult


@dataclass(frozen=True)
class _Found:
    result: CheckResult
    evidence: ExpectationValidationResult


def validate(engine: Engine, source: Source, pending: Sequence[int]) -> list[Judged]:
    """Judge the deliveries `pending` (delivery_sqn, at least one) of `source`, in their order.

    The built-in checks and the row-wise extra expectations run once for all deliveries. What fails there,
    and what looks at a delivery as a whole, runs again for each. Delete marks say no more than a key, so
    extra expectations do not see them. Raises `CheckInvalid` when an extra expectation cannot be run.
    """
    extras = extra_expectations(source)
    staging = _Staging(engine, source)

    checks = built_in_checks(source, pending)
    rules = staging.ask(pending, {check.name: expectation_of(check) for check in checks})
    if source.on_duplicate_key == "halt":
        # only where a key comes twice can a row come twice, and grouping again would cost as much again
        suspects = [row["delivery_sqn"] for row in _failing(rules["duplicate_keys"])]
        copies = duplicate_rows_check(source, suspects)
        rules |= staging.ask(pending, {copies.name: expectation_of(copies)})
        checks = (checks[0], copies, *checks[1:])

    row_wise = {name: e for name, e in extras.items() if is_row_wise(e)}
    held = {name: a for name, a in staging.ask(pending, row_wise, "BOOLEAN_ONLY").items() if a.success}
    open_questions = {name: e for name, e in extras.items() if name not in held}

    judged = []
    for sqn in pending:
        own = staging.ask([sqn], open_questions)
        found = [_of_rule(check, rules[check.name], sqn) for check in checks]
        found += [_of_held(name, held[name]) if name in held else _of_own(name, own[name]) for name in extras]
        judged.append(Judged(sqn, tuple(f.result for f in found), _suite_result(source, found)))
    return judged


class _Staging:
    """The staged rows of a source, for Great Expectations to look at."""

    def __init__(self, engine: Engine, source: Source) -> None:
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        # the connections are the engine's own: the address, which Great Expectations insists on, leads
        # nowhere and holds no password that could end up in a file or on a page
        self._staging = context.data_sources.add_postgres(
            "staging",
            connection_string="postgresql+psycopg2://headwater@the-pool-of-the-engine/",
            kwargs={"pool": engine.pool},  # type: ignore[call-arg]  # its stub forgets it
            create_temp_table=False,
        )
        self._source = source

    def ask(
        self,
        deliveries: Sequence[int],
        expectations: Mapping[str, Expectation],
        result_format: str = "SUMMARY",
    ) -> dict[str, ExpectationValidationResult]:
        """What each expectation, by name, says of the rows of `deliveries` together, without delete marks."""
        if not expectations:
            return {}
        these = ", ".join(map(str, deliveries))
        rows = f'select * from staging."stg_{self._source.name}" where delivery_sqn in ({these})'
        if "delete_column" in self._source.options:
            rows += " and not is_delete_mark"
        asset = self._staging.add_query_asset(f"{self._source.name} {len(self._staging.assets)}", query=rows)
        answer = asset.add_batch_definition_whole_table("rows").get_batch().validate(
            gx.ExpectationSuite(name=self._source.name, expectations=list(expectations.values())),
            result_format={
                "result_format": result_format,
                "partial_unexpected_count": SAMPLE_SIZE,
                "unexpected_index_column_names": ["line_number", *_key_names(self._source)],
                "return_unexpected_index_query": False,
            },
        )  # fmt: skip
        by_name = {str(_asked(one).meta[CHECK_NAME]): one for one in answer.results}
        for name, one in by_name.items():
            _require_run(self._source, name, one)
        return by_name


def _require_run(source: Source, name: str, answer: ExpectationValidationResult) -> None:
    """Raise when Great Expectations could not run an expectation, with the database's words and no trace."""
    info = answer.exception_info
    for one in [info] if "raised_exception" in info else info.values():
        if not one["raised_exception"]:
            continue
        said = re.sub(r"^\(psycopg2[.\w]+\) ", "", str(one["exception_message"]).splitlines()[0])
        where = f"source {source.name}: quality check {name}: cannot be run on staging.stg_{source.name}"
        if _asked(answer).type == ExpectNoDeliveryToBreakRule.expectation_type:
            raise HeadwaterError(f"{where}: {said}")
        raise CheckInvalid(f"{where}: {said}; expected parameters that fit the datatypes of its columns")


def _asked(answer: ExpectationValidationResult) -> ExpectationConfiguration:
    asked = answer.expectation_config
    assert asked is not None  # only results from outside come without
    return asked


def _failing(answer: ExpectationValidationResult) -> list[dict[str, Any]]:
    """The deliveries that a built-in check found, as its query returned them."""
    rows: list[dict[str, Any]] = answer.result["details"]["unexpected_rows"]
    return rows


def _severity(answer: ExpectationValidationResult) -> Severity:
    return "critical" if _asked(answer).severity == FailureSeverity.CRITICAL else "warning"


def _key_names(source: Source) -> list[str]:
    return [attribute.target_name for attribute in source.keys]


def _of_rule(check: BuiltInCheck, answer: ExpectationValidationResult, sqn: int) -> _Found:
    row = next((row for row in _failing(answer) if row["delivery_sqn"] == sqn), None)
    result = CheckResult(
        check_name=check.name,
        severity=check.severity,
        passed=row is None,
        observed=row["observed"] if row else check.when_passed,
        unexpected_count=int(row["unexpected_count"]) if row else 0,
        unexpected_sample=tuple(row["sample"] or ()) if row else (),
    )
    return _Found(result, _evidence(answer, result.passed, {"observed_value": result.observed}))


def _of_held(name: str, answer: ExpectationValidationResult) -> _Found:
    """What holds for every row of all deliveries together holds for each delivery."""
    severity = _severity(answer)
    result = CheckResult(name, severity, True, "0 unexpected", 0, ())
    return _Found(result, _evidence(answer, True, {"unexpected_count": 0, "unexpected_percent": 0.0}))


def _of_own(name: str, answer: ExpectationValidationResult) -> _Found:
    said: Any = answer.to_json_dict()["result"]
    result = CheckResult(
        check_name=name,
        severity=_severity(answer),
        passed=bool(answer.success),
        observed=_observed(said),
        unexpected_count=said.get("unexpected_count"),
        unexpected_sample=_sample(said),
    )
    return _Found(result, answer)


def _observed(said: Mapping[str, Any]) -> str | None:
    value, count, total = said.get("observed_value"), said.get("unexpected_count"), said.get("element_count")
    if isinstance(value, float):
        return f"{value:.6g}"
    if value is not None:
        return str(value)
    if count is None:
        return None
    return f"{count:,} unexpected" if total is None else f"{count:,} unexpected of {total:,}"


def _sample(said: Mapping[str, Any]) -> tuple[Any, ...]:
    """The unexpected rows as {key, other columns, line}; their values alone where nothing tells the rows."""
    rows = said.get("partial_unexpected_index_list")
    if not rows:
        return tuple((said.get("partial_unexpected_list") or [])[:SAMPLE_SIZE])
    keys = set(said["unexpected_index_column_names"]) - {"line_number"}
    return tuple(
        {
            "key": {name: value for name, value in row.items() if name in keys},
            **{name: value for name, value in row.items() if name not in keys and name != "line_number"},
            "line": row["line_number"],
        }
        for row in rows[:SAMPLE_SIZE]
    )


def _evidence(
    answer: ExpectationValidationResult, passed: bool, said: dict[str, Any]
) -> ExpectationValidationResult:
    """The answer that was given for many deliveries, as it is for one of them."""
    return ExpectationValidationResult(
        success=passed, expectation_config=answer.expectation_config, result=said, meta={}
    )


def _suite_result(source: Source, found: Sequence[_Found]) -> ExpectationSuiteValidationResult:
    passed = sum(f.result.passed for f in found)
    return ExpectationSuiteValidationResult(
        success=all(f.result.passed or f.result.severity != "critical" for f in found),
        results=[f.evidence for f in found],
        suite_name=source.name,
        statistics={
            "evaluated_expectations": len(found),
            "successful_expectations": passed,
            "unsuccessful_expectations": len(found) - passed,
            "success_percent": 100 * passed / len(found),
        },
        meta={"great_expectations_version": gx.__version__},
    )
