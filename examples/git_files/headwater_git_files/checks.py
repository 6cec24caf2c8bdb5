"""The check `expect_column_values_to_begin_with`: an expectation of Great Expectations, in SQL."""

from __future__ import annotations

from typing import Any

from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import (
    ColumnMapMetricProvider,
)


class ColumnValuesBeginWith(ColumnMapMetricProvider):
    """Each value of a column: does it begin with the prefix?"""

    condition_metric_name = "column_values.begin_with"
    condition_value_keys = ("prefix",)

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, column: Any, prefix: str, **_: Any) -> Any:  # noqa: N805
        return column.startswith(prefix, autoescape=True)


class ExpectColumnValuesToBeginWith(ColumnMapExpectation):
    """Every value of the column begins with the prefix."""

    prefix: str

    map_metric = "column_values.begin_with"
    success_keys = ("prefix", "mostly")
