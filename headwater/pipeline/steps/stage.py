"""Make staging of raw, by dbt."""

from __future__ import annotations

from headwater.metadata.static.step_names import StepName
from headwater.pipeline.context import RunContext
from headwater.pipeline.layer_builds import Sources
from headwater.pipeline.model_runner import ModelRunner


def stage(context: RunContext, sources: Sources, runner: ModelRunner | None = None) -> None:
    """Stage what sources have pending, in one dbt run, or in that of a `runner`."""
    context.builds.build(StepName.STAGE, sources, runner or context.models)
