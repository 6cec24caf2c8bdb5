"""Orphaned job instances: closed as failed by another process, with the tasks they left and the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from headwater.metadata.process.jobs import end
from headwater.metadata.process.liveness import life_lock
from headwater.metadata.process.rebuilds import put_back_abandoned
from headwater.metadata.process.recorded_run import closed_by
from headwater.metadata.process.tables import job_inst, job_inst_task, log_dtl, log_header

PROCESS_ENDED = "the process ended without closing its job instance"
AIRFLOW_ENDED = "Airflow ended the run before its last task could close its job instance"


def close_ended(
    engine: Engine, how_ended: Callable[[str, str], str | None], job: str | None = None
) -> list[int]:
    """Close the job instances, of one job or of all, whose run Airflow ended without their last task.

    `how_ended` returns for a job and its run_id how Airflow ended the run, and None while it is alive:
    queued, waiting for a retry, or running. Returns the ids of the closed ones.
    """
    open_ones = (
        sa.select(job_inst.c.job_inst_id, job_inst.c.job, job_inst.c.run_id)
        .where(job_inst.c.status == "running", job_inst.c.runner == "airflow")
        .order_by(job_inst.c.job_inst_id)
    )
    if job is not None:
        open_ones = open_ones.where(job_inst.c.job == job)
    with engine.connect() as connection:
        rows = connection.execute(open_ones).all()
    closed = []
    for row in rows:
        if (how := how_ended(row.job, row.run_id)) is not None:
            with engine.begin() as connection:
                if _close(connection, row.job_inst_id, f"{AIRFLOW_ENDED}: {how}"):
                    closed.append(row.job_inst_id)
    return closed


def close_abandoned(engine: Engine) -> list[int]:
    """Close the job instances of dead processes, and undo their rebuilds; return their ids."""
    closed = []
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        running = connection.execute(
            sa.select(job_inst.c.job_inst_id).where(
                job_inst.c.status == "running", job_inst.c.runner == "terminal"
            )
        )
        running_ids: Sequence[int] = running.scalars().all()
        for job_inst_id in running_ids:
            if connection.execute(life_lock("pg_try_advisory_lock", job_inst_id)).scalar():
                with engine.begin() as writing:
                    if _close(writing, job_inst_id, PROCESS_ENDED):
                        closed.append(job_inst_id)
                connection.execute(life_lock("pg_advisory_unlock", job_inst_id))
    put_back_abandoned(engine)
    return closed


def _close(connection: Connection, job_inst_id: int, why: str) -> bool:
    """Close a job instance as failed, and record why and what it left beside its own last error. False if it
    is closed.
    """
    still_open = sa.select(job_inst.c.job_inst_id).where(
        job_inst.c.job_inst_id == job_inst_id, job_inst.c.status == "running"
    )
    if connection.execute(still_open.with_for_update()).one_or_none() is None:
        return False
    message = f"{why}. {_left(connection, job_inst_id)}"
    header: int = connection.execute(
        sa.select(log_header.c.log_header_id).where(log_header.c.job_inst_id == job_inst_id)
    ).scalar_one()
    connection.execute(
        log_dtl.insert().values(
            log_header_id=header,
            level="error",
            message=message,
            context={},
            logged_at=sa.func.clock_timestamp(),
        )
    )
    end(connection, job_inst_id, "failed", **closed_by(message))
    return True


def _left(connection: Connection, job_inst_id: int) -> str:
    """Return what a job instance left: the tasks that are recorded as running, else the last recorded one."""
    tasks = connection.execute(
        sa.select(
            job_inst_task.c.task, job_inst_task.c.status, job_inst_task.c.parameters["map_index"].as_integer()
        )
        .where(job_inst_task.c.job_inst_id == job_inst_id, ~job_inst_task.c.parameters.has_key("within"))
        .order_by(job_inst_task.c.job_inst_task_id)
    ).all()
    named = [
        (str(task) if index is None else f"{task}[{index}]", str(status)) for task, status, index in tasks
    ]
    running = [task for task, status in named if status == "running"]
    if running:
        return f"Left running: {', '.join(running)}"
    return "Nothing of it was running" + (f"; last was {named[-1][0]}, {named[-1][1]}" if named else "")
