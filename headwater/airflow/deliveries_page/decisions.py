"""Decisions from the page: they are recorded, and the job that updates history is triggered."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from airflow.api.common.trigger_dag import trigger_dag
from airflow.sdk.exceptions import AirflowException
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import Engine

from headwater.airflow.deliveries_page.access import Visitor
from headwater.airflow.deliveries_page.runs import is_paused
from headwater.airflow.deliveries_page.sources import EXTRACT, HISTORIZE, KnownSource
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.redaction import redact
from headwater.pipeline.decide import EVENTS, put_on_record
from headwater.queries.next_phase import next_phase
from headwater.shared_airflow import dag_id_of

log = logging.getLogger(__name__)

PATIENCE_S = 5  # while a run writes the source


@dataclass(frozen=True)
class Started:
    """The triggered run of a job, or the reason why there is none."""

    run_id: str | None
    why_not: str | None = None


def record(
    engine: Engine, decision: str, delivery_sqn: int, why: str, visitor: Visitor, source: KnownSource,
    despite: Sequence[str],
) -> Started:  # fmt: skip
    """Record a decision and start the job. Raises `HeadwaterError` if nothing was recorded."""
    put_on_record(
        engine, ObjectStore.from_environment(), decision, delivery_sqn, why,
        despite=despite, who=visitor.name, patience_s=PATIENCE_S,
    )  # fmt: skip
    note = f"Delivery {delivery_sqn} was {EVENTS[decision]} by {visitor.name}: {redact(why)}"
    return start_next_job(engine, source, delivery_sqn, visitor, note)


def start_next_job(
    engine: Engine, source: KnownSource, delivery_sqn: int, visitor: Visitor, note: str
) -> Started:
    """Trigger the job that has to process a delivery next, in a user's name."""
    with engine.connect() as connection:
        job = job_of_phase(source, next_phase(connection, delivery_sqn))
    if job is None:
        return Started(None, f"No job makes the history of {source.name}")
    if not visitor.may_trigger(job):
        return Started(None, f"{job} has to work on it first, and your role does not let you run that")
    return _start(job, visitor.name, note)


def job_of_phase(source: KnownSource, phase: str) -> str | None:
    """Return the job that runs a phase of a source; without one, the job that loads its history."""
    return source.job_of.get(phase) or source.history_job


def job_after(source: KnownSource, decision: str, checks: Sequence[str]) -> str | None:
    """Return the job that a decision triggers: after a replay, the one that extracts."""
    is_read_again = decision == "replay" or "columns" in checks
    return job_of_phase(source, EXTRACT if is_read_again else HISTORIZE)


def _start(job: str, who: str, note: str) -> Started:
    if is_paused(job) is None:
        return Started(None, f"Airflow has no DAG {job} just now")
    try:
        run = trigger_dag(
            dag_id_of(job),
            triggered_by=DagRunTriggeredByType.UI,
            triggering_user_name=who,
            conf={},
            note=note[:1000],
        )
    except (AirflowException, ValueError) as error:
        log.warning("the DAG %s could not be triggered", job, exc_info=True)
        return Started(None, redact(str(error)) or type(error).__name__)
    return Started(None, "Airflow has started no run") if run is None else Started(run.run_id)
