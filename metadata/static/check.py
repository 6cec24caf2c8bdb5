"""`headwater check`: every rule of the static metadata, all broken ones told at once.

    load        is each file there, in UTF-8, a CSV with our columns?
    defaults    the rows that follow from others, which no person needs to write
    cells       is each cell what its column may hold; are keys unique and names known?
    check_*     do the tables agree: connections, jobs, tasks, options, attributes, sources, files, doubts, checks?

Needs no database, and reads nothing but the seeds.
"""

from __future__ import annotations

from pathlib import Path

from headwater.metadata.static.cells import check_cells
from headwater.metadata.static.defaults import load_complete_seeds
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.problem import Problem, Problems
from headwater.metadata.static.rules.attributes import check_attributes
from headwater.metadata.static.rules.connections import check_connections
from headwater.metadata.static.rules.jobs import check_jobs
from headwater.metadata.static.rules.options import check_options
from headwater.metadata.static.rules.quality import check_quality
from headwater.metadata.static.rules.sources import check_sources
from headwater.metadata.static.rules.tasks import check_tasks

__all__ = ["Problem", "check", "check_seeds", "load_and_check"]


def check(seeds: Path) -> list[Problem]:
    """Everything that is wrong in the folder `seeds`, in the order of table, line and column."""
    return load_and_check(seeds)[1]


def load_and_check(folder: Path) -> tuple[Seeds, list[Problem]]:
    """The rows of the folder and what is wrong with them; the rows are valid when nothing is."""
    problems = Problems(folder.resolve().name)
    seeds = load_complete_seeds(folder, problems)
    check_seeds(seeds, problems)
    return seeds, problems.in_order()


def check_seeds(seeds: Seeds, problems: Problems) -> None:
    """Return what is wrong with rows that are loaded."""
    check_cells(seeds, problems)
    check_connections(seeds, problems)
    check_jobs(seeds, problems)
    check_tasks(seeds, problems)
    check_options(seeds, problems)
    check_attributes(seeds, problems)
    check_sources(seeds, problems)
    check_quality(seeds, problems)
