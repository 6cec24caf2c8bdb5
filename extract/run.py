"""Extraction of one source: register what S3 knows, discover, land what is new, load raw what is pending."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from sqlalchemy import Connection, Engine

from headwater.extract.connections.addresses import remembering
from headwater.extract.connections.safe_address import shown
from headwater.extract.landing.land import land
from headwater.extract.landing.register import register_archive
from headwater.extract.landing.store import ObjectStore
from headwater.extract.offers.discover import discover, is_known
from headwater.extract.offers.fit_offer import fitting
from headwater.extract.offers.offer import Offer
from headwater.extract.offers.payload import (
    Payload,
    is_offer,
    offer_of,
    payload_of,
    reads_as_it_asks,
    refusal_payload,
)
from headwater.extract.raw.load import Counts, load_raw
from headwater.extract.schema.contract import what_next
from headwater.extract.schema.definition import definition
from headwater.extract.schema.raw_table import forget_rows
from headwater.metadata.connection import session_lock
from headwater.metadata.errors import (
    ArchiveBroken,
    ColumnsBroken,
    DatabaseRefused,
    ExtractError,
    FormatBroken,
    HeadwaterError,
    LedgerBroken,
)
from headwater.metadata.failures import FAILURES, failure_of, is_foreseen, trace_of
from headwater.metadata.process.checks import record_refusal
from headwater.metadata.process.definitions import record_definition
from headwater.metadata.process.deliveries import (
    Delivery,
    count_landed,
    has_verdict,
    known_fingerprints,
    lock_source,
    newest_landed,
    raw_pending,
    still_lacks_rows,
)
from headwater.metadata.process.events import was_replayed, write_event
from headwater.metadata.process.headers import record_header
from headwater.metadata.process.public_places import public_places, remember_public
from headwater.metadata.static.model import Source
from headwater.metadata.storable import storable


class Report(Protocol):
    """The receiver of progress: `JobInstance.log` is one. `level` is detail, information or error."""

    def __call__(self, level: str, message: str, **context: Any) -> None: ...


@dataclass
class ExtractSummary:
    """The outcome of one extraction of one source."""

    source: str
    offered: int = 0
    known: int = 0  # of the offers: nothing new was told of them
    unchanged: int = 0  # of the offers: fetched, and the content was the old one
    registered: list[Delivery] = field(default_factory=list)  # were on S3, not in the database
    landed: list[Delivery] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)  # what a person should look at, and stops nothing
    refused: list[str] = field(
        default_factory=list
    )  # what was not even tried: an offer, or what the archive holds
    failed: list[str] = field(default_factory=list)  # one message per offer that could not be landed


@dataclass
class LoadSummary:
    """The outcome of loading one source's pending deliveries."""

    source: str
    loaded: list[tuple[Delivery, Counts]] = field(default_factory=list)
    refused: list[tuple[Delivery, str, str]] = field(
        default_factory=list
    )  # halted, with the check and the reason
    failed: list[str] = field(default_factory=list)  # for a reason that is not the delivery's


def extract_source(
    engine: Engine,
    store: ObjectStore,
    source: Source,
    job_inst_id: int,
    report: Report,
    *,
    is_full: bool = False,
    says_refusals: bool = True,
) -> ExtractSummary:
    """Land all that the publisher has and we do not. One offer that fails does not stop the others.

    `is_full` asks for everything, whatever was asked for before. What is refused is reported as an error, or as
    information where others will report it (not `says_refusals`). Raises `PublisherError` when the publisher cannot be
    asked at all, `StorageError` when S3 cannot, or its manifests do not say what there is.
    """
    # two at once would fetch everything twice; alone, nobody's manifest has to be looked for before each landing
    alone = session_lock(engine, f"extract {source.name}", lambda: report("information", _waits(source)))
    with alone, _places_kept(engine, source):
        summary, offers, count = _ask(engine, store, source, job_inst_id, report, is_full, says_refusals)
        for offer in offers:
            _land(engine, store, source, offer, job_inst_id, report, summary, count + len(summary.landed))
    return summary


def list_source(
    engine: Engine,
    store: ObjectStore,
    source: Source,
    job_inst_id: int,
    report: Report,
    *,
    is_full: bool = False,
) -> tuple[ExtractSummary, list[Payload]]:
    """Say what the publisher has and we do not, for other processes to land with `land_payload`, each one of them.

    What is read as it is asked for is landed here and now, and nothing of it is left to tell. What is refused is told
    too, for a process that fails by it while the others go on.
    """
    offers: list[Offer] = []
    try:
        if reads_as_it_asks(source):
            summary = extract_source(
                engine, store, source, job_inst_id, report, is_full=is_full, says_refusals=False
            )
        else:
            alone = session_lock(
                engine, f"extract {source.name}", lambda: report("information", _waits(source))
            )
            with alone, _places_kept(engine, source):
                summary, offers, _ = _ask(engine, store, source, job_inst_id, report, is_full, False)
    except ArchiveBroken as broken:  # what did land goes on
        summary = ExtractSummary(source.name, registered=[*broken.registered], refused=[str(broken)])
    refused, summary.refused = summary.refused, []
    return summary, [*map(payload_of, offers), *map(refusal_payload, refused)]


def land_payload(
    engine: Engine, store: ObjectStore, source: Source, facts: Payload, job_inst_id: int, report: Report
) -> ExtractSummary:
    """Land an offer of which `list_source` told; others may land others of the source meanwhile."""
    summary = ExtractSummary(source.name, offered=1)
    if not is_offer(facts):
        summary.refused.append(facts["refused"])
        report("error", facts["refused"])
        return summary
    name, waits = f"extract {source.name}", lambda: report("information", _waits(source))
    with session_lock(engine, name, waits, is_shared=True), _places_kept(engine, source):
        offer = offer_of(source, facts)
        with engine.connect() as connection:
            identities = {(offer.publisher_name, offer.delivery_date)}
            landed = known_fingerprints(connection, source.name, identities)
        if is_known(offer, landed):  # an earlier try has landed it
            summary.known = 1
        else:
            _land(engine, store, source, offer, job_inst_id, report, summary, None)
    return summary


@contextmanager
def _places_kept(engine: Engine, source: Source) -> Iterator[None]:
    """Have the body know where the publisher was in the public internet, and put on record where it now is."""
    with engine.connect() as connection:
        known = public_places(connection, source.name)
    with remembering(known) as places:
        try:
            yield
        finally:
            if new := places - known:
                with engine.begin() as connection:
                    remember_public(connection, source.name, new)


def _waits(source: Source) -> str:
    return f"{source.name}: another process asks its publisher, waiting for it to end"


def _ask(
    engine: Engine, store: ObjectStore, source: Source, job_inst_id: int, report: Report, is_full: bool,
    says_refusals: bool,
) -> tuple[ExtractSummary, list[Offer], int]:  # fmt: skip
    """Return what the publisher offers that is new to us, and how many deliveries had landed before it was asked.

    The caller holds the lock on asking the source's publisher. Raises `ArchiveBroken`, before the publisher is asked,
    when it is not known what S3 has of it already.
    """
    summary = ExtractSummary(source.name)

    def warn(message: str) -> None:
        summary.warnings.append(message)
        report("information", f"{source.name}: {message}")

    def refuse(message: str) -> None:
        summary.refused.append(message)
        report("error" if says_refusals else "information", message)

    try:
        summary.registered = register_archive(engine, store, source.name, job_inst_id, warn)
    except ArchiveBroken as broken:
        if broken.hides_deliveries:
            raise
        summary.registered = [*broken.registered]
        refuse(str(broken))
    if summary.registered:
        report("information", f"{source.name}: registered {len(summary.registered)} deliveries that S3 has")
    with engine.connect() as connection:
        count = count_landed(connection, source.name)

    def landed_before() -> list[Delivery]:
        with engine.connect() as connection:
            before = newest_landed(connection, source.name)
        return [replace(one, watermark_from=None, watermark_to=None) for one in before] if is_full else before

    found = discover(source, landed_before)
    summary.offered = len(found)
    offers = list(fitting(source, found, refuse))
    with engine.connect() as connection:
        identities = {(offer.publisher_name, offer.delivery_date) for offer in offers}
        landed = known_fingerprints(connection, source.name, identities)
    new = [offer for offer in offers if not is_known(offer, landed)]
    summary.known = len(offers) - len(new)
    return summary, new, count


def _land(
    engine: Engine, store: ObjectStore, source: Source, offer: Offer, job_inst_id: int, report: Report,
    summary: ExtractSummary, landed_before: int | None,
) -> None:  # fmt: skip
    """Land one offer, and put into the summary what became of it."""
    try:
        delivery = land(engine, store, source, offer, job_inst_id, landed_before=landed_before)
    except FAILURES as error:
        message = f"{source.name}: {offer.publisher_name} could not be landed: {_failure(error)}"
        summary.failed.append(storable(message))
        payload_of = {"publisher_name": offer.publisher_name, "address": shown(offer.address)}
        report("error", message, **payload_of, **_trace(error))
        return
    if delivery is None:
        summary.unchanged += 1
        report("detail", f"{source.name}: {offer.publisher_name} came again with the same content")
        return
    summary.landed.append(delivery)
    report(
        "detail",
        f"{source.name}: landed {delivery.publisher_name} as delivery {delivery.delivery_sqn}",
        delivery_sqn=delivery.delivery_sqn,
        file_size=delivery.file_size,
    )


def load_pending(
    engine: Engine,
    store: ObjectStore,
    source: Source,
    job_inst_id: int,
    report: Report,
    *,
    only: Collection[int] | None = None,
) -> LoadSummary:
    """Load raw every delivery that is landed and not in raw, each in a transaction of its own; or `only` some.

    A file that breaks its format is halted, with nothing of it in raw; the others go on. One that was judged before
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
            message = (
                f"{source.name}: delivery {delivery.delivery_sqn} could not be loaded: {_failure(error)}"
            )
            summary.failed.append(storable(message))
            report("error", message, delivery_sqn=delivery.delivery_sqn, **_trace(error))
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
    """Halt a delivery that breaks its format; one that was judged before keeps its verdict, and its load fails."""
    check, why = _refusal(source, error, delivery)
    sqn = delivery.delivery_sqn
    with engine.begin() as connection:
        if not _is_still_pending(connection, delivery):
            return  # another process has refused it meanwhile
        was_judged = has_verdict(connection, sqn)  # only a replay asks for another verdict
        if not was_judged:
            _record_refusal(connection, delivery, error, check, why, job_inst_id)
    if was_judged:
        message = (
            f"{source.name}: delivery {sqn} cannot be loaded again: {error}. Its verdict stands:"
            f" expected metadata that reads it, or `headwater replay {sqn}` to judge it anew"
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


def _failure(error: BaseException) -> HeadwaterError:
    """Return what is told of one delivery that failed. What meets all others, too, is raised: it fails their source."""
    failure = failure_of(error)
    if isinstance(failure, DatabaseRefused) and failure.is_general:
        raise failure from error
    if isinstance(error, HeadwaterError) and not isinstance(error, ExtractError):
        raise error
    return failure


def _trace(error: BaseException) -> dict[str, str]:
    """The stack trace, for the log, of what nobody foresaw."""
    return {} if is_foreseen(error) else {"trace": trace_of(error)}


def _refusal(source: Source, error: FormatBroken | LedgerBroken, delivery: Delivery) -> tuple[str, str]:
    """The check that a refused delivery failed, and why."""
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
    """Put the failed check on record: nothing else of the delivery is written. The caller holds the source's lock."""
    sqn = delivery.delivery_sqn
    found = error.found if isinstance(error, ColumnsBroken) else ()
    record_refusal(connection, sqn, check, why, found, job_inst_id)
    if isinstance(error, ColumnsBroken):
        record_header(connection, sqn, error.header)


def _is_still_pending(connection: Connection, delivery: Delivery) -> bool:
    """Take the source's lock; whether raw has still to load the delivery."""
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
        if not record_definition(connection, source.name, definition(source)):
            return None
        if was_replayed(connection, delivery.delivery_sqn):
            forget_rows(connection, source, delivery.delivery_sqn)
        return load_raw(connection, store, source, delivery, job_inst_id)
