"""Build what consumers read from the histories, by dbt."""

from __future__ import annotations

from collections.abc import Iterable

from headwater.dbt_project import marts
from headwater.metadata.connection import session_lock
from headwater.metadata.failures import FAILURES, failure_of
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.context import RunContext
from headwater.pipeline.preparation import listed_names


def build_marts(context: RunContext, names: Iterable[str], every_source: Iterable[str]) -> None:
    """Build the marts that were not made of these very histories and models, side by side.

    The task is on record in the jobs of the sources `names`; `every_source` are those that marts may read.
    """
    if not marts.models(context.project):
        return
    try:
        _build(context, names, every_source)
    except FAILURES as error:
        context.record.keep_trace(StepName.MARTS, error)
        context.record.fail_marts(f"{StepName.MARTS}: {failure_of(error)}")


def _build(context: RunContext, names: Iterable[str], every_source: Iterable[str]) -> None:
    with session_lock(context.engine, marts.LOCK):
        unbuilt = marts.unbuilt(context.engine, every_source)
        waiting = marts.waiting(context.project, unbuilt)
        made_of = marts.made_of(context.project, context.engine, waiting)
        due = [mart for mart in marts.due(made_of, marts.last_made_of(context.engine)) if mart not in waiting]
        if not due:
            return
        context.say(f"marts: building {listed_names(due)}")
        with context.record.shared_step(StepName.MARTS, names, made_of=made_of) as outcomes:
            for model in context.models.run_marts(due):
                if model.error is not None:
                    context.record.fail_marts(str(model.error))
                    for outcome in outcomes.values():
                        outcome.worsen("failed")
