"""Run a sql_script on its connection."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.sources.sql.connect import engine_of
from headwater.metadata.errors import StepFailed
from headwater.metadata.failures import refusal_in
from headwater.metadata.process.recorded_run import Report
from headwater.metadata.static.model import WAREHOUSE
from headwater.metadata.static.plan import Step
from headwater.metadata.static.script_text import escaped


def run_script(engine: Engine, step: Step, numbers: Mapping[str, int | None], log: Report) -> None:
    """Run a step's script in one transaction, with the `numbers` of the job instance and the task.

    A stored procedure is called with both of them, a statement may name them `:job_inst_id` and `:job_inst_task_id`.
    `engine` is that of the warehouse. Raises `StepFailed`.
    """
    script = step.sql_script
    assert script is not None, f"{step.name} has no script"
    text = script.sql_text
    if script.is_stored_proc:
        text = f"call {text.strip().rstrip(';')}(:job_inst_id, :job_inst_task_id)"
    is_ours = step.conn_str is None or step.conn_str.data_source == WAREHOUSE
    try:
        with (engine if is_ours else engine_of(step)).begin() as connection:
            result = connection.execute(sa.text(escaped(text)), dict(numbers))
            count = result.rowcount
    except sa.exc.DBAPIError as error:
        message = " ".join(str(error.orig).split())
        refusal = refusal_in(message)
        expected = f". {refusal.expected}" if refusal else ""
        raise StepFailed(f"{step.name}: the sql_script {script.name} failed: {message}{expected}") from None
    except sa.exc.StatementError as error:
        raise StepFailed(
            f"{step.name}: the sql_script {script.name} cannot be run: {error.orig}, expected no parameters but"
            " :job_inst_id and :job_inst_task_id"
        ) from None
    counted = f", {count} rows" if count >= 0 else ""
    known = {"row_count": count} if count >= 0 else {}  # of a procedure and of DDL Postgres tells none
    log("information", f"{step.name}: ran {script.name}{counted}", **known)
