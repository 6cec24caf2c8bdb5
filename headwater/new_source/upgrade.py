"""Rewriting of seeds: rows that follow from sources go, and checks of `quality_checks` become rows of quality_check.

The seeds mean the same before and after; if they would not, the upgrade is refused. Rows that stay keep their
order.
"""

from __future__ import annotations

import codecs
import csv
import io
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.metadata.errors import HeadwaterError, MetadataInvalid
from headwater.metadata.static.check import check
from headwater.metadata.static.check_parameters import parse_parameters, write_parameters
from headwater.metadata.static.defaults import complete
from headwater.metadata.static.load import Seeds, load_seeds
from headwater.metadata.static.model import Catalog
from headwater.metadata.static.naming import warehouse_tables
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.quality_rows import FORMER, cells_of, members_of
from headwater.metadata.static.read import catalog_of, read_catalog
from headwater.metadata.static.rows import Row
from headwater.metadata.static.schema import TABLES
from headwater.metadata.static.short_forms import shorten_check
from headwater.new_source.remove import without_lines
from headwater.new_source.write import Change, apply, with_columns, with_rows
from headwater.project import Project

Names = Mapping[str, frozenset[str]]  # table → names of rows
CHECKS = "quality_check"


@dataclass(frozen=True)
class Upgrade:
    """The rows by table that follow from sources, the number of checks that move, and the changed files."""

    dropped: Mapping[str, tuple[str, ...]]
    moved_checks: int
    changes: tuple[Change, ...]


def plan_upgrade(project: Project) -> Upgrade:
    """Return what an upgrade of the seeds would do. Raises `MetadataInvalid` where they are not valid."""
    if problems := check(project.seeds):
        raise MetadataInvalid(problems)
    before = read_catalog(project.seeds)
    rows = load_seeds(project.seeds, Problems(project.seeds.name)).rows
    dropped = _droppable(project.seeds, rows, before)
    moved = [cells for row in rows["source"] for cells in _checks_of(row)]
    changes = [*_without(project.seeds, rows, dropped), *_checks_moved(project.seeds, moved)]
    _require_same(project, before, changes)
    names = {
        table: tuple(name for row in rows[table] if (name := row.text(table)) in dropped[table])
        for table in dropped
    }
    return Upgrade({table: some for table, some in names.items() if some}, len(moved), tuple(changes))


def upgrade(planned: Upgrade) -> None:
    """Write the changed files, all or none. Raises `NewSourceRefused` if one has changed since it was read."""
    apply(planned.changes)


def _droppable(folder: Path, rows: Mapping[str, list[Row]], before: Catalog) -> Names:
    """Return the rows that would be made again, equal, if none of them stood in a file.

    Tables of raw come first: by default those after raw are as large as raw.
    """
    candidates = _candidates(rows)
    raw = {name for name in candidates["tbl"] if name.startswith("raw.")}
    nothing = frozenset[str]()
    of_raw = _made_again(folder, before, {"tbl": frozenset(raw), "job": nothing, "job_task": nothing})
    return _made_again(folder, before, {**candidates, "tbl": candidates["tbl"] - (raw - of_raw["tbl"])})


def _made_again(folder: Path, before: Catalog, dropped: Names) -> Names:
    """Return those of the rows that would be made again, equal, without all of them."""
    while True:
        after = catalog_of(_without_names(folder, dropped))
        kept = {
            "tbl": _equal(dropped["tbl"], before.tbls, after.tbls),
            "job": _equal(dropped["job"], before.jobs, after.jobs),
            "job_task": _equal(dropped["job_task"], before.job_tasks, after.job_tasks),
        }
        if kept == dropped:
            return dropped
        dropped = kept


def _equal(names: frozenset[str], before: Mapping[str, Any], after: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name for name in names if after.get(name) == before[name])


def _candidates(rows: Mapping[str, list[Row]]) -> Names:
    """Return the rows that could follow from sources, by their names."""
    sources = {row.text("source"): row for row in rows["source"]}
    tables = {table for name in sources for table in warehouse_tables(name)}
    return {
        "tbl": frozenset(row.text("tbl") for row in rows["tbl"]) & tables,
        "job": frozenset(
            name
            for row in rows["job"]
            if (name := row.text("job")) in sources and sources[name]["job"] in (None, name)
        ),
        "job_task": frozenset(row.text("job_task") for row in rows["job_task"] if row["source"]),
    }


def _without_names(folder: Path, dropped: Names) -> Seeds:
    seeds = load_seeds(folder, Problems(folder.name))
    for table, names in dropped.items():
        seeds.rows[table] = [row for row in seeds.rows[table] if row.text(table) not in names]
        seeds.by_name[table] = {name: row for name, row in seeds.by_name[table].items() if name not in names}
    complete(seeds)
    return seeds


def _without(folder: Path, rows: Mapping[str, list[Row]], dropped: Names) -> Iterator[Change]:
    for table, names in dropped.items():
        if names:
            path = folder / f"{table}.csv"
            before = path.read_bytes()
            lines = [row.line for row in rows[table] if row.text(table) in names]
            yield Change(path, before, without_lines(before, lines))


def _checks_of(source: Row) -> Iterator[dict[str, str]]:
    """Yield the checks of `quality_checks` as rows, by a short form where one says the same."""
    for check_ in (members_of(source.text(FORMER)) if source[FORMER] else None) or []:
        cells = cells_of(source.text("source"), check_)
        expectation, column, parameters = shorten_check(
            cells["expectation"] or "", cells["column_name"], parse_parameters(cells["parameters"] or "")
        )
        shortened: dict[str, Any] = {
            "expectation": expectation,
            "column_name": column,
            "parameters": write_parameters(parameters),
        }
        yield {name: cell or "" for name, cell in {**cells, **shortened}.items()}


def _checks_moved(folder: Path, moved: list[dict[str, str]]) -> Iterator[Change]:
    """Yield the new rows of quality_check, and source without its former column."""
    path = folder / f"{CHECKS}.csv"
    if moved:
        before = path.read_bytes() if path.exists() else None
        file = before or f"{','.join(TABLES[CHECKS].current_names)}\n".encode()
        yield Change(path, before, with_rows(with_columns(file, moved), moved))
    path = folder / "source.csv"
    file = path.read_bytes()
    if (after := _without_column(file, FORMER)) != file:
        yield Change(path, file, after)


def _without_column(before: bytes, column: str) -> bytes:
    """Return a CSV without a column, with its line ends and its empty lines."""
    text = before.decode("utf-8-sig")
    records = list(csv.reader(io.StringIO(text, newline="")))
    if column not in records[0]:
        return before
    place = records[0].index(column)
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n" if "\r\n" in text else "\n")
    writer.writerows(fields[:place] + fields[place + 1 :] for fields in records)
    after = written.getvalue()
    if not before.endswith((b"\n", b"\r")):
        after = after.removesuffix("\n").removesuffix("\r")
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
    return mark + after.encode()


def _require_same(project: Project, before: Catalog, changes: list[Change]) -> None:
    with tempfile.TemporaryDirectory(prefix="headwater-") as folder:
        seeds = Path(folder) / project.seeds.name
        shutil.copytree(project.seeds, seeds)
        for change in changes:
            (seeds / change.path.name).write_bytes(change.after or b"")
        after = read_catalog(seeds)
    if after != before:
        differing = [
            name
            for name in ("tbls", "jobs", "job_tasks", "sources")
            if getattr(after, name) != getattr(before, name)
        ]
        raise HeadwaterError(
            f"the upgraded seeds would not say the same ({', '.join(differing) or 'connections'} differ). Nothing was"
            " written; expected equal metadata, so this is a fault of the upgrade: keep the seeds as they are, which"
            " works on"
        )
