"""Rows of quality_check as checks, and the JSON of a former column of source (`quality_checks`) as such rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from headwater.metadata.static.check_parameters import (
    TEXTS,
    is_parameter_name,
    parse_parameters,
    write_parameters,
)
from headwater.metadata.static.model import QualityCheck, Severity
from headwater.metadata.static.rows import Row
from headwater.metadata.static.short_forms import resolve_check

FORMER = "quality_checks"  # the column of source that quality_check took the place of
_CELLS = ("expect", "column", "severity", "description")  # members that are cells; the others are parameters


def check_of(row: Row) -> QualityCheck:
    """Return a row, with which nothing is wrong, as a check."""
    severity: Severity = "warning" if row["severity"] == "warning" else "critical"
    return resolve_check(
        row.text("expectation"),
        row["column_name"],
        parse_parameters(row.text("parameters")),
        severity,
        row["description"],
    )


def members_of(cell: str) -> list[dict[str, Any]] | None:
    """Return the checks of a cell of `quality_checks`, None where it is not a list of objects that rows can say."""
    try:
        checks = json.loads(cell)
    except ValueError:
        return None
    if not isinstance(checks, list) or not all(isinstance(check, dict) for check in checks):
        return None
    return checks if all(map(_is_sayable, checks)) else None


def cells_of(source: str, check: Mapping[str, Any]) -> dict[str, str | None]:
    """Return one check of `quality_checks` as the cells of its row."""
    return {
        "source": source,
        "expectation": check.get("expect"),
        "column_name": check.get("column"),
        "parameters": write_parameters(dict(_parameters_of(check))) or None,
        "severity": check.get("severity"),
        "description": check.get("description"),
    }


def _parameters_of(check: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in check.items():
        if name not in _CELLS and value is not None:  # null is the default of each
            yield name, json.dumps(value) if name in TEXTS and not isinstance(value, str) else value


def _is_sayable(check: Mapping[str, Any]) -> bool:
    texts = (check.get(name) for name in _CELLS)
    return all(text is None or isinstance(text, str) for text in texts) and all(map(is_parameter_name, check))
