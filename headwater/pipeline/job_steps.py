"""The steps of a job, each as one task does it, for one source, in a process that may die: with what it leaves behind.

A task asks what is available and not yet processed, so it can be run again at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headwater.metadata.errors import StepFailed, StepHalted
from headwater.metadata.process.deliveries import Delivery, raw_pending
from headwater.metadata.static.model import Source
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.context import RunContext
from headwater.pipeline.model_runner import ModelRunner
from headwater.pipeline.steps.check import check
from headwater.pipeline.steps.clean_up import clean_up, what_to_keep
from headwater.pipeline.steps.discover import discover_for_others
from headwater.pipeline.steps.historize import historize, reload
from headwater.pipeline.steps.land import land_payloads
from headwater.pipeline.steps.load_raw import load_raw
from headwater.pipeline.steps.stage import stage

Batch = Mapping[str, Any]  # `offers`: payloads to land; `deliveries`: delivery_sqns to load that have landed

MOST_BATCHES = 500  # of deliveries that are landed side by side


@dataclass
class Work:
    """The input of a step from its task: the parameters of the run, a batch to land, who runs the model.

    `landed` receives what the step lands, as it lands, and `batches` what it leaves for other tasks to land and load.
    """

    parameters: Mapping[str, Any]
    batch: Batch | None = None
    runner: ModelRunner | None = None
    landed: list[Delivery] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)


def _discover(context: RunContext, source: Source, work: Work) -> None:
    """Ask the publisher what is new, and leave it to others in batches, usually of one delivery."""
    offers = discover_for_others(context, source, is_full=work.parameters["is_full_load"])
    with context.engine.connect() as connection:
        landed = [delivery.delivery_sqn for delivery in raw_pending(connection, source.name)]
    work.batches = [
        *({"offers": batch, "deliveries": []} for batch in _batches(offers)),
        *({"offers": [], "deliveries": batch} for batch in _batches(landed)),
    ]


def _land(context: RunContext, source: Source, work: Work) -> None:
    """Land and load raw a batch."""
    assert work.batch is not None, "nothing to land was handed over"
    known = land_payloads(context, source, work.batch["offers"], work.landed)
    sqns = {*work.batch["deliveries"], *(delivery.delivery_sqn for delivery in work.landed)}
    if known:  # an earlier try has landed them, and may have died before it could load them
        with context.engine.connect() as connection:
            waiting = raw_pending(connection, source.name)
        sqns |= {delivery.delivery_sqn for delivery in waiting if delivery.publisher_name in known}
    if sqns:
        load_raw(context, source, sqns)
    context.list_checked()


def _stage(context: RunContext, source: Source, work: Work) -> None:
    stage(context, {source.name: source}, work.runner)
    context.record.count_fallen_out(source.name)
    context.record.log_fallen_out(source.name)


def _check(context: RunContext, source: Source, _work: Work) -> None:
    check(context, source)
    context.list_checked()


def _historize(context: RunContext, source: Source, work: Work) -> None:
    """Make history; what it needs again and staging has no more is brought back first, by dbt in this process."""
    reload(context, {source.name: source})
    require_well(context, source)
    historize(context, {source.name: source}, work.runner)
    context.record.log_fallen_out(source.name)


def _clean_up(context: RunContext, source: Source, work: Work) -> None:
    """Delete what the source's retention, or `del_temp_data`, lets go."""
    clean_up(context, source, what_to_keep(source, del_temp_data=work.parameters["del_temp_data"]))


JOB_STEPS: Mapping[StepName, Callable[[RunContext, Source, Work], None]] = {
    StepName.DISCOVER: _discover,
    StepName.LAND: _land,
    StepName.STAGE: _stage,
    StepName.CHECK: _check,
    StepName.HISTORIZE: _historize,
    StepName.CLEAN_UP: _clean_up,
}


def require_well(context: RunContext, source: Source) -> None:
    """Raise `StepFailed` or `StepHalted` when something of the source has failed or was halted."""
    result = context.record.results[source.name]
    if result.failures:
        raise StepFailed(*result.failures)
    if result.halts:
        raise StepHalted(*(halt.message for halt in result.halts))


def _batches(items: Sequence[Any]) -> Iterator[list[Any]]:
    """Each by itself; when there are very many, in batches of equal size."""
    size = -(-len(items) // MOST_BATCHES) or 1
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
