"""Validating deliveries with Great Expectations, a result per delivery and check. Import takes seconds."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import great_expectations as gx
import sqlalchemy as sa
from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
from great_expectations.core.batch import Batch, LegacyBatchDefinition
from great_expectations.core.batch_spec import RuntimeQueryBatchSpec
from great_expectations.core.id_dict import IDDict
from great_expectations.data_context.data_context.abstract_data_context import AbstractDataContext
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import Expectation
from great_expectations.validator.validator import Validator
from sqlalchemy.engine import Engine
from sqlalchemy.engine.base import OptionEngine

from headwater.checks.built_in import built_in_checks, duplicate_rows_check
from headwater.checks.delivery_checks import Doubts
from headwater.checks.expectations import (
    CHECK_NAME,
    ExpectNoDeliveryToBreakRule,
    expectation_of,
    extra_expectations,
    is_row_wise,
)
from headwater.checks.findings import (
    Finding,
    asked,
    failing,
    halting,
    of_doubt,
    of_held,
    of_own,
    of_rule,
    suite_result,
)
from headwater.checks.sql import names_of, staging_table
from headwater.checks.verdict import SAMPLE_SIZE, CheckResult
from headwater.metadata.errors import CheckInvalid, HeadwaterError
from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.static.model import Source


@dataclass(frozen=True)
class Judged:
    """One delivery: what each check found, and the same as Great Expectations says it, for its page."""

    delivery_sqn: int
    results: tuple[CheckResult, ...]
    validation: ExpectationSuiteValidationResult


def validate(engine: Engine, source: Source, pending: Sequence[Delivery]) -> list[Judged]:
    """Judge the deliveries `pending` (at least one) of `source`, in their order.

    First each is looked at alone, by Great Expectations; then, in order, beside its surroundings, of which
    those that pass become a part. Raises `CheckInvalid` when an extra expectation cannot be run.
    """
    alone = _look_at_each(engine, source, [delivery.delivery_sqn for delivery in pending])
    judged = []
    with _doubts(engine, source) as doubts:
        for delivery, (rules, extras) in zip(pending, alone, strict=True):
            found = [*rules, *map(of_doubt, doubts.about(delivery)), *extras]
            if not halting(found):
                doubts.let_pass(delivery)
            judged.append(
                Judged(delivery.delivery_sqn, tuple(f.result for f in found), suite_result(source, found))
            )
    return judged


def _look_at_each(
    engine: Engine, source: Source, pending: Sequence[int]
) -> list[tuple[list[Finding], list[Finding]]]:
    """Return what the built-in checks, and the extra expectations, found in each delivery.

    The built-in checks and the row-wise extra expectations run once for all deliveries. What fails there,
    and what looks at a delivery as a whole, runs again for each. Delete marks say no more than a key, so
    extra expectations do not see them.
    """
    extras = extra_expectations(source)
    staging = _Staging(engine, source)

    checks = built_in_checks(source, pending)
    rules = staging.ask(pending, {check.name: expectation_of(check) for check in checks})
    if source.on_duplicate_key == "halt":
        # only where a key comes twice can a row come twice, and grouping again would cost as much again
        suspects = [row["delivery_sqn"] for row in failing(rules["duplicate_keys"])]
        copies = duplicate_rows_check(source, suspects)
        rules |= staging.ask(pending, {copies.name: expectation_of(copies)})
        checks = (checks[0], copies, *checks[1:])

    row_wise = {name: e for name, e in extras.items() if is_row_wise(e)}
    held = {name: a for name, a in staging.ask(pending, row_wise, "BOOLEAN_ONLY").items() if a.success}
    open_questions = {name: e for name, e in extras.items() if name not in held}

    found = []
    for sqn in pending:
        answers = staging.ask([sqn], open_questions)
        of_rules = [of_rule(check, rules[check.name], sqn) for check in checks]
        of_extras = [
            of_held(name, held[name]) if name in held else of_own(name, answers[name]) for name in extras
        ]
        found.append((of_rules, of_extras))
    return found


@contextmanager
def _doubts(engine: Engine, source: Source) -> Iterator[Doubts]:
    """The doubts of a source, in one transaction that sees all tables as they are now.

    Nothing is asked and nothing written on another connection meanwhile: whoever waits for our locks could
    hold what that one waits for, and the database would not know that both wait for us.
    """
    try:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            # the parts of a key are taken for unrelated, and both sides sorted: 3 times as slow as hashing one
            connection.execute(sa.text("set local enable_mergejoin = off"))
            yield Doubts(connection, source)
    except (sa.exc.ProgrammingError, sa.exc.DataError) as error:
        message = str(error.orig).splitlines()[0]
        raise HeadwaterError(
            f"source {source.name}: a delivery cannot be compared with history: {message}; expected staging and history"
            f" of one definition, as `headwater rebuild {source.name}` makes them"
        ) from None


_made = threading.Lock()
_contexts: list[AbstractDataContext] = []


def _quiet_context() -> AbstractDataContext:
    """The one context of this process: it says that no bar of progress is drawn, and keeps nothing."""
    with _made:
        if not _contexts:
            _contexts.append(gx.get_context(mode="ephemeral"))
            _contexts[0].variables.progress_bars = ProgressBarsConfig(globally=False)
        return _contexts[0]


class _Borrowed(OptionEngine):
    """The connections of an engine, with listeners of its own: Great Expectations disposes of what it is given.

    A new engine on the pool would add listeners to it for good, while other threads connect, and disposing of that pool
    would forget how many connections are in use. The address holds no password that could end up on a page.
    """

    def dispose(self, close: bool = True) -> None:
        """Leave the pool to its owner."""


class _Staging:
    """The staged rows of a source, for Great Expectations to look at.

    They are no datasource of a context: that writes all that it knows as YAML at each change, and threads that judge
    other sources would share it.
    """

    def __init__(self, engine: Engine, source: Source) -> None:
        self._engine = SqlAlchemyExecutionEngine(engine=_Borrowed(engine, {}), create_temp_table=False)
        self._source = source
        self._queries: set[str] = set()
        sa.event.listen(self._engine.engine, "before_cursor_execute", self._name_columns_only, retval=True)

    def _name_columns_only(
        self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any
    ) -> tuple[str, Any]:
        # a query alone is asked for the names of its columns, and would bring every row to Python for that
        return (f"{statement} limit 0" if statement in self._queries else statement), parameters

    def ask(
        self,
        deliveries: Sequence[int],
        expectations: Mapping[str, Expectation],
        result_format: str = "SUMMARY",
    ) -> dict[str, ExpectationValidationResult]:
        """Return what each expectation, by name, says of the rows of `deliveries` together, without delete marks."""
        if not expectations:
            return {}
        answers = self._validator(deliveries).graph_validate(
            [expectation.configuration for expectation in expectations.values()],
            {
                "result_format": {
                    "result_format": result_format,
                    "partial_unexpected_count": SAMPLE_SIZE,
                    "unexpected_index_column_names": ["line_number", *names_of(self._source.keys)],
                    "return_unexpected_index_query": False,
                }
            },
        )
        by_name = {str(asked(one).meta[CHECK_NAME]): one for one in answers}
        for name, one in by_name.items():
            _require_run(self._source, name, one)
        return by_name

    def _validator(self, deliveries: Sequence[int]) -> Validator:
        these = ", ".join(map(str, deliveries))
        rows = f"select * from {staging_table(self._source)} where delivery_sqn in ({these})"
        if "delete_column" in self._source.options:
            rows += " and not is_delete_mark"
        return Validator(self._engine, data_context=_quiet_context(), batches=[self._batch(rows)])

    def _batch(self, rows: str) -> Batch:
        self._queries.add(rows)
        spec = RuntimeQueryBatchSpec(query=rows, temp_table_schema_name=None, batch_identifiers={})
        found, markers = self._engine.get_batch_data_and_markers(spec)
        data: Any = found  # what a batch declares are types of data
        named = LegacyBatchDefinition("staging", "query", f"{self._source.name}: {rows}", IDDict())
        return Batch(data=data, batch_definition=named, batch_spec=spec, batch_markers=markers)


def _require_run(source: Source, name: str, answer: ExpectationValidationResult) -> None:
    """Raise when Great Expectations could not run an expectation, with the database's words and no trace."""
    info = answer.exception_info
    for one in [info] if "raised_exception" in info else info.values():
        if not one["raised_exception"]:
            continue
        message = re.sub(r"^\(psycopg2[.\w]+\) ", "", str(one["exception_message"]).splitlines()[0])
        where = f"source {source.name}: quality check {name}: cannot be run on staging.stg_{source.name}"
        if asked(answer).type == ExpectNoDeliveryToBreakRule.expectation_type:
            raise HeadwaterError(f"{where}: {message}")
        raise CheckInvalid(f"{where}: {message}; expected parameters that fit the datatypes of its columns")
