"""The checks step of a source: judge what is staged and without a verdict, and put the verdicts on record."""

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
from headwater.checks.verdict import CheckResult, Verdict
from headwater.metadata.connection import session_lock
from headwater.metadata.process.deliveries import Delivery, landed, lock_source, pending, record_layer
from headwater.metadata.process.events import EventStore, record_event
from headwater.metadata.process.tables import data_quality_checks
from headwater.metadata.static.model import Source

if TYPE_CHECKING:
    from headwater.checks.validation import Judged

_importing = threading.Lock()
TOGETHER = 200  # deliveries judged by one query; more would make its text and its plan long


def run_checks(
    engine: Engine,
    store: EventStore,
    source: Source,
    job_inst_id: int,
    home: Path,
    say: Callable[[str], None],
) -> list[Verdict]:
    """Judge every delivery of `source` that is staged and has no verdict; return the verdicts in order.

    Results go to `metadata.data_quality_checks`, `delivery_status` (layer checks), the delivery's events
    and a page below `home`/data_docs; the list of all sources there is for the caller to write. Nothing pending:
    nothing is done, and Great Expectations is not even imported. Raises `CheckInvalid` when `source.quality_checks`
    cannot be run as written.

    The event comes last because it is the verdict: until it is there the delivery is still pending, so a
    run that dies before it is repeated as a whole and writes the same page and the same rows again.
    """
    # a verdict is an event, and events cannot be taken back: one process at a time gives them
    with session_lock(engine, f"checks {source.name}"):
        with engine.connect() as connection:
            deliveries = pending(connection, source.name, "checks")
        if not deliveries:
            return []
        validate = _start_great_expectations()
        verdicts = []
        for start in range(0, len(deliveries), TOGETHER):
            batch = deliveries[start : start + TOGETHER]
            judgements = validate(engine, source, batch)
            for delivery, judged in zip(batch, judgements, strict=True):
                verdict = _verdict(delivery, judged.results)
                data_docs.write_page(home, verdict, judged.validation)
                _record(engine, verdict, job_inst_id)
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
    """Return what the checks would say today of a delivery that is staged, whatever they said before.

    Nothing is recorded.
    """
    with engine.connect() as connection:
        delivery = landed(connection, delivery_sqn)
    (judged,) = _start_great_expectations()(engine, source, [delivery])
    return _verdict(delivery, judged.results)


def _start_great_expectations() -> Callable[[Engine, Source, Sequence[Delivery]], list[Judged]]:
    """Import what takes seconds, only when there is work; it reports to nobody and says nothing by itself."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with _importing:  # its modules import one another in cycles
        from headwater.checks.validation import validate

    # what matters comes back as a result; said to no handler, not even one that dbt has put on the root
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


def _record(engine: Engine, verdict: Verdict, job_inst_id: int) -> None:
    """Write a delivery's results and its status, in place of those of an earlier judgement."""
    with engine.begin() as connection:
        lock_source(connection, verdict.source)
        connection.execute(
            sa.delete(data_quality_checks).where(data_quality_checks.c.delivery_sqn == verdict.delivery_sqn)
        )
        connection.execute(
            sa.insert(data_quality_checks).values(
                [
                    {
                        "delivery_sqn": verdict.delivery_sqn,
                        "check_name": result.check_name,
                        "severity": result.severity,
                        "passed": result.passed,
                        "observed": result.observed,
                        "unexpected_count": result.unexpected_count,
                        "unexpected_sample": list(result.unexpected_sample),
                        "checked_at": sa.func.clock_timestamp(),
                        "job_inst_id": job_inst_id,
                    }
                    for result in verdict.results
                ]
            )
        )
        status = "passed" if verdict.passed else "halted"
        record_layer(connection, verdict.delivery_sqn, "checks", status=status, job_inst_id=job_inst_id)
