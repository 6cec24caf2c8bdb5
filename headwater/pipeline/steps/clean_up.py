"""Delete from raw and staging what history has."""

from __future__ import annotations

from collections.abc import Mapping

from headwater.metadata.static.model import Source
from headwater.metadata.static.step_names import StepName
from headwater.pipeline import retention
from headwater.pipeline.context import RunContext
from headwater.pipeline.preparation import counted


def what_to_keep(source: Source, *, del_temp_data: bool) -> dict[str, int]:
    """Return what stays of a source by its policy, layer by layer; `del_temp_data` keeps nothing in raw."""
    keep = retention.policy(source)
    return {**keep, "raw": 0} if del_temp_data else keep


def clean_up(context: RunContext, source: Source, keep: Mapping[str, int] | None = None) -> None:
    """Purge a source by its policy, or by `keep`: layer → from how many deliveries back its rows stay."""
    with context.record.step(source, StepName.CLEAN_UP) as done:
        keep = retention.policy(source) if keep is None else keep
        done.purged = retention.purge(context.engine, source.name, keep, context.job(source).job_inst_id)
        for found in done.purged:
            gone = f"{counted(len(found.deliveries))}, {found.row_count:,} rows"
            context.say(f"{source.name}: purged {gone}, from {found.layer}")
