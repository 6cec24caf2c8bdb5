"""Validation of deliveries with Great Expectations, with a result per delivery and check. Its import takes seconds."""

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
from headwater.checks.current import Recognised, recognised_rows_of
from headwater.checks.delivery_checks import Doubts
from headwater.checks.expectations import (
    CHECK_NAME,
    ExpectNoDeliveryToBreakRule,
    expectation_of,
    extra_expectations,
    is_row_wise,
    rule_digest,
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
from headwater.checks.own_expectations import ExpectColumnValuesToBeInHistory
from headwater.checks.sql import column_list, names_of, quoted, staging_table
from headwater.checks.verdict import SAMPLE_SIZE, CheckResult
from headwater.metadata.errors import CheckInvalid, HeadwaterError
from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.sql_text import layer_table
from headwater.metadata.static.model import Source


@dataclass(frozen=True)
class Checked:
    """One validated delivery: the finding of each check, and the same as a result of Great Expectations for
    its page.
    """

    delivery_sqn: int
    results: tuple[CheckResult, ...]
    validation: ExpectationSuiteValidationResult


def validate(engine: Engine, source: Source, pending: Sequence[Delivery]) -> list[Checked]:
    """Validate the deliveries `pending` (at least one) of `source`, in their order.

    First Great Expectations checks each delivery alone. Then, in order, the doubts compare each with its
    baseline, of which deliveries that pass become a part. Raises `CheckInvalid` if an extra expectation
    cannot run.
    """
    alone = _look_at_each(engine, source, [delivery.delivery_sqn for delivery in pending])
    checked = []
    with _doubts(engine, source) as doubts:
        for delivery, (rules, extras) in zip(pending, alone, strict=True):
            found = [*rules, *map(of_doubt, doubts.about(delivery)), *extras]
            if not halting(found):
                doubts.let_pass(delivery)
            checked.append(
                Checked(delivery.delivery_sqn, tuple(f.result for f in found), suite_result(source, found))
            )
    return checked


def _look_at_each(
    engine: Engine, source: Source, pending: Sequence[int]
) -> list[tuple[list[Finding], list[Finding]]]:
    """Return the findings of the built-in checks and the extra expectations for each delivery.

    The built-in checks and the row-wise extra expectations run once for all deliveries. Failed expectations,
    and those that compare rows of a delivery, run again for each. Extra expectations do not see delete marks,
    which have no values beside their key; they see the rows that were recognised, which are not staged.
    """
    extras = extra_expectations(source)
    _require_histories(engine, source, extras)
    staging = _Staging(engine, source, _partial(engine, pending) if extras else frozenset())

    checks = built_in_checks(source, pending)
    rules = staging.ask(pending, {check.name: expectation_of(check) for check in checks})
    if source.on_duplicate_key == "halt":
        # only duplicate keys can be duplicate rows, and a second grouping would cost as much as the first
        suspects = [row["delivery_sqn"] for row in failing(rules["duplicate_keys"])]
        copies = duplicate_rows_check(source, suspects)
        rules |= staging.ask(pending, {copies.name: expectation_of(copies)})
        checks = (checks[0], copies, *checks[1:])

    row_wise = {name: e for name, e in extras.items() if is_row_wise(e)}
    digests = {name: rule_digest(e) for name, e in extras.items()}
    known = _known_to_hold(engine, staging.partial, digests)
    of_staged = staging.ask(
        pending, {name: e for name, e in row_wise.items() if name in known}, "BOOLEAN_ONLY", whole=False
    )
    of_all = staging.ask(
        pending, {name: e for name, e in row_wise.items() if name not in known}, "BOOLEAN_ONLY"
    )
    held = {name: a for name, a in (of_staged | of_all).items() if a.success}
    open_questions = {name: e for name, e in extras.items() if name not in held}

    found = []
    for sqn in pending:
        answers = staging.ask([sqn], open_questions)
        of_rules = [of_rule(check, rules[check.name], sqn) for check in checks]
        of_extras = [
            of_held(name, held[name], digests[name])
            if name in held
            else of_own(name, answers[name], digests[name])
            for name in extras
        ]
        found.append((of_rules, of_extras))
    return found


@contextmanager
def _doubts(engine: Engine, source: Source) -> Iterator[Doubts]:
    """Evaluate the doubts of a source in one transaction, which sees one state of all tables.

    No other connection queries or writes meanwhile: a process that waits for our locks could hold a lock that
    the other connection waits for, a deadlock that Postgres cannot detect.
    """
    try:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            # the planner takes the columns of a key for independent and sorts both sides, 3 times as slow as
            # a hash join
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
    """Return the one context of this process, which disables progress bars and stores nothing."""
    with _made:
        if not _contexts:
            _contexts.append(gx.get_context(mode="ephemeral"))
            _contexts[0].variables.progress_bars = ProgressBarsConfig(globally=False)
        return _contexts[0]


class _Borrowed(OptionEngine):
    """An engine on borrowed connections with separate listeners, because Great Expectations disposes of its engine.

    A new engine on the pool would permanently add listeners to it while other threads connect, and disposing
    of the pool would forget how many connections are in use. The address contains no password that could end
    up on a page.
    """

    def dispose(self, close: bool = True) -> None:
        """Leave the pool to its owner."""


class _Staging:
    """The staged rows of a source, as input for Great Expectations.

    They are no datasource of a context, which writes its whole state as YAML at each change, and which
    threads of other sources would share.
    """

    def __init__(self, engine: Engine, source: Source, partial: frozenset[int]) -> None:
        self.partial = partial
        self._columns = _staging_columns(engine, source) if partial else ()
        self._engine = SqlAlchemyExecutionEngine(engine=_Borrowed(engine, {}), create_temp_table=False)
        self._source = source
        self._queries: set[str] = set()
        sa.event.listen(self._engine.engine, "before_cursor_execute", self._name_columns_only, retval=True)

    def _name_columns_only(
        self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any
    ) -> tuple[str, Any]:
        # for a query, Great Expectations would fetch every row to learn the names of the columns
        return (f"{statement} limit 0" if statement in self._queries else statement), parameters

    def ask(
        self,
        deliveries: Sequence[int],
        expectations: Mapping[str, Expectation],
        result_format: str = "SUMMARY",
        *,
        whole: bool = True,
    ) -> dict[str, ExpectationValidationResult]:
        """Return the result of each expectation, by name, on the rows of `deliveries` together, without
        delete marks; not `whole`: on those that are staged, without the recognised ones.
        """
        if not expectations:
            return {}
        answers = self._validator(deliveries, whole=whole).graph_validate(
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

    def _validator(self, deliveries: Sequence[int], *, whole: bool) -> Validator:
        these = ", ".join(map(str, deliveries))
        rows = f"select * from {staging_table(self._source)} where delivery_sqn in ({these})"
        if "delete_column" in self._source.options:
            rows += " and not is_delete_mark"
        if whole and (partial := sorted(self.partial.intersection(deliveries))):
            rows = rows.replace("select *", f"select {column_list(self._columns)}", 1)
            rows += "".join(f" union all {self._recognised_rows(sqn)}" for sqn in partial)
        return Validator(self._engine, data_context=_quiet_context(), batches=[self._batch(rows)])

    def _recognised_rows(self, delivery_sqn: int) -> str:
        # the line of a recognised row was not looked up
        other = {
            "delivery_sqn": f"{delivery_sqn}",
            "line_number": "cast(null as bigint)",
            "is_delete_mark": "false",
        }
        selected = ", ".join(other.get(name, f"held.{quoted(name)}") for name in self._columns)
        return recognised_rows_of(self._source, delivery_sqn, selected, Recognised(loaded_on=None))

    def _batch(self, rows: str) -> Batch:
        self._queries.add(rows)
        spec = RuntimeQueryBatchSpec(query=rows, temp_table_schema_name=None, batch_identifiers={})
        found, markers = self._engine.get_batch_data_and_markers(spec)
        data: Any = found  # the declared types of a batch are data types
        named = LegacyBatchDefinition("staging", "query", f"{self._source.name}: {rows}", IDDict())
        return Batch(data=data, batch_definition=named, batch_spec=spec, batch_markers=markers)


def _partial(engine: Engine, deliveries: Sequence[int]) -> frozenset[int]:
    """Return those of the deliveries of which rows were recognised and are not staged."""
    ask = sa.text(
        "select delivery_sqn from metadata.delivery_status"
        " where layer = 'staging' and status = 'partial' and delivery_sqn = any(:sqns)"
    )
    with engine.connect() as connection:
        return frozenset(connection.execute(ask, {"sqns": list(deliveries)}).scalars())


def _known_to_hold(
    engine: Engine, partial: frozenset[int], digests: Mapping[str, str | None]
) -> frozenset[str]:
    """Return the checks that held, by the same rule, for all rows of the deliveries that made what was recognised.

    Of partial deliveries they need not look at recognised rows again.
    """
    ask = sa.text(
        "select staging.delivery_sqn, made.delivery_sqn as made_by, check_name, rule_digest"
        " from metadata.delivery_status as staging"
        " cross join lateral unnest(string_to_array(recognised_after, ',')\\:\\:bigint[]) as made (delivery_sqn)"
        " left join metadata.data_quality_checks as held on held.delivery_sqn = made.delivery_sqn and held.passed"
        "   and held.unexpected_count = 0 and held.rule_digest is not null"
        " where staging.layer = 'staging' and staging.delivery_sqn = any(:sqns)"
    )
    if not partial:
        return frozenset(digests)
    with engine.connect() as connection:
        rows = connection.execute(ask, {"sqns": sorted(partial)}).all()
    makers = {row.made_by for row in rows}
    held = {(row.made_by, row.check_name, row.rule_digest) for row in rows}
    return frozenset(
        name
        for name, digest in digests.items()
        if digest and all((maker, name, digest) in held for maker in makers)
    )


def _staging_columns(engine: Engine, source: Source) -> tuple[str, ...]:
    ask = sa.text("select name from metadata.columns_of(cast(:table as regclass))")
    with engine.connect() as connection:
        return tuple(connection.execute(ask, {"table": layer_table("staging", source.name)}).scalars())


def _require_histories(engine: Engine, source: Source, extras: Mapping[str, Expectation]) -> None:
    """Raise if the history with which an expectation compares does not exist yet."""
    with engine.connect() as connection:
        for name, expectation in extras.items():
            if not isinstance(expectation, ExpectColumnValuesToBeInHistory):
                continue
            other = expectation.source
            if not sa.inspect(connection).has_table(other, schema="historical"):
                raise CheckInvalid(
                    f"source {source.name}: quality check {name}: source {other} has no history yet;"
                    f" expected a run of {other} before: `headwater run {other}`, then `headwater run {source.name}`"
                )


def _require_run(source: Source, name: str, answer: ExpectationValidationResult) -> None:
    """Raise if Great Expectations could not run an expectation, with the message of the database and no trace."""
    info = answer.exception_info
    for one in [info] if "raised_exception" in info else info.values():
        if not one["raised_exception"]:
            continue
        message = re.sub(r"^\(psycopg2[.\w]+\) ", "", str(one["exception_message"]).splitlines()[0])
        where = f"source {source.name}: quality check {name}: cannot be run on staging.stg_{source.name}"
        if asked(answer).type == ExpectNoDeliveryToBreakRule.expectation_type:
            raise HeadwaterError(f"{where}: {message}")
        raise CheckInvalid(f"{where}: {message}; expected parameters that fit the datatypes of its columns")
