"""Bring history up to what is effective, by dbt; what it needs again and staging has no more comes back from S3."""

from __future__ import annotations

from headwater.metadata.static.model import Source
from headwater.metadata.static.step_names import StepName
from headwater.pipeline import layers
from headwater.pipeline.context import RunContext
from headwater.pipeline.layer_builds import Sources
from headwater.pipeline.model_runner import ModelRunner
from headwater.pipeline.results import StepResult
from headwater.pipeline.steps.load_raw import load_raw
from headwater.pipeline.steps.stage import stage


def reload(context: RunContext, sources: Sources) -> None:
    """Bring back to staging what history needs again and no longer finds there: S3 has it."""
    context.each(StepName.RELOAD, sources.values(), _reload_raw)
    if context.builds.due(
        StepName.STAGE, sources, lambda name: bool(layers.pending(context.engine, name, "staging"))
    ):
        stage(context, sources)


def _reload_raw(context: RunContext, source: Source) -> None:
    if layers.pending(context.engine, source.name, "raw"):
        load_raw(context, source)


def historize(context: RunContext, sources: Sources, runner: ModelRunner | None = None) -> None:
    """Make history of sources in which what is effective is not what is loaded, in one dbt run, or in a `runner`'s."""
    held: dict[str, dict[int, str]] = {}
    for name in sources:
        with context.record.spared(name, StepName.HISTORIZE):
            held[name] = layers.held_by_history(context.engine, name)
    context.builds.build(StepName.HISTORIZE, sources, runner or context.models)
    for name, before in held.items():
        with context.record.spared(name, StepName.HISTORIZE):
            after = layers.held_by_history(context.engine, name)
            loaded = after.items() - before.items()
            done = StepResult(loaded=len(loaded), taken_out=len(before.keys() - after.keys()))
            context.record.results[name].add(done)
            context.record.count_fallen_out(name, [sqn for sqn, _ in loaded])
