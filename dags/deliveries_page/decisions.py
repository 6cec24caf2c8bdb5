"""Decisions from the page: the dry run before, the record, and the run of the job that brings history up to date."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from airflow.api.common.trigger_dag import trigger_dag
from airflow.sdk.exceptions import AirflowException
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import Engine

from dags.deliveries_page.runs import is_paused
from extract.store import ObjectStore
from headwater.decide import EVENTS, put_on_record
from headwater.project import Project
from metadata.redaction import redact

log = logging.getLogger(__name__)

PATIENCE_S = 5  # with a run that writes the source
DRY_RUN_S = 45
STOP_S = 5
AT_ONCE = threading.BoundedSemaphore(2)  # a dry run takes some hundred MB


@dataclass(frozen=True)
class DryRun:
    """What a decision would do to history: how many versions. Without numbers, `said` is why there are none."""

    numbers: dict[str, int] | None
    said: str | None = None


@dataclass(frozen=True)
class Started:
    """The run of a job that was started; or why there is none."""

    run_id: str | None
    why_not: str | None = None


def rehearse(project: Project, decision: str, delivery_sqn: int) -> DryRun:
    """Ask the command, in a process of its own: dbt keeps to itself there, and whatever takes long can be ended."""
    if not AT_ONCE.acquire(timeout=DRY_RUN_S):
        return DryRun(None, "Other dry runs are going on just now. Try again in a minute.")
    try:
        command = [
            *(sys.executable, "-P", "-m", "headwater.cli", decision, str(delivery_sqn)),
            *("--dry-run", "--json", "--why", "dry run"),
        ]
        child = subprocess.Popen(
            command,
            cwd=project.root,
            env={**os.environ, "HEADWATER_PROJECT": str(project.root), "NO_COLOR": "1", "COLUMNS": "10000"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            answer, complaint = child.communicate(timeout=DRY_RUN_S)
        except subprocess.TimeoutExpired:
            _end(child)
            return DryRun(
                None,
                f"The dry run did not end within {DRY_RUN_S} seconds, so there are no numbers."
                f" `headwater {decision} {delivery_sqn} --dry-run` in a terminal takes the time it needs.",
            )
    finally:
        AT_ONCE.release()
    if child.returncode == 0:
        return _parsed(answer)
    lines = [line.removeprefix("Error: ") for line in complaint.splitlines() if line.startswith("Error: ")]
    if not lines:
        log.error("the dry run of %s %s failed: %s", decision, delivery_sqn, redact(complaint))
    said = lines[-1] if lines else "The dry run failed; the log of the api-server says why."
    return DryRun(None, redact(said))


def record(
    engine: Engine, decision: str, delivery_sqn: int, why: str, who: str, job: str, despite: Sequence[str]
) -> Started:
    """Put a decision on record and start the job. Raises `HeadwaterError` when nothing was put on record."""
    put_on_record(
        engine, ObjectStore.from_environment(), decision, delivery_sqn, why,
        despite=despite, who=who, patience_s=PATIENCE_S,
    )  # fmt: skip
    return start_job(job, who, f"Delivery {delivery_sqn} was {EVENTS[decision]} by {who}: {redact(why)}")


def start_job(job: str, who: str, note: str) -> Started:
    """Trigger the DAG of a job in a user's name."""
    if is_paused(job) is None:
        return Started(None, f"Airflow has no DAG {job} just now")
    try:
        run = trigger_dag(
            job, triggered_by=DagRunTriggeredByType.UI, triggering_user_name=who, conf={}, note=note[:1000]
        )
    except (AirflowException, ValueError) as error:
        log.warning("the DAG %s could not be triggered", job, exc_info=True)
        return Started(None, redact(str(error)) or type(error).__name__)
    return Started(None, "Airflow has started no run") if run is None else Started(run.run_id)


def _parsed(answer: str) -> DryRun:
    told = json.loads(answer)
    verdict, why = told.pop("verdict", None), told.pop("why", None)
    judged = f"Judged again today it would be {verdict}: {why}" if verdict else None
    return DryRun({name: int(told[name]) for name in ("added", "dropped", "ended", "reopened")}, judged)


def _end(child: subprocess.Popen[str]) -> None:
    for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        child.send_signal(sent)
        with suppress(subprocess.TimeoutExpired):
            child.communicate(timeout=STOP_S)
            return
