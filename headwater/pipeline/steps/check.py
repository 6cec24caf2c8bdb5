"""Check what is staged."""

from __future__ import annotations

from headwater.checks import run_checks
from headwater.metadata.static.model import Source
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.context import RunContext
from headwater.queries.halts import Halt


def check(context: RunContext, source: Source) -> None:
    """Give each staged delivery of a source its verdict: passed or halted."""
    job = context.job(source)
    with context.record.step(source, StepName.CHECK) as done:
        for verdict in run_checks(
            context.engine, context.store, source, job.job_inst_id, context.project.home, context.say
        ):
            context.has_checked = True
            if verdict.passed:
                done.warnings += [
                    f"{verdict.publisher_name}: {warning.check_name}: {warning.observed}"
                    for warning in verdict.warnings
                ]
                continue
            checks = tuple(failed.check_name for failed in verdict.halting)
            halt = Halt(verdict.delivery_sqn, source.name, verdict.publisher_name, checks, verdict.why)
            done.halts.append(halt)
            job.log(
                "error", f"{source.name}: delivery {halt.delivery_sqn} is halted: {halt.why}", checks=checks
            )
