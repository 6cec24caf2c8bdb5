"""The check for columns of which (nearly) no value fits the type in the metadata any more."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.checks.current import Recognised, recognised_rows_of
from headwater.checks.sql import column_list, names_of, quoted, staging_table
from headwater.checks.verdict import LONGEST_VALUE, SAMPLE_SIZE, CheckResult
from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.redaction import beginning
from headwater.metadata.static.model import Attribute, Severity, Source

NEARLY_ALL = 0.9
FEWEST_VALUES = 10  # fewer may be individual mistakes


def changed_types(
    connection: Connection,
    source: Source,
    delivery: Delivery,
    severity: Severity,
    recognised: Recognised | None = None,
) -> CheckResult | None:
    """Return the check `type_changed`; None if no row of the delivery fell out for a type.

    The quarantine has a row only under its first violated rule, so of several changed columns the check names
    the first.
    """
    fell = {
        row.column_name: row.row_count
        for row in connection.execute(
            sa.text(
                "select column_name, count(*) as row_count from metadata.quarantined_row"
                " where delivery_sqn = :sqn and rule = 'type' group by column_name"
            ),
            {"sqn": delivery.delivery_sqn},
        )
    }
    if not fell:
        return None
    suspects = [a for a in source.attributes if fell.get(a.target_name, 0) >= FEWEST_VALUES]
    message, sample = [], []
    for attribute, fit in zip(
        suspects, _values_that_fit(connection, source, delivery, suspects, recognised), strict=True
    ):
        count = fell[attribute.target_name]
        if count < NEARLY_ALL * (count + fit):
            continue
        found = _sample(connection, delivery, attribute)
        shown = ", ".join(dict.fromkeys(repr(beginning(one["value"])) for one in found[:3]))
        message.append(
            f"{attribute.target_name} ({attribute.source_name!r}): {count:,} of {count + fit:,} values are no"
            f" {_expected(attribute)}, such as {shown}: its type or format has changed"
        )
        sample += found
    return CheckResult(
        check_name="type_changed",
        severity=severity,
        passed=not message,
        observed="; ".join(message) or f"no column, though {sum(fell.values()):,} rows fell out for a type",
        unexpected_count=len(message),
        unexpected_sample=tuple(sample[:SAMPLE_SIZE]),
    )


def _values_that_fit(
    connection: Connection,
    source: Source,
    delivery: Delivery,
    suspects: list[Attribute],
    recognised: Recognised | None,
) -> list[int]:
    """Return the number of values of each column in the rows that can go on."""
    if not suspects:
        return []
    columns = names_of(suspects)
    counts = ", ".join(f"count({quoted(name)})" for name in columns)
    rows = f"select {column_list(columns)} from {staging_table(source)} where delivery_sqn = {delivery.delivery_sqn}"
    if recognised:
        held = column_list(columns, "held.")
        rows += f" union all {recognised_rows_of(source, delivery.delivery_sqn, held, recognised)}"
    row = connection.execute(sa.text(f"select {counts} from ({rows}) as rows_of_delivery")).one()
    return [int(count) for count in row]


def _sample(connection: Connection, delivery: Delivery, attribute: Attribute) -> list[dict[str, Any]]:
    rows = connection.execute(
        sa.text(
            f"select line_number, left(row ->> :raw_column, {LONGEST_VALUE}) as value from metadata.quarantined_row"
            " where delivery_sqn = :sqn and rule = 'type' and column_name = :column"
            " order by line_number limit :limit"
        ),
        {
            "raw_column": attribute.raw_column,
            "sqn": delivery.delivery_sqn,
            "column": attribute.target_name,
            "limit": SAMPLE_SIZE,
        },
    )
    return [{"column": attribute.target_name, "value": row.value, "line": row.line_number} for row in rows]


def _expected(attribute: Attribute) -> str:
    return attribute.target_datatype + (f" ({attribute.format})" if attribute.format else "")
