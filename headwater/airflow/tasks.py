"""The tasks of a job's DAG: each joins the job instance of its DAG run and does one step of it.

What a step of a source wrote is told to metrics and lineage where they are on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from airflow.sdk import DagRunState, TriggerRule, get_current_context, task
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRuntimeError,
    AirflowSkipException,
    DownstreamTasksSkipped,
)

from headwater.airflow.watch import source_task, watch
from headwater.docs import build_docs
from headwater.metadata.connection import engine, require_reachable
from headwater.metadata.errors import HeadwaterError, MetadataInvalid, NoJobInstance, StepHalted, StepNotDue
from headwater.metadata.failures import FAILURES, failure_of, trace_of
from headwater.metadata.process.migrate import upgrade
from headwater.metadata.process.orphaned_runs import close_abandoned, close_ended
from headwater.metadata.static.plan import Step
from headwater.metadata.static.step_names import StepName
from headwater.metadata.visible import in_line
from headwater.pipeline.job_run import NOT_WELL, JobRun
from headwater.pipeline.marts_run import MartsRun
from headwater.pipeline.shared_run import Attempt, SharedRun
from headwater.project import find_project
from headwater.shared_airflow import dag_id_of, job_of

log = logging.getLogger("headwater")

START_MARTS = "start_marts"
ALIVE = (DagRunState.QUEUED, DagRunState.RUNNING)


def say(line: str) -> None:
    """Into the task's log."""
    print(in_line(line), flush=True)


def complain(message: str) -> None:
    """Into the task's log as an error, whole: before anything else that Airflow says of a failure."""
    for line in message.splitlines():
        log.error("%s", in_line(line))


@task
def start(job: str) -> None:
    """Put the run on record, with the parameters that it really runs with."""
    context: Any = get_current_context()
    with explained():
        begin(context, job).tell_parameters(attempt_of(context))


def begin(context: Any, job: str) -> JobRun:
    """Put the DAG run on record as one of a job."""
    return JobRun.begin(
        find_project(),
        job,
        context["run_id"],
        say,
        overrides=dict(context["params"]),
        how_ended=lambda job, run_id: how_ended(context["ti"], job, run_id),
    )


def rule_of(name: StepName) -> TriggerRule:
    """Return when the task of a step runs: whatever became of the one before it, unless it needs its success."""
    return TriggerRule.ALL_SUCCESS if name.needs_success else TriggerRule.ALL_DONE


@source_task(task_id=StepName.DISCOVER.value, trigger_rule=rule_of(StepName.DISCOVER))
def discover(step_name: str, *, begins: bool = False) -> list[dict[str, Any]]:
    """Ask the publisher what is new; if the run `begins` here, put it on record first.

    Where that finds nothing, and nothing waits, the rest of what is the source's is skipped.
    """
    context: Any = get_current_context()
    if begins:
        with explained():
            begin(context, job_of(context["dag"].dag_id))
    with step_of(context, step_name) as (run, step):
        batches = run.discover(step)
        idle = [] if batches else run.idle_tasks(step)
    if idle:
        raise DownstreamTasksSkipped(tasks=idle)  # type: ignore[no-untyped-call]  # of Airflow
    return batches


@source_task(
    task_id=StepName.LAND.value, trigger_rule=rule_of(StepName.LAND), map_index_template="{{ shown }}"
)
def land(step_name: str, batch: Mapping[str, Any]) -> None:
    """Land a delivery and load it into raw."""
    context: Any = get_current_context()
    names = [offer["publisher_name"] for offer in batch["offers"]] or batch["deliveries"]
    context["shown"] = f"{names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
    with step_of(context, step_name) as (run, step):
        run.do(StepName.LAND, step, batch)


@source_task(task_id=StepName.CHECK.value, trigger_rule=rule_of(StepName.CHECK))
def check(step_name: str) -> None:
    """Check what is staged; red when a delivery is halted."""
    with step_of(get_current_context(), step_name) as (run, step):
        run.do(StepName.CHECK, step)


@task(trigger_rule=TriggerRule.ALL_DONE)
def run_script(step_name: str) -> None:
    """Run a sql_script."""
    with step_of(get_current_context(), step_name) as (run, step):
        run.run_script(step)


@task(trigger_rule=TriggerRule.ALL_DONE)
def call(step_name: str) -> None:
    """Call a Python callable."""
    with step_of(get_current_context(), step_name) as (run, step):
        run.call(step)


@source_task(trigger_rule=TriggerRule.ALL_DONE)
def finish(job: str) -> None:
    """Delete what need not stay, and close the job instance with the truth; red unless everything went well."""
    context: Any = get_current_context()
    with explained():
        run = JobRun(find_project(), job, context["run_id"], say)
        try:
            run.clean_up(attempt_of(context), tell=lambda: watch(context, run))
        except FAILURES:  # another try may delete it: the run is open again then
            run.finish(not_well_in(context))
            raise
        end(context, run)


@task
def close_left_open() -> None:
    """Close the job instances of runs that Airflow ended and of processes that are gone."""
    ti: Any = get_current_context()["ti"]
    with explained():
        on = engine()
        require_reachable(on)
        upgrade(on)
        closed = [*close_abandoned(on), *close_ended(on, lambda job, run_id: how_ended(ti, job, run_id))]
    say(f"closed the job instances {', '.join(map(str, closed))}" if closed else "there was none to close")


@task
def write_docs() -> None:
    """Write the pages to read, as `headwater docs` does."""
    with explained():
        on = engine()
        require_reachable(on)
        upgrade(on)
        project = find_project()
        say(f"wrote {build_docs(project.root, project.home, say)} and what it leads to")


@task
def start_marts() -> None:
    """Put a run on record, if the marts have to be built."""
    context: Any = get_current_context()
    with explained():
        begun = MartsRun.begin(
            find_project(),
            context["run_id"],
            say,
            lambda job, run_id: how_ended(context["ti"], job, run_id),
        )
    if begun is None:
        raise AirflowSkipException("marts: they are made of what they would be made of now")


@task(trigger_rule=TriggerRule.ALL_DONE)
def finish_marts() -> None:
    """Close the job instance with the truth; skipped where there was nothing to build, red where the start failed."""
    context: Any = get_current_context()
    with explained():
        try:
            end(context, MartsRun(find_project(), MartsRun.JOB, context["run_id"], say))
        except NoJobInstance as error:
            started = states_of(context).get(START_MARTS)
            if started != "skipped":
                state = started or "not run"
                message = f"{MartsRun.JOB}: {START_MARTS} is {state}, so nothing was built; its log says why"
                complain(message)
                raise AirflowFailException(message) from None
            raise AirflowSkipException(str(error)) from None


def end(context: Any, run: SharedRun) -> None:
    """Close the job instance of the DAG run with the truth, and fail unless everything went well."""
    ti = context["ti"]
    status = run.finish(not_well_in(context))
    if status != "succeeded":
        message = f"{ti.dag_id}: {status}. Last error: {run.last_error}"
        complain(message)
        raise AirflowFailException(message)
    say(f"{ti.dag_id}: {status}")


def not_well_in(context: Any) -> dict[str, str]:
    """Return the states of the other tasks of the DAG run that did not go well."""
    local = context["ti"].task_id
    return {name: state for name, state in states_of(context).items() if state in NOT_WELL and name != local}


def states_of(context: Any) -> dict[str, str]:
    """The state of each task of the DAG run, by its name; those that never came to be are not there."""
    ti, run_id = context["ti"], context["run_id"]
    states = ti.get_task_states(ti.dag_id, run_ids=[run_id]).get(run_id, {})
    return {name: str(state) for name, state in states.items()}


def how_ended(ti: Any, job: str, run_id: str) -> str | None:
    """Return what became of a run in Airflow, None while it lives. Raises what Airflow does when it cannot tell."""
    try:
        state = DagRunState(ti.get_dagrun_state(dag_id_of(job), run_id))
    except AirflowRuntimeError as error:
        if (error.error.detail or {}).get("status_code") == HTTPStatus.NOT_FOUND:
            return "it knows no such run any more, as when one is deleted"
        raise
    return None if state in ALIVE else f"there the run is {state.value}"


@contextmanager
def step_of(context: Any, step_name: str) -> Iterator[tuple[JobRun, Step]]:
    """Do the body as a try of a step of the DAG's job, on record; a user's error is said without a stack trace."""
    with explained():
        try:
            run = JobRun(find_project(), job_of(context["dag"].dag_id), context["run_id"], say)
        except NoJobInstance as error:
            raise AirflowSkipException(str(error)) from None
        step = run.step(step_name)
        try:
            with run.attempt_at(step, attempt_of(context)):
                yield run, step
        finally:
            watch(context, run)


def attempt_of(context: Any) -> Attempt:
    ti = context["ti"]
    return Attempt(ti.task_id, ti.try_number, ti.map_index if ti.map_index >= 0 else None)


@contextmanager
def explained() -> Iterator[None]:
    """Fail at once where trying again would change nothing; a message for a person is all that is shown of an error."""
    try:
        yield
    except StepNotDue as error:
        raise AirflowSkipException(str(error)) from None
    except (StepHalted, MetadataInvalid) as error:
        complain(str(error))
        raise AirflowFailException(str(error)) from None
    except HeadwaterError as error:
        complain(str(error))
        raise AirflowException(str(error)) from None
    except (AirflowException, AirflowRuntimeError):
        raise
    except Exception as error:  # noqa: BLE001  # an unexpected error, and what Postgres refuses: its trace goes to the log
        complain(str(failure_of(error)))
        for line in trace_of(error).splitlines():
            say(line)
        raise AirflowException(str(failure_of(error))) from None
