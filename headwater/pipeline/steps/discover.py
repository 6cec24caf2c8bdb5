"""Ask a source's publisher what is new."""

from __future__ import annotations

from headwater.extract.offers.offer import Offer
from headwater.extract.offers.payload import Payload
from headwater.extract.run import Extraction, ExtractSummary, list_new
from headwater.metadata.static.model import Source
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.context import RunContext
from headwater.pipeline.preparation import counted
from headwater.pipeline.results import StepResult


def extraction_of(context: RunContext, source: Source) -> Extraction:
    """Return the extraction of a source in the name of its job instance."""
    return Extraction(
        context.engine, context.store, source, context.job(source).job_inst_id, context.record.report(source)
    )


def discover(context: RunContext, source: Source, extraction: Extraction) -> list[Offer]:
    """Return what the publisher has that is new, for `land` in this process; the caller is `extraction.asking`."""
    offers: list[Offer] = []
    with context.record.step(source, StepName.DISCOVER) as done:
        _say_asking(context, source)
        try:
            offers = extraction.find_new()
        finally:
            add_extracted(context, source, extraction.take_summary(), done)
    return offers


def discover_for_others(context: RunContext, source: Source, *, is_full: bool) -> list[Payload]:
    """Return what the publisher has that is new, for tasks that land it; `is_full` asks for everything again.

    What is read as it is asked for is landed now.
    """
    payloads: list[Payload] = []
    with context.record.step(source, StepName.DISCOVER) as done:
        _say_asking(context, source)
        summary, payloads = list_new(
            context.engine,
            context.store,
            source,
            context.job(source).job_inst_id,
            context.record.report(source),
            is_full=is_full,
        )
        add_extracted(context, source, summary, done)
    return payloads


def add_extracted(context: RunContext, source: Source, summary: ExtractSummary, done: StepResult) -> None:
    """Add what an extraction has come to, to the result of a step, and say what landed."""
    done.landed += len(summary.landed)
    done.warnings += summary.warnings
    done.failures += [*summary.refused, *summary.failed]
    if summary.landed:
        context.say(f"{source.name}: landed {counted(len(summary.landed))}")


def _say_asking(context: RunContext, source: Source) -> None:
    context.say(f"{source.name}: asking {source.data_source.name} what is new")
