"""The sources, the jobs that run their steps, and who may decide; a broken row of the seeds hides only its source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from headwater.metadata.static.defaults import load_complete_seeds
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.naming import names_in
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.rows import Row

READ = ("source", "job", "job_task")  # tables of the seeds; jobs follow from sources, too
PHASES = EXTRACT, STAGE, HISTORIZE = ("E", "T", "L")
ALL_PHASES = "ETL"  # for a job with an unreadable row
Stamps = tuple[tuple[str, int, int], ...]  # of files: name, changed when, size


@dataclass(frozen=True)
class KnownSource:
    """A source, as the page shows it."""

    name: str
    job: str  # that it belongs to
    owner: str
    description: str
    job_of: Mapping[str, str]  # phase (E, T or L) → the job that runs it, if any
    jobs: tuple[str, ...]  # its own job and all that run a step of it, in the order of the phases
    is_chained: bool = False  # the job that loads history runs whenever the one that extracts has succeeded

    @property
    def history_job(self) -> str | None:
        """Return the job that updates its history; None if there is none."""
        return self.job_of.get(HISTORIZE)


def known_sources(seeds: Path) -> Mapping[str, KnownSource]:
    """Return the sources by name, sorted; reads the files again if they have changed."""
    return _read(seeds, _stamps_of(*(seeds / f"{table}.csv" for table in READ)))


def deciders_of(seeds: Path, job: str) -> Collection[str] | None:
    """Return the users, and the roles as role:name, who may decide about a job's deliveries; None: all who
    may trigger it.

    For a job with an unreadable row nobody may decide, because the row might restrict it.
    """
    return _read_deciders(seeds, _stamps_of(seeds / "job.csv", seeds / "source.csv")).get(job, ())


def _stamps_of(*paths: Path) -> Stamps:
    return tuple(
        (path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in paths if path.is_file()
    )


@lru_cache(maxsize=64)  # seeds of several projects may be read here
def _read_deciders(seeds: Path, _stamps: Stamps) -> Mapping[str, Collection[str] | None]:
    rows = load_complete_seeds(seeds, Problems(seeds.name)).rows["job"]
    return {row.text("job").strip(): names_in(row["may_decide"]) or None for row in rows}


@lru_cache(maxsize=64)  # seeds of several projects may be read here
def _read(folder: Path, _stamps: Stamps) -> Mapping[str, KnownSource]:
    seeds = load_complete_seeds(folder, Problems(folder.name))
    tasks: dict[str, list[Row]] = defaultdict(list)
    for task in seeds.rows["job_task"]:
        tasks[_cell(task, "source")].append(task)
    known = [_known(seeds, row, tasks[_cell(row, "source")]) for row in seeds.rows["source"]]
    return {one.name: one for one in sorted(known, key=lambda one: one.name) if one.name and one.job}


def _known(seeds: Seeds, row: Row, tasks: Sequence[Row]) -> KnownSource:
    name, own_job, owner, description = (
        _cell(row, column) for column in ("source", "job", "owner", "description")
    )
    of_phase = _jobs_of_phases(seeds, own_job, tasks)
    jobs = dict.fromkeys([*(job for phase in PHASES for job in of_phase[phase]), own_job])
    first = {phase: jobs_of_it[0] for phase, jobs_of_it in of_phase.items() if jobs_of_it}
    last = seeds.find("job", first.get(HISTORIZE))
    is_chained = last is not None and first.get(EXTRACT) in names_in(last["after_job"])
    return KnownSource(name, own_job, owner, description, first, tuple(jobs), is_chained)


def _jobs_of_phases(seeds: Seeds, own_job: str, tasks: Sequence[Row]) -> dict[str, list[str]]:
    """Return the jobs of each phase, active ones first, as the plan of jobs does, but also from broken rows."""
    messages = {_cell(task, "etl_step") for task in tasks}
    row = seeds.find("job", own_job)
    own_phases = ALL_PHASES if row is None else _cell(row, "etl_steps")
    found = {phase: [own_job] if phase in own_phases and phase not in messages else [] for phase in PHASES}
    for task in tasks:
        phase, job = _cell(task, "etl_step"), _cell(task, "job")
        if phase in found and job and task.is_true("is_active"):
            found[phase].append(job)
    return {phase: sorted(jobs, key=lambda job: _is_at_rest(seeds, job)) for phase, jobs in found.items()}


def _is_at_rest(seeds: Seeds, name: str) -> bool:
    row = seeds.find("job", name)
    return row is not None and not row.is_true("is_active")


def _cell(row: Row, column: str) -> str:
    return row.text(column).strip()
