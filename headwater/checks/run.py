"""The checks step of a source: validate staged deliveries without a check result, and record the results."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from headwater.checks import data_docs
from headwater.checks.late_modules import imported_late
from headwater.checks.verdict import CheckResult, Verdict
from headwater.metadata.connection import session_lock
from headwater.metadata.process.deliveries import Delivery, landed, lock_source, pending, record_layer
from headwater.metadata.process.events import EventStore, record_event
from headwater.metadata.process.tables import data_quality_checks
from headwater.metadata.static.model import Source

if TYPE_CHECKING:
    from headwater.checks.validation import Checked

_importing = threading.Lock()
# Great Expectations imports them for a few statistical expectations; they take half of its time and 75 MiB
SELDOM_USED = ("altair", "scipy.stats")
TOGETHER = 200  # deliveries per query; more would make its text and its plan long


def run_checks(
    engine: Engine,
    store: EventStore,
    source: Source,
    job_inst_id: int,
    home: Path,
    say: Callable[[str], None],
) -> list[Verdict]:
    """Validate every staged delivery of `source` that has no check result yet; return the verdicts in order.

    Results go to `metadata.data_quality_checks`, `delivery_status` (layer checks), the delivery's events and
    a page below `home`/data_docs; the caller writes the list of all sources. Without pending deliveries the
    function does nothing and does not import Great Expectations. Raises `CheckInvalid` if
    a row of quality_check cannot run as written.

    The event comes last because it decides: until it exists the delivery is still pending, so after a crash
    the next run repeats the validation and writes the same page and the same rows.
    """
    # events cannot be undone, so only one process at a time may write them
    with session_lock(engine, f"checks {source.name}"):
        with engine.connect() as connection:
            deliveries = pending(connection, source.name, "checks")
        if not deliveries:
            return []
        validate = _start_great_expectations()
        verdicts = []
        for start in range(0, len(deliveries), TOGETHER):
            batch = deliveries[start : start + TOGETHER]
            validations = validate(engine, source, batch)
            with engine.connect() as connection:
                still_pending = {one.delivery_sqn for one in pending(connection, source.name, "checks")}
            given = []
            for delivery, checked in zip(batch, validations, strict=True):
                # history moved meanwhile: what a partial delivery was compared with is no longer what it met
                if delivery.delivery_sqn in still_pending:
                    given.append(_verdict(delivery, checked.results))
                    data_docs.write_page(home, given[-1], checked.validation)
            if given:
                _record(engine, source, given, job_inst_id)
            for verdict in given:
                event = "passed" if verdict.passed else "halted"
                halting = [result.check_name for result in verdict.halting]
                record_event(
                    engine, store, verdict.delivery_sqn, source.name, event, why=verdict.why, checks=halting
                )
                verdicts.append(verdict)
        data_docs.write_list(home, engine, source.name)
    halted = sum(not verdict.passed for verdict in verdicts)
    say(f"{source.name}: {len(verdicts)} checked, {halted} halted")
    return verdicts


def foresee_verdict(engine: Engine, source: Source, delivery_sqn: int) -> Verdict:
    """Return the result of today's checks for a staged delivery, whatever its earlier result. Records nothing."""
    with engine.connect() as connection:
        delivery = landed(connection, delivery_sqn)
    (checked,) = _start_great_expectations()(engine, source, [delivery])
    return _verdict(delivery, checked.results)


def _start_great_expectations() -> Callable[[Engine, Source, Sequence[Delivery]], list[Checked]]:
    """Import Great Expectations, which takes a second, and disable its telemetry and its logs."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with _importing, imported_late(*SELDOM_USED):  # its modules import each other in cycles
        from headwater.checks.validation import validate

    # results come back as values; no handler gets its logs, not even one that dbt has added to the root
    logging.getLogger("great_expectations").propagate = False
    return validate


def _verdict(delivery: Delivery, results: tuple[CheckResult, ...]) -> Verdict:
    return Verdict(
        delivery_sqn=delivery.delivery_sqn,
        source=delivery.source,
        publisher_name=delivery.publisher_name,
        delivery_date=delivery.delivery_date,
        passed=all(result.passed or result.severity != "critical" for result in results),
        results=results,
    )


def _record(engine: Engine, source: Source, verdicts: Sequence[Verdict], job_inst_id: int) -> None:
    """Write the results and the status of deliveries, replacing those of an earlier validation."""
    these = [verdict.delivery_sqn for verdict in verdicts]
    with engine.begin() as connection:
        lock_source(connection, source.name)
        connection.execute(
            sa.delete(data_quality_checks).where(data_quality_checks.c.delivery_sqn.in_(these))
        )
        connection.execute(
            sa.insert(data_quality_checks).values(checked_at=sa.func.clock_timestamp()),
            [
                {
                    "delivery_sqn": verdict.delivery_sqn,
                    "check_name": result.check_name,
                    "severity": result.severity,
                    "passed": result.passed,
                    "observed": result.observed,
                    "unexpected_count": result.unexpected_count,
                    "unexpected_sample": list(result.unexpected_sample),
                    "rule_digest": result.rule_digest,
                    "job_inst_id": job_inst_id,
                }
                for verdict in verdicts
                for result in verdict.results
            ],
        )
        for verdict in verdicts:
            status = "passed" if verdict.passed else "halted"
            record_layer(connection, verdict.delivery_sqn, "checks", status=status, job_inst_id=job_inst_id)
