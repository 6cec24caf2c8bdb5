"""Recorded runs: the last one of each source, the latest ones, and the details of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.metadata.errors import HeadwaterError
from headwater.metadata.static.model import Catalog, Source

LEVELS = (
    "detail",
    "information",
    "error",
)  # levels of log lines, from the most to the least verbose
# runs of these kinds load deliveries into history; the others clean up, test or answer a query
WHOLE = ("run", "rebuild")
_GREATEST_ID = 2**63 - 1

WORST_FIRST = ("failed", "halted", "running", "succeeded")

# of a source, or of all (null)
_LAST = """
select asked.source, last.*
from unnest(cast(:sources as text[]), cast(:jobs as text[])) as asked (source, job)
cross join lateral (
    select job_inst_id, inst.job, run_id, kind, runner, inst.status, inst.started_at, inst.ended_at, last_error
    from metadata.job_inst as inst
    left join metadata.log_header using (job_inst_id)
    where inst.job = asked.job
        and kind = any(:whole)
        and coalesce(parameters -> 'sources' ? asked.source, true)
    order by job_inst_id desc
    limit 1
) as last
"""

_RUNS = """
select
    job_inst_id, inst.job, run_id, kind, runner, etl_steps, is_full_load, del_temp_data, parameters, inst.status,
    inst.started_at, inst.ended_at, last_error, closed_why
from metadata.job_inst as inst
left join metadata.log_header using (job_inst_id)
"""

_OF_RUN = """
where job_inst_id = :number or (
    not exists (select from metadata.job_inst as numbered where numbered.job_inst_id = :number)
    and starts_with(run_id, :text)
)
order by run_id, job_inst_id
limit :most
"""

_TASKS = """
select
    job_inst_task_id, task, etl_step, step_seq, source, map_index, try_number, within_job_inst_task_id, status,
    started_at, ended_at, delivery_sqns, last_error
from metadata.run_report
where job_inst_id = :job_inst_id and job_inst_task_id is not null
order by job_inst_task_id
"""

_DELIVERIES = """
select
    delivery.delivery_sqn, source, publisher_name, delivery_date,
    array_agg(
        layer order by array_position(array['landed', 'raw', 'staging', 'checks', 'historical'], layer)
    ) as layers,
    max(record_count) filter (where layer = 'raw') as raw_count,
    max(record_count) filter (where layer = 'historical') as historical_count
from metadata.delivery_status as wrote
inner join metadata.delivery on delivery.delivery_sqn = wrote.delivery_sqn
where wrote.job_inst_id = :job_inst_id
group by delivery.delivery_sqn
order by source, delivery_date, publisher_name collate "C", delivery.delivery_sqn
"""

_LOG = """
select logged_at, level, line.job_inst_task_id, task, message, context
from metadata.log_dtl as line
inner join metadata.log_header using (log_header_id)
left join metadata.job_inst_task as tasks on tasks.job_inst_task_id = line.job_inst_task_id
where log_header.job_inst_id = :job_inst_id and level = any(:levels)
order by log_dtl_id
"""


@dataclass(frozen=True)
class LastRun:
    """The last run of a job that loaded deliveries of a source, or of any source (None)."""

    source: str | None
    job: str
    job_inst_id: int
    run_id: str
    kind: str  # run or rebuild
    runner: str  # terminal or airflow
    status: str
    started_at: datetime
    ended_at: datetime | None
    last_error: str | None


def last_runs(connection: Connection, catalog: Catalog, sources: Iterable[Source]) -> dict[str, LastRun]:
    """Return the last run of each given source, by name; sources that never ran are missing.

    Dry runs, purges, recalls and manual dbt runs are ignored. If several jobs work on a source, returns the
    worst of their last runs, so that a successful load does not hide a failed extraction.
    """
    asked = [(source.name, job) for source in sources for job in jobs_of(catalog, source)]
    worst: dict[str, LastRun] = {}
    for run in _last(connection, asked):
        of_source = str(run.source)
        worst[of_source] = min(run, worst.get(of_source, run), key=_badness)
    return worst


def last_runs_of_jobs(connection: Connection, jobs: Iterable[str]) -> dict[str, LastRun]:
    """Return the last run of each given job, by name, of any source; jobs that never ran are missing."""
    return {run.job: run for run in _last(connection, [(None, job) for job in sorted(set(jobs))])}


def _last(connection: Connection, asked: Sequence[tuple[str | None, str]]) -> list[LastRun]:
    """Return the last run of each pair of source and job."""
    values = {
        "sources": [source for source, _ in asked],
        "jobs": [job for _, job in asked],
        "whole": list(WHOLE),
    }
    return [LastRun(**row) for row in connection.execute(sa.text(_LAST), values).mappings()]


def _badness(run: LastRun) -> tuple[int, int]:
    """Return a sort key: failed runs first, then by time, latest first."""
    return WORST_FIRST.index(run.status), -run.job_inst_id


def jobs_of(catalog: Catalog, source: Source) -> list[str]:
    """Return the jobs that work on a source: its own, and those with a step of it."""
    tasks = catalog.tasks_of_sources.get(source.name, ())
    others = {task.job for task in tasks if task.is_active}
    return [source.job, *sorted(others - {source.job})]


def latest(connection: Connection, job: str | None, limit: int | None) -> list[dict[str, Any]]:
    """Return the latest job instances of every kind, of one job or of all, newest first."""
    of_job = "where inst.job = :job" if job is not None else ""
    ask = sa.text(f"{_RUNS} {of_job} order by job_inst_id desc limit :limit")
    values = {"limit": limit, **({"job": job} if job is not None else {})}
    return [dict(row) for row in connection.execute(ask, values).mappings()]


def known_jobs(connection: Connection, catalog: Catalog) -> list[str]:
    """Return the jobs of the metadata, and other jobs that have runs."""
    ran = connection.scalars(sa.text("select distinct job from metadata.job_inst"))
    return sorted({*catalog.jobs, *ran})


def named(connection: Connection, text: str, job: str | None = None) -> list[dict[str, Any]]:
    """Return the job instances of one run, by the number of one of them, or by a prefix of the run_id.

    Raises `HeadwaterError` if there is none, or if several runs begin so.
    """
    is_number = text.isascii() and text.isdecimal() and int(text) <= _GREATEST_ID
    values = {"number": int(text) if is_number else -1, "text": text, "most": 1000}
    rows = [dict(row) for row in connection.execute(sa.text(_RUNS + _OF_RUN), values).mappings()]
    found = [row for row in rows if job is None or row["job"] == job]
    if not text or not found:
        raise HeadwaterError(
            f"no run {text!r}{f' of the job {job}' if job else ''}. Expected the number of a run or how its run_id"
            " begins; `headwater runs` lists the latest."
        )
    exact = [row for row in found if row["run_id"] == text] or found
    if len(run_ids := list(dict.fromkeys(row["run_id"] for row in exact))) > 1:
        more = " …" if len(run_ids) > 5 else ""
        raise HeadwaterError(
            f"several runs begin with {text!r}: {', '.join(run_ids[:5])}{more}. Expected more of one's run_id."
        )
    return exact


def details(connection: Connection, run: Mapping[str, Any], level: str) -> dict[str, Any]:
    """Return a job instance with its tasks, the deliveries whose layers it wrote last, and its log from a level on."""
    values = {"job_inst_id": run["job_inst_id"]}

    def rows(statement: str, **more: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in connection.execute(sa.text(statement), {**values, **more}).mappings()]

    return {
        **run,
        "tasks": rows(_TASKS),
        "deliveries": rows(_DELIVERIES),
        "log": rows(_LOG, levels=list(levels_from(level))),
    }


def levels_from(level: str) -> Sequence[str]:
    """Return this level and all less verbose ones."""
    return LEVELS[LEVELS.index(level) :]
