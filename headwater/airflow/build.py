"""A job of the metadata as a DAG.

    start → the steps of the job, each after those that it waits for → finish

A step of a source is a task group, whose tasks `StepName` names: E discovers what is new and lands and loads each
delivery, T stages and checks, L makes history; `finish` cleans up. A job that begins with the extraction of one source
has no `start`: its `discover` does that, too. Steps of sources run whatever became of those before
them, since each asks by itself what there is to do; so a halted delivery does not hold up the others. Scripts and
callables run only when all went well before them, and what comes after one that failed does not run: the tasks ask
that themselves (`JobRun.attempt_at`), as no trigger rule says it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, Param, TaskGroup, WeightRule
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from headwater.airflow import tasks
from headwater.airflow.assets import any_history, history_of, success_of
from headwater.airflow.callbacks import tell_of_deadline, tell_of_failure, tell_of_timeout
from headwater.airflow.models import layer_group, marts_group
from headwater.metadata.static.model import Catalog, Job, Source
from headwater.metadata.static.plan import Step, begins_in, plan, sources_of, waits_for
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.marts_run import MartsRun
from headwater.project import Project, find_project
from headwater.shared_airflow import dag_id_of, folders, project_tag

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
LONGEST_DELAY = timedelta(hours=1)
PRIORITY = 1000  # of a job; what is below that lets what has begun end before anything else begins
LONGEST_TAG = 100  # of Airflow, which else refuses the DAG, and with it all that its file makes


@dataclass(frozen=True)
class Ends:
    """The tasks with which a step begins and ends."""

    first: Any
    last: Any


def build_dag(project: Project, catalog: Catalog, job: Job) -> DAG:
    """The DAG of a job. Touches no database, and reads of dbt only the pieces of its manifest."""
    steps = plan(catalog, job)
    sources = sources_of(steps)
    with DAG(
        dag_id=dag_id_of(job.name),
        description=job.description,
        doc_md=_doc(job, sources),
        schedule=[success_of(name) for name in job.after_job] or job.schedule,
        start_date=BEGINNING.replace(tzinfo=ZoneInfo(job.time_zone)) if job.time_zone else BEGINNING,
        catchup=False,
        max_active_runs=job.max_active_runs,
        max_active_tasks=job.max_parallel,
        dagrun_timeout=timedelta(minutes=job.timeout_min) if job.timeout_min else None,
        deadline=_deadline(job),
        tags=_tags(job, sources),
        default_args={
            "owner": job.owner,
            **({"pool": job.pool} if job.pool else {}),
            "weight_rule": WeightRule.ABSOLUTE,
            "retries": job.retries,
            "retry_delay": timedelta(seconds=job.retry_delay_s),
            "retry_exponential_backoff": 2,
            "max_retry_delay": LONGEST_DELAY,
        },
        on_failure_callback=tell_of_timeout,
    ) as dag:
        begins = begins_in(steps)
        start: Any = None if begins else tasks.start(job.name)
        ends = {step.name: _step(project, step, begins=step == begins) for step in steps}
        loose = dict(ends)
        for name, before in waits_for(steps).items():
            first = ends[name].first
            if upstream := [ends[step.name].last for step in before] or start:
                upstream >> first
            for step in before:
                loose.pop(step.name, None)
        finish = tasks.finish.override(outlets=[success_of(job.name)], on_failure_callback=tell_of_failure)(
            job.name
        )
        ([end.last for end in loose.values()] or start) >> finish
    _weigh(dag, job.priority)
    dag.params.update(
        _params(job)
    )  # told last: a task made after it would have, and serialise, a copy of its own
    return dag


def build_marts_dag(project: Project) -> DAG:
    """The DAG that builds the marts, after any history may have changed; nothing happens where none has."""
    with DAG(
        dag_id=dag_id_of(MartsRun.JOB),
        description="What consumers read, made of the histories",
        doc_md="Builds the models of `models/marts`, unless they were made of these very histories and models.",
        schedule=[any_history()],
        start_date=BEGINNING,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,  # it runs when a job has made history, and no sooner
        tags=["marts", *project_tag()],
        default_args={
            "retries": 2,
            "retry_delay": timedelta(seconds=30),
            "retry_exponential_backoff": 2,
            "weight_rule": WeightRule.ABSOLUTE,
        },
        on_failure_callback=tell_of_timeout,
    ) as dag:
        (
            tasks.start_marts()
            >> marts_group(project)
            >> tasks.finish_marts.override(on_failure_callback=tell_of_failure)()
        )
    _weigh(dag, priority=1)
    return dag


def _step(project: Project, step: Step, *, begins: bool) -> Ends:
    if step.sql_script:
        task = tasks.run_script.override(task_id=step.name)(step.name)
        return Ends(task, task)
    if step.python_callable:
        task = tasks.call.override(task_id=step.name)(step.name)
        return Ends(task, task)
    source = step.source_or_fail
    with TaskGroup(step.name, tooltip=f"{source.name}: {source.description}"):
        made: list[Any] = []
        for name in step.names:
            made.append(_task(project, step, name, made[-1] if made else None, begins=begins))
    return Ends(made[0], made[-1])


def _task(project: Project, step: Step, name: StepName, before: Any, *, begins: bool) -> Any:
    """Make the task of a source's step, after the one before it; the run `begins` in the first of its first step."""
    if name is StepName.LAND:  # Airflow makes one for each batch, and has it wait for what hands them over
        return tasks.land.partial(step_name=step.name).expand(batch=before)
    made: Any
    if name is StepName.STAGE:
        made = layer_group(project, step, name)
    elif name is StepName.HISTORIZE:
        outlets = [any_history(), history_of(step.source_or_fail.name)]
        made = layer_group(project, step, name, outlets)
    elif name is StepName.DISCOVER:
        made = tasks.discover(step.name, begins=begins)
    else:
        made = tasks.check(step.name)
    if before is not None:
        before >> made
    return made


def _deadline(job: Job) -> DeadlineAlert | None:
    """By when a run is to be over; if it is not, the same are told that are told of a failure."""
    if job.deadline_min is None:
        return None
    about = {"owner": job.owner, "deadline_min": job.deadline_min}
    if folders():  # the triggerer works for all of them
        about["project"] = str(find_project().root)
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(minutes=job.deadline_min),
        callback=AsyncCallback(tell_of_deadline, about),
    )


def _weigh(dag: DAG, priority: int) -> None:
    """Say which task goes first where slots are short: that of a higher priority, then the later one of its job.

    So of many runs that begin together some end before the others begin, in place of all crawling along.
    """
    in_order: tuple[Any, ...] = dag.topological_sort()  # type: ignore[no-untyped-call]  # of Airflow
    for place, task in enumerate(in_order):
        task.priority_weight = priority * PRIORITY + min(place, PRIORITY - 1)


def _params(job: Job) -> dict[str, Param]:
    """Return what a person may say of one run, instead of what the metadata says."""
    return {
        "is_full_load": Param(
            job.is_full_load,
            type="boolean",
            title="Full load",
            description="Ask the publisher for everything, whatever was asked for before.",
        ),
        "del_temp_data": Param(
            job.del_temp_data,
            type="boolean",
            title="Delete temporary data",
            description="Delete from raw what history has.",
        ),
    }


def _tags(job: Job, sources: Sequence[Source]) -> list[str]:
    found = [*project_tag(), job.owner, *(source.data_source.name for source in sources)]
    found += [source.geographic_granularity for source in sources]
    return list(dict.fromkeys(text[:LONGEST_TAG] for text in found))


def _doc(job: Job, sources: Sequence[Source]) -> str:
    rows = [
        f"| {source.name} | {_cell(source.description)} | {source.data_source.name} | {source.delivery_type}"
        f" | {source.schedule} | {_cell(source.owner)} |"
        for source in sources
    ]
    header = ["| source | what it holds | from | delivery | published | owner |", "|---|---|---|---|---|---|"]
    # Airflow reads a file in place of a text that ends like the name of one
    return "\n".join([job.description, *(["", *header, *rows] if rows else []), ""])


def _cell(text: str) -> str:
    """A text in a cell of a table of Markdown."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")
