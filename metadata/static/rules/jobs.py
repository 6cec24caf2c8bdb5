"""Rules of job and job_task: does every job come to run, and does every task know what to do?"""

from __future__ import annotations

from headwater.metadata.static.cycles import find_cycles
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.naming import names_in
from headwater.metadata.static.problem import WHOLE_ROW, Problems
from headwater.metadata.static.rows import Row

_WORK = ("source", "sql_script", "python_callable")
LONGEST_POOL = 250  # characters
_NO_JOBS = ("marts", "left_open", "docs")  # DAGs that Airflow has beside those of jobs


def check_jobs(seeds: Seeds, problems: Problems) -> None:
    """Every job and task on its own, jobs that wait for each other, and the order of a job's tasks."""
    for row in seeds.rows["job"]:
        _check_job(row, seeds, problems)
    waits = {row.text("job"): names_in(row["after_job"]) for row in seeds.rows["job"]}
    for cycle in find_cycles(waits):
        row = seeds.by_name["job"][cycle[0]]
        message = f"waits for itself: {' → '.join([*cycle, cycle[0]])}"
        problems.add("job", row, "after_job", message, "a job that does not lead back")
    for row in seeds.rows["job_task"]:
        _check_task(row, seeds, problems)
    _check_every_job_has_work(seeds, problems)
    _check_every_step_is_done(seeds, problems)
    _check_one_job_a_step(seeds, problems)
    _check_order_of_steps(seeds, problems)


def _check_job(row: Row, seeds: Seeds, problems: Problems) -> None:
    if row["job"] in _NO_JOBS:
        problems.add("job", row, "job", f'"{row["job"]}" is the name of a DAG that is no job', "another name")
    for column in ("owner", "description"):
        if row[column] is None and not row.origin:
            problems.add("job", row, column, "is blank", "a text, as its sources do not agree on one")
    if row.is_true("is_etl") and row["etl_steps"] is None:
        problems.add("job", row, "etl_steps", "is blank though is_etl is true", "one of E, ETL, TL")
    if row["is_etl"] == "false" and row["etl_steps"] is not None:
        problems.add(
            "job", row, "etl_steps", f'is "{row["etl_steps"]}" though is_etl is false', "a blank cell"
        )
    if row["after_job"] is not None and row["schedule"] is not None:
        message = f'stands beside after_job "{row["after_job"]}", which starts it'
        problems.add("job", row, "schedule", message, "one of schedule, after_job")
    for name in names_in(row["after_job"]):
        after = seeds.find("job", name)
        if after and row.is_true("is_active") and after["is_active"] == "false":
            message = f'waits for "{name}", which is not active'
            problems.add("job", row, "after_job", message, "an active job, or is_active false here too")
    _check_for_airflow(row, problems)


def _check_for_airflow(row: Row, problems: Problems) -> None:
    """Columns that only Airflow heeds: time zone, pool and deadline."""
    if row["time_zone"] is not None and row["schedule"] is None:
        message = f'is "{row["time_zone"]}" though there is no schedule'
        problems.add("job", row, "time_zone", message, "a blank cell, or a schedule")
    if len(row.text("pool")) > LONGEST_POOL:
        message = f"has {len(row.text('pool'))} characters"
        problems.add("job", row, "pool", message, f"{LONGEST_POOL} at most, as Airflow has it")
    deadline, timeout = row.text("deadline_min"), row.text("timeout_min")
    if deadline.isdigit() and timeout.isdigit() and int(deadline) >= int(timeout):
        message = f"is {deadline}, by when a run has been ended by timeout_min {timeout}"
        problems.add("job", row, "deadline_min", message, f"less than {timeout}, or a blank timeout_min")


def _check_task(row: Row, seeds: Seeds, problems: Problems) -> None:
    work = [column for column in _WORK if row[column] is not None]
    if len(work) != 1:
        message = f"has {' and '.join(work)}" if work else "has nothing to run"
        problems.add("job_task", row, WHOLE_ROW, message, f"exactly one of {', '.join(_WORK)}")
    if row["conn_str"] is not None and row["conn_api"] is not None:
        problems.add("job_task", row, "conn_api", "stands beside a conn_str", "one of conn_str, conn_api")
    if row["tgt_tbl"] is not None and row["tgt_tbl"] == row["src_tbl"]:
        problems.add("job_task", row, "tgt_tbl", f'"{row["tgt_tbl"]}" is the src_tbl too', "another table")
    job = seeds.find("job", row["job"])
    if job is None:
        return
    steps = job.text("etl_steps")
    if not job.is_true("is_etl"):
        if row["etl_step"] is not None:
            problems.add(
                "job_task",
                row,
                "etl_step",
                f'is "{row["etl_step"]}" though its job is not ETL',
                "a blank cell",
            )
        return
    if row.text("etl_step") not in steps or row["etl_step"] is None:
        message = f'"{row["etl_step"]}" is not a step' if row["etl_step"] else "is blank"
        problems.add("job_task", row, "etl_step", message, f"one of {', '.join(steps)}, the steps of its job")
    if row["tgt_tbl"] is None and row["source"] is None:
        problems.add("job_task", row, "tgt_tbl", "is blank", "the one table that an ETL task fills")


def _check_every_job_has_work(seeds: Seeds, problems: Problems) -> None:
    """An active job has an active task, or a source that it brings without any."""
    if "job_task" in seeds.unreadable or "source" in seeds.unreadable:
        return
    busy = {row.text("job") for row in seeds.rows["job_task"] if row.is_true("is_active")}
    busy |= {row.text("job") for row in seeds.rows["source"]}
    busy |= seeds.broken_cells["job_task"] | seeds.broken_cells["source"]
    for row in seeds.rows["job"]:
        if row.is_true("is_active") and row["job"] not in busy:
            expected = "an active row in job_task.csv, a source that names it, or is_active false"
            problems.add("job", row, "job", f'"{row["job"]}" has nothing to do', expected)


def _check_every_step_is_done(seeds: Seeds, problems: Problems) -> None:
    """A step of a source that tasks name is done by an active one: else nobody does it, and nothing says so."""
    per_step: dict[tuple[str, str], list[Row]] = {}
    for row in seeds.rows["job_task"]:
        if row["source"] and row["etl_step"]:
            per_step.setdefault((row.text("source"), row.text("etl_step")), []).append(row)
    for (source, step), rows in per_step.items():
        job = seeds.find("job", rows[0]["job"])
        if job and job.is_true("is_active") and all(row["is_active"] == "false" for row in rows):
            message = f"is false, and no other task does step {step} of {source}"
            expected = f"true, or is_active false for the job {job['job']}"
            problems.add("job_task", rows[0], "is_active", message, expected)


def _check_one_job_a_step(seeds: Seeds, problems: Problems) -> None:
    """A source may be brought in by one job and on by another, but no step of it is done twice."""
    per_step: dict[tuple[str, str], Row] = {}
    for row in seeds.rows["job_task"]:
        step = (row.text("source"), row.text("etl_step"))
        if not all(step) or row["is_active"] == "false":
            continue
        other = per_step.setdefault(step, row)
        if other is not row:
            message = f"does step {step[1]} of {step[0]}, which {other['job_task']} of line {other.line} does"
            problems.add("job_task", row, "etl_step", message, "one active task for a step of a source")


def _check_order_of_steps(seeds: Seeds, problems: Problems) -> None:
    """Within one source of a job, E comes before T and T before L."""
    latest: dict[tuple[str, str], Row] = {}
    tasks = [
        row
        for row in seeds.rows["job_task"]
        if row["source"] and row.text("etl_step") in ("E", "T", "L") and not row.origin
    ]
    for row in sorted(tasks, key=lambda task: "ETL".index(task.text("etl_step"))):
        if not row.text("step_seq").isdigit():
            continue
        before = latest.get((row.text("job"), row.text("source")))
        if (
            before
            and before["etl_step"] != row["etl_step"]
            and int(row.text("step_seq")) <= int(before.text("step_seq"))
        ):
            message = (
                f"step {row['etl_step']} runs no later than step {before['etl_step']} of line {before.line}"
            )
            problems.add("job_task", row, "step_seq", message, f"a number above {before['step_seq']}")
        latest[row.text("job"), row.text("source")] = row
