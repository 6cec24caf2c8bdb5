"""Expectations that Great Expectations lacks, `referential` and `freshness`. Import this late: it takes seconds."""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy as sa
from great_expectations.compatibility.pydantic import Field, root_validator
from great_expectations.execution_engine.execution_engine import ExecutionEngine
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation, ColumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import (
    ColumnMapMetricProvider,
)

from headwater.checks.sql import quoted


class ColumnValuesInHistory(ColumnMapMetricProvider):
    """Each value of a column: is it in a current row of the history of a source?"""

    condition_metric_name = "column_values.in_history"
    condition_value_keys = ("source", "field")

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, column: Any, source: str, field: str, **_: Any) -> Any:  # noqa: N805
        history = sa.table(source, sa.column(field), sa.column("valid_to"), schema="historical")
        known = sa.select(history.c[field]).where(history.c.valid_to.is_(None), history.c[field].is_not(None))
        return column.in_(known)


class ExpectColumnValuesToBeInHistory(ColumnMapExpectation):
    """Every value of the column is one of `field` in the current history of `source`."""

    source: str
    field: str

    map_metric = "column_values.in_history"
    success_keys = ("source", "field", "mostly")


class ExpectNewestValueToBeFresh(BatchExpectation):
    """The newest value of the column is at most `max_age_days` before the date of its delivery."""

    column: str
    max_age_days: int = Field(ge=0)
    query: str = ""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("query.table",)
    success_keys: ClassVar[tuple[str, ...]] = ("query",)
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id",)

    @root_validator
    def _ask(cls, values: dict[str, Any]) -> dict[str, Any]:  # noqa: N805
        if "column" in values and "max_age_days" in values:
            values["query"] = _newest_and_limit(values["column"], values["max_age_days"])
        return values

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002
        execution_engine: ExecutionEngine[Any] | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        rows = metrics["query.table"]
        newest = rows[0]["newest"] if rows else None
        return {
            "success": bool(rows and rows[0]["is_fresh"]),
            "result": {"observed_value": f"newest {self.column}: {newest or 'none'}"},
        }


def _newest_and_limit(column: str, max_age_days: int) -> str:
    """Return the query of the newest value in a delivery, and whether it is new enough for the delivery's date."""
    return f"""
select
    cast(newest as text) as newest,
    cast(newest as date) >= cast(delivery.delivery_date as date) - {max_age_days} as is_fresh
from (select max({quoted(column)}) as newest, max(delivery_sqn) as sqn from {{batch}}) as found, metadata.delivery
where delivery.delivery_sqn = found.sqn
"""
