"""Findings of checks, as our results and, for the pages, as results of Great Expectations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import great_expectations as gx
from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metadata_types import FailureSeverity

from headwater.checks.built_in import BuiltInCheck
from headwater.checks.delivery_checks import Answer
from headwater.checks.expectations import expectation_of_doubt
from headwater.checks.verdict import SAMPLE_SIZE, CheckResult
from headwater.metadata.static.model import Severity, Source


@dataclass(frozen=True)
class Finding:
    """The finding of one check in one delivery."""

    result: CheckResult
    evidence: ExpectationValidationResult


def asked(answer: ExpectationValidationResult) -> ExpectationConfiguration:
    """Return the check to which a result belongs."""
    question = answer.expectation_config
    assert question is not None  # only external results lack it
    return question


def failing(answer: ExpectationValidationResult) -> list[dict[str, Any]]:
    """Return the failing deliveries of a built-in check, as its query returned them."""
    rows: list[dict[str, Any]] = answer.result["details"]["unexpected_rows"]
    return rows


def _severity(answer: ExpectationValidationResult) -> Severity:
    return "critical" if asked(answer).severity == FailureSeverity.CRITICAL else "warning"


def halting(found: Sequence[Finding]) -> bool:
    """Return whether a critical check failed: a single one halts the delivery."""
    return any(not f.result.passed and f.result.severity == "critical" for f in found)


def of_rule(check: BuiltInCheck, answer: ExpectationValidationResult, sqn: int) -> Finding:
    """Return the finding of a built-in check, which ran for many deliveries at once, for one of them."""
    row = next((row for row in failing(answer) if row["delivery_sqn"] == sqn), None)
    result = CheckResult(
        check_name=check.name,
        severity=check.severity,
        passed=row is None or bool(row.get("is_fine")),
        observed=row["observed"] if row else check.when_passed,
        unexpected_count=int(row["unexpected_count"]) if row else 0,
        unexpected_sample=tuple(row["sample"] or ()) if row else (),
    )
    return Finding(result, _evidence(answer, result.passed, {"observed_value": result.observed}))


def of_doubt(answer: Answer) -> Finding:
    """Return the finding of a doubt."""
    result = answer.result
    evidence = ExpectationValidationResult(
        success=result.passed,
        expectation_config=expectation_of_doubt(answer).configuration,
        result={"observed_value": result.observed},
        meta={},
    )
    return Finding(result, evidence)


def of_held(name: str, answer: ExpectationValidationResult, rule_digest: str | None) -> Finding:
    """Return the finding of a row-wise check that passed for all deliveries together, for one of them."""
    severity = _severity(answer)
    result = CheckResult(name, severity, True, "0 unexpected", 0, (), rule_digest)
    return Finding(result, _evidence(answer, True, {"unexpected_count": 0, "unexpected_percent": 0.0}))


def of_own(name: str, answer: ExpectationValidationResult, rule_digest: str | None) -> Finding:
    """Return the finding of an extra expectation that ran for this delivery alone."""
    outcome: Any = answer.to_json_dict()["result"]
    result = CheckResult(
        check_name=name,
        severity=_severity(answer),
        passed=bool(answer.success),
        observed=_observed(outcome),
        unexpected_count=outcome.get("unexpected_count"),
        unexpected_sample=_sample(outcome),
        rule_digest=rule_digest,
    )
    return Finding(result, answer)


def _observed(facts: Mapping[str, Any]) -> str | None:
    value, count, total = (
        facts.get("observed_value"),
        facts.get("unexpected_count"),
        facts.get("element_count"),
    )
    if isinstance(value, float):
        return f"{value:.6g}"
    if value is not None:
        return str(value)
    if count is None:
        return None
    return f"{count:,} unexpected" if total is None else f"{count:,} unexpected of {total:,}"


def _sample(facts: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the unexpected rows as {key, other columns, line}, or only their values if rows cannot be identified."""
    rows = facts.get("partial_unexpected_index_list")
    if not rows:
        return tuple((facts.get("partial_unexpected_list") or [])[:SAMPLE_SIZE])
    keys = set(facts["unexpected_index_column_names"]) - {"line_number"}
    return tuple(
        {
            "key": {name: value for name, value in row.items() if name in keys},
            **{name: value for name, value in row.items() if name not in keys and name != "line_number"},
            "line": row["line_number"],
        }
        for row in rows[:SAMPLE_SIZE]
    )


def _evidence(
    answer: ExpectationValidationResult, passed: bool, facts: dict[str, Any]
) -> ExpectationValidationResult:
    """Return the evidence of a check that ran for many deliveries, reduced to one of them."""
    return ExpectationValidationResult(
        success=passed, expectation_config=answer.expectation_config, result=facts, meta={}
    )


def suite_result(source: Source, found: Sequence[Finding]) -> ExpectationSuiteValidationResult:
    """Return all findings of one delivery as a result of Great Expectations."""
    passed = sum(f.result.passed for f in found)
    return ExpectationSuiteValidationResult(
        success=not halting(found),
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
