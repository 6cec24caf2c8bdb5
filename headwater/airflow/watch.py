"""Those who watch runs: the links of a task, and metrics and lineage, each off unless Airflow is told to send it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from airflow.providers.openlineage import conf as openlineage
from airflow.providers.standard.decorators.python import _PythonDecoratedOperator
from airflow.sdk.bases.decorator import task_decorator_factory
from sqlalchemy.exc import SQLAlchemyError

from headwater.airflow import metrics
from headwater.airflow.operator_links import OF_SOURCE
from headwater.metadata.redaction import redact
from headwater.metadata.visible import visible
from headwater.pipeline.job_run import JobRun
from headwater.pipeline.step_audit import StepAudit


class Watched:
    """An operator that works on a source, and can tell what its last try wrote."""

    written: StepAudit | None = None

    def get_openlineage_facets_on_complete(self, _task_instance: Any) -> Any:
        """Return what Airflow's provider of OpenLineage asks for once it is over, also when it failed."""
        from headwater.airflow.lineage.events import lineage_of

        return lineage_of(self.written)


class _SourceOperator(Watched, _PythonDecoratedOperator):
    """A function as a task, as @task makes it."""

    custom_operator_name = "@task"
    operator_extra_links = OF_SOURCE


def source_task(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """As @task, for what works on a source."""
    return task_decorator_factory(
        decorated_operator_class=_SourceOperator,
        show_return_value_in_logs=False,  # what it hands on is no news
        **options,
    )


def wants_lineage() -> bool:
    """Return whether events of lineage are sent anywhere."""
    return not openlineage.is_disabled()


def watch(context: Any, run: JobRun) -> None:
    """Tell what a try of a step wrote, well or not: the ledger has it. That it cannot be told fails nothing.

    The links of its task lead to it, too.
    """
    try:
        written = run.audit()
    except SQLAlchemyError as error:
        print(
            f"what was written cannot be told to links, metrics and lineage: {visible(redact(str(error)))}",
            flush=True,
        )
        return
    if written is not None:
        operator: Watched = context["task"]
        before = operator.written  # the last task of a run does a step of each source
        operator.written = replace(before, entries=before.entries + written.entries) if before else written
        if metrics.is_on():
            metrics.count(written)
