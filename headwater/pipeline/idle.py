"""Idle sources: nothing waits in any of their layers, so that the rest of their steps has nothing to do."""

from __future__ import annotations

from sqlalchemy import Engine

from headwater.dbt_project import marts
from headwater.metadata.process.deliveries import pending
from headwater.metadata.static.load import row_names
from headwater.metadata.static.model import Source
from headwater.metadata.static.step_names import StepName
from headwater.pipeline import retention
from headwater.pipeline.context import RunContext
from headwater.pipeline.steps.clean_up import what_to_keep
from headwater.project import Project
from headwater.queries.halts import halted_by


def is_idle(context: RunContext, source: Source, *, del_temp_data: bool) -> bool:
    """Return whether no step after `discover` has anything to do for a source that it found nothing new of.

    Each asks what the step itself asks. What the run halted in an earlier try is work, too: its check says so again.
    """
    job_inst_id = context.job(source).job_inst_id
    with context.engine.connect() as connection:
        waits = any(
            pending(connection, source.name, layer) for layer in ("raw", "staging", "checks", "historical")
        )
        halts = halted_by(connection, job_inst_id, source.name)
        purges = retention.to_purge(
            connection, source.name, what_to_keep(source, del_temp_data=del_temp_data)
        )
    if waits or halts or purges:
        return False
    return not any(context.builds.is_due(step, source) for step in (StepName.STAGE, StepName.HISTORIZE))


def are_marts_due(project: Project, engine: Engine) -> bool:
    """Return whether the marts are made of something else by now, such as a model that was edited.

    The histories tell the run of the marts to begin, so none of them is left out then.
    """
    if not marts.models(project):
        return False
    unbuilt = marts.unbuilt(engine, row_names(project.seeds, "source"))
    made_of = marts.made_of(project, engine, marts.waiting(project, unbuilt))
    return bool(marts.due(made_of, marts.last_made_of(engine)))
