"""Load deliveries that have landed: S3 → raw."""

from __future__ import annotations

from collections.abc import Collection

from headwater.checks import data_docs
from headwater.extract.raw.load import lacking_columns
from headwater.extract.raw.pending import load_pending
from headwater.metadata.static.model import Source
from headwater.metadata.static.step_names import StepName
from headwater.pipeline import layers
from headwater.pipeline.context import RunContext
from headwater.queries.halts import Halt


def load_raw(context: RunContext, source: Source, only: Collection[int] | None = None) -> None:
    """Load what is pending, or `only` some of it, by delivery_sqn."""
    with context.record.step(source, StepName.LOAD_RAW) as done:
        is_first = not layers.has_table(context.engine, "raw", source.name)
        if not layers.keep_definition(context.engine, source):  # raw would hold rows of two definitions
            done.is_left = True  # the staging model says what differs, but for transforms
            layers.require_same_transforms(context.engine, source)
            return
        for sentence in layers.sentences_of_types(context.engine, source) if is_first else ():
            context.say(f"{source.name}: {sentence}")
            context.record.report(source)("information", f"{source.name}: {sentence}")
        loads = load_pending(
            context.engine,
            context.store,
            source,
            context.job(source).job_inst_id,
            context.record.report(source),
            only=only,
        )
        done.failures += loads.failed
        done.halts += [
            Halt(delivery.delivery_sqn, source.name, delivery.publisher_name, (check,), why)
            for delivery, check, why in loads.refused
        ]
        if loads.refused:
            context.has_checked = True
            data_docs.write_refusals(context.project.home, context.engine, source.name, loads.refused)
        done.warnings += lacking_columns(loads.loaded)
        if loads.loaded:
            rows = sum(counts.written for _, counts in loads.loaded)
            context.say(f"{source.name}: loaded {rows:,} rows into raw")
