"""Build what consumers read from the histories, by dbt."""

from __future__ import annotations

from collections.abc import Iterable

from headwater.dbt_project import marts
from headwater.metadata.connection import session_lock
from headwater.metadata.failures import FAILURES, failure_of
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.context import RunContext


def build_marts(context: RunContext, names: Iterable[str], every_source: Iterable[str]) -> None:
    """Build the marts, unless they were made of this very history and these very models.

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
        made_of = marts.made_of(context.project, context.engine, unbuilt)
        if made_of == marts.last_made_of(context.engine):
            return
        context.say("marts: building")
        exclude = [f"hist_{name}+" for name in unbuilt]
        with context.record.shared_step(StepName.MARTS, names, made_of=made_of) as outcomes:
            for model in context.models.run_marts(exclude):
                if model.error is not None:
                    context.record.fail_marts(str(model.error))
                    for outcome in outcomes.values():
                        outcome.worsen("failed")
