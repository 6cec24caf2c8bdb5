"""Rows that follow from what a person wrote, made once: right after reading, before any rule sees the tables.

Whatever reads the static metadata sees complete rows: rules, the plan of a job, Airflow, dbt. A row that is made names
the row from which it follows (`Row.origin`), so that an error names what a person can edit.
"""

from __future__ import annotations

from pathlib import Path

from headwater.metadata.static.load import Seeds, load_seeds
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.quality_rows import FORMER, cells_of, members_of
from headwater.metadata.static.rows import Origin, Row


def load_complete_seeds(folder: Path, problems: Problems) -> Seeds:
    """Read every table of `folder`, and complete it."""
    seeds = load_seeds(folder, problems)
    complete(seeds)
    return seeds


def complete(seeds: Seeds) -> None:
    """Add the rows that follow from others. What is complete stays as it is."""
    for row in seeds.rows["source"]:
        _move_former_checks(row, seeds)


def _move_former_checks(source: Row, seeds: Seeds) -> None:
    """Turn the JSON of `quality_checks` into rows of quality_check; what is none is left for the rules to tell."""
    checks = members_of(source.text(FORMER)) if source[FORMER] else []
    if checks is None:
        return
    source.cells[FORMER] = None
    for number, check in enumerate(checks, start=1):
        origin = Origin("source", source.line, f"check {number}", FORMER)
        cells = cells_of(source.text("source").strip(), check)
        seeds.rows["quality_check"].append(Row(source.line, cells, origin))
