"""Loads pending deliveries from S3 into raw: those that have landed and are not in raw, each in its own transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine

from headwater.extract.landing.store import ObjectStore
from headwater.extract.raw.load import Counts, load_raw
from headwater.extract.schema.contract import what_next
from headwater.extract.schema.definition import recorded_definition
from headwater.extract.schema.raw_table import forget_rows
from headwater.metadata.errors import ColumnsBroken, FormatBroken, LedgerBroken
from headwater.metadata.failures import FAILURES, failure_of_delivery, trace_unless_foreseen
from headwater.metadata.process.checks import record_refusal
from headwater.metadata.process.definitions import record_definition
from headwater.metadata.process.deliveries import (
    Delivery,
    has_verdict,
    lock_source,
    raw_pending,
    still_lacks_rows,
)
from headwater.metadata.process.events import was_replayed, write_event
from headwater.metadata.process.headers import record_header
from headwater.metadata.process.recorded_run import Report
from headwater.metadata.static.model import Source
from headwater.metadata.storable import storable


@dataclass
class LoadSummary:
    """The outcome of loading one source's pending deliveries."""

    source: str
    loaded: list[tuple[Delivery, Counts]] = field(default_factory=list)
    refused: list[tuple[Delivery, str, str]] = field(
        default_factory=list
    )  # halted, with the check and the reason
    failed: list[str] = field(default_factory=list)  # for a reason that is not the delivery's


def load_pending(
    engine: Engine,
    store: ObjectStore,
    source: Source,
    job_inst_id: int,
    report: Report,
    *,
    only: Collection[int] | None = None,
) -> LoadSummary:
    """Load every delivery that has landed and is not in raw, each in its own transaction; or `only` some.

    A file that breaks its format is halted, with nothing of it in raw; the others go on. One that was checked before
    and comes back for history's sake keeps its verdict, and the load of it fails.
    """
    summary = LoadSummary(source.name)
    with engine.connect() as connection:
        pending = [p for p in raw_pending(connection, source.name) if only is None or p.delivery_sqn in only]
    for delivery in pending:
        try:
            counts = load_delivery(engine, store, source, delivery, job_inst_id)
        except (FormatBroken, LedgerBroken) as error:
            _refuse(engine, store, source, delivery, error, job_inst_id, report, summary)
        except FAILURES as error:
            failure = failure_of_delivery(error)
            message = f"{source.name}: delivery {delivery.delivery_sqn} could not be loaded: {failure}"
            summary.failed.append(storable(message))
            report("error", message, delivery_sqn=delivery.delivery_sqn, **trace_unless_foreseen(error))
        else:
            if counts is not None:
                summary.loaded.append((delivery, counts))
                report(
                    "detail",
                    f"{source.name}: delivery {delivery.delivery_sqn} is in raw with {counts.written} records",
                    delivery_sqn=delivery.delivery_sqn,
                )
    return summary


def _refuse(
    engine: Engine, store: ObjectStore, source: Source, delivery: Delivery, error: FormatBroken | LedgerBroken,
    job_inst_id: int, report: Report, summary: LoadSummary,
) -> None:  # fmt: skip
    """Halt a delivery that breaks its format; one that was checked before keeps its verdict, and its load fails."""
    check, why = _refusal(source, error, delivery)
    sqn = delivery.delivery_sqn
    with engine.begin() as connection:
        if not _is_still_pending(connection, delivery):
            return  # another process has refused it meanwhile
        was_checked = has_verdict(connection, sqn)  # only a replay asks for another verdict
        if not was_checked:
            _record_refusal(connection, delivery, error, check, why, job_inst_id)
    if was_checked:
        message = (
            f"{source.name}: delivery {sqn} cannot be loaded again: {error}. Its verdict stands:"
            f" expected metadata that reads it, or `headwater replay {sqn}` to check it again"
        )
        summary.failed.append(message)
        report("error", message, delivery_sqn=sqn, check=check)
        return
    # the verdict comes last, when what it rests on is committed: dying in between, it is given again
    with engine.begin() as connection:
        if not _is_still_pending(connection, delivery):
            return
        write_event(connection, store, sqn, source.name, "halted", checks=(check,), why=why)
    message = f"{source.name}: delivery {delivery.delivery_sqn} is halted, nothing of it is in raw: {why}"
    summary.refused.append((delivery, check, why))
    report("error", message, delivery_sqn=delivery.delivery_sqn, check=check)


def _refusal(source: Source, error: FormatBroken | LedgerBroken, delivery: Delivery) -> tuple[str, str]:
    """Return the check that a refused delivery failed, and why."""
    if isinstance(error, ColumnsBroken):
        check = "key_columns" if error.lacks_key else "columns"
        return check, f"{error}. {what_next(source, error, delivery.delivery_sqn)}"
    return "format" if isinstance(error, FormatBroken) else "ledger", str(error)


def _record_refusal(
    connection: Connection,
    delivery: Delivery,
    error: FormatBroken | LedgerBroken,
    check: str,
    why: str,
    job_inst_id: int,
) -> None:
    """Record the failed check, and nothing else of the delivery. The caller holds the source's lock."""
    sqn = delivery.delivery_sqn
    found = error.found if isinstance(error, ColumnsBroken) else ()
    record_refusal(connection, sqn, check, why, found, job_inst_id)
    if isinstance(error, ColumnsBroken):
        record_header(connection, sqn, error.header)


def _is_still_pending(connection: Connection, delivery: Delivery) -> bool:
    """Take the source's lock; return whether the delivery is still to be loaded into raw."""
    lock_source(connection, delivery.source)
    return still_lacks_rows(connection, delivery)


def load_delivery(
    engine: Engine, store: ObjectStore, source: Source, delivery: Delivery, job_inst_id: int
) -> Counts | None:
    """Load one delivery in one transaction; None when another process has done it meanwhile, or under a definition
    that is not ours."""
    with engine.begin() as connection:
        if not _is_still_pending(connection, delivery):
            return None
        if not record_definition(connection, source.name, recorded_definition(source)):
            return None
        if was_replayed(connection, delivery.delivery_sqn):
            forget_rows(connection, source, delivery.delivery_sqn)
        return load_raw(connection, store, source, delivery, job_inst_id)
