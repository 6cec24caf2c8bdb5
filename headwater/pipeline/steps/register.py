"""Register what S3 has and Postgres does not know: its deliveries and events."""

from __future__ import annotations

from headwater.extract.landing.register import register_archive
from headwater.metadata.static.model import Source
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.context import RunContext
from headwater.pipeline.preparation import counted


def register(context: RunContext, source: Source) -> None:
    """Register a source's deliveries and events."""
    with context.record.step(source, StepName.REGISTER) as done:
        found = register_archive(
            context.engine, context.store, source.name, context.job(source).job_inst_id, done.warnings.append
        )
        if found:
            context.say(f"{source.name}: registered {counted(len(found))} that S3 has")
