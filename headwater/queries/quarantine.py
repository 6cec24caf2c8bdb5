"""The quarantine of a source, row by row: the rows that fell out, the values that broke a rule, the original rows."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import sqlalchemy as sa
from sqlalchemy import Engine

RULES = ("null_key", "type", "duplicate_key")
COLUMNS = (
    "delivery_sqn", "publisher_name", "line_number", "key", "column_name", "rule", "value", "is_current_key", "row",
)  # fmt: skip
BATCH = 1000  # rows
FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # first characters of a cell that a spreadsheet would evaluate

# newest delivery first, and within it the order of its file
_ROWS = """
select
    fell.delivery_sqn,
    fell.publisher_name,
    fell.line_number,
    fell.key,
    fell.column_name,
    fell.rule,
    fell.value,
    stale.key is not null as is_current_key,
    fell.row
from metadata.fallen_out_row as fell
left join metadata.stale_current_keys(:source) as stale
    on stale.delivery_sqn = fell.delivery_sqn and stale.key = fell.key and fell.rule <> 'duplicate_key'
where fell.source = :source
    and (cast(:delivery as bigint) is null or fell.delivery_sqn = :delivery)
    and (cast(:rule as text) is null or fell.rule = :rule)
    and (cast(:column as text) is null or fell.column_name = :column)
    and (not :is_current or stale.key is not null)
"""
_IN_ORDER = (
    ' order by fell.delivery_date desc, fell.publisher_name collate "C" desc, fell.delivery_sqn desc, fell.line_number,'
    " fell.quarantined_row_id limit :limit"
)


@dataclass(frozen=True)
class Asked:
    """A filter of the quarantined rows of one source; by default all of them."""

    source: str
    delivery: int | None = None
    rule: str | None = None
    column: str | None = None
    is_current: bool = False  # only those of stale keys

    @property
    def values(self) -> dict[str, Any]:
        """Return the parameters of the query."""
        return {
            "source": self.source, "delivery": self.delivery, "rule": self.rule, "column": self.column,
            "is_current": self.is_current,
        }  # fmt: skip


def count_rows(engine: Engine, asked: Asked) -> int:
    """Return the number of rows."""
    with engine.connect() as connection:
        found = connection.execute(sa.text(f"select count(*) from ({_ROWS}) as found"), asked.values)
        return int(found.scalar_one())


def rows(engine: Engine, asked: Asked, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows, or the first `limit` of them, without holding them all in memory."""
    with engine.connect() as connection:
        streamed = connection.execution_options(stream_results=True, max_row_buffer=BATCH)
        for row in streamed.execute(sa.text(_ROWS + _IN_ORDER), {**asked.values, "limit": limit}).mappings():
            yield dict(row)


def write_csv(
    file: TextIO,
    found: Iterable[Mapping[str, Any]],
    columns: Sequence[str] = COLUMNS,
    *,
    for_spreadsheet: bool = False,
) -> None:
    """Write columns of rows as CSV, objects as JSON, with every text unchanged.

    `for_spreadsheet` puts a `'` before a text that a spreadsheet would take for a formula, because a
    publisher could plant one.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in found:
        cells = [csv_cell(row[name]) for name in columns]
        writer.writerow(map(_harmless, cells) if for_spreadsheet else cells)


def csv_cell(value: Any) -> str:
    """Return a value as text: null is empty, objects are JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULAS) else cell
