"""The valid part of metadata when some of it is not: the jobs that no broken row has to do with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from headwater.metadata.static.check import Problem, check_seeds, load_and_check
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.model import Catalog
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.read import catalog_of
from headwater.metadata.static.rows import Row
from headwater.metadata.static.schema import TABLES

OF_SOURCE = ("attribute", "source_attribute", "quality_check", "job_task")
OF_JOB = ("source", "job_task")


def read_valid_catalog(folder: Path) -> tuple[Catalog, list[Problem]]:
    """The metadata without the jobs that something is wrong with, and everything that is wrong."""
    seeds, problems = read_valid_seeds(folder)
    return catalog_of(seeds), problems


def read_valid_seeds(folder: Path) -> tuple[Seeds, list[Problem]]:
    """The rows without those of the jobs that something is wrong with, and everything that is wrong.

    A job goes with its sources, tasks and the jobs that wait for it, since half a source would make another history.
    """
    seeds, problems = load_and_check(folder)
    found = problems
    broken = [
        problem for problem in problems if Path(problem.file).stem in TABLES
    ]  # a stray file is no job's
    while broken:
        if seeds.unreadable or not _leave_out(seeds, broken):
            return Seeds(), found
        again = Problems(folder.resolve().name)
        check_seeds(seeds, again)
        broken = again.in_order()
    return seeds, found


def _leave_out(seeds: Seeds, problems: Iterable[Problem]) -> bool:
    """Drop the rows that are broken, and the jobs that have to do with them; whether there were any."""
    lines: dict[str, set[int]] = {}
    for problem in problems:
        lines.setdefault(Path(problem.file).stem, set()).add(problem.line)

    def is_broken(table: str, row: Row) -> bool:
        return row.line in lines.get(row.origin.table if row.origin else table, ())

    broken = {table: [row for row in seeds.rows[table] if is_broken(table, row)] for table in TABLES}
    torn = seeds.broken_cells
    sources = {row.text("source") for table in ("source", *OF_SOURCE) for row in broken[table]}
    sources |= set().union(*(torn[table] for table in ("source", *OF_SOURCE)))
    sources.discard("")  # a task without a source has to do with those of no other job
    jobs = {row.text("job") for table in ("job", *OF_JOB) for row in broken[table]}
    jobs |= set().union(*(torn[table] for table in ("job", *OF_JOB)))
    jobs.discard("")
    jobs |= {row.text("job") for row in seeds.rows["source"] if row.text("source") in sources}
    jobs |= {row.text("job") for row in seeds.rows["job_task"] if row.text("source") in sources}
    sources |= {row.text("source") for row in seeds.rows["source"] if row.text("job") in jobs}

    def goes(table: str, row: Row) -> bool:
        return (
            is_broken(table, row)
            or (table in ("job", *OF_JOB) and row.text("job") in jobs)
            or (table in ("source", *OF_SOURCE) and row.text("source") in sources)
        )

    gone = 0
    for table, rows in seeds.rows.items():
        kept = [row for row in rows if not goes(table, row)]
        gone += len(rows) - len(kept)
        seeds.rows[table] = kept
        if seeds.by_name[table]:
            names = {row.text(table) for row in kept}
            seeds.by_name[table] = {name: row for name, row in seeds.by_name[table].items() if name in names}
    is_less = gone > 0 or any(torn.values())
    for table in TABLES:
        seeds.broken_names[table], seeds.broken_cells[table] = set(), set()
    seeds.garbled.clear()
    return is_less
