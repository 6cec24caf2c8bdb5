"""Extraction of one source: register what S3 knows, discover, land what is new."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy import Engine

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
from headwater.metadata.connection import session_lock
from headwater.metadata.errors import ArchiveBroken
from headwater.metadata.failures import FAILURES, failure_of_delivery, trace_unless_foreseen
from headwater.metadata.process.deliveries import (
    Delivery,
    count_landed,
    known_fingerprints,
    newest_landed,
)
from headwater.metadata.process.public_places import public_places, remember_public
from headwater.metadata.process.recorded_run import Report
from headwater.metadata.static.model import Source
from headwater.metadata.storable import storable


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
class Extraction:
    """The extraction of one source, in the name of a job instance; `summary` says what has come of it so far.

    `report` receives its progress. What is refused is reported as an error, or as information where others will report
    it (not `says_refusals`).
    """

    engine: Engine
    store: ObjectStore
    source: Source
    job_inst_id: int
    report: Report
    says_refusals: bool = True
    summary: ExtractSummary = field(init=False)
    _count_before: int = 0  # deliveries that had landed before the publisher was asked

    def __post_init__(self) -> None:
        self.summary = ExtractSummary(self.source.name)

    @contextmanager
    def asking(self, *, is_shared: bool = False) -> Iterator[None]:
        """Let one process at a time ask the source's publisher; those that land what it found share the lock.

        Two that asked at once would fetch everything twice. Where the publisher was in the public internet goes on
        record, and is known again.
        """
        name = f"extract {self.source.name}"
        with session_lock(self.engine, name, self._say_waits, is_shared=is_shared):
            with self.engine.connect() as connection:
                known = public_places(connection, self.source.name)
            with remembering(known) as places:
                try:
                    yield
                finally:
                    if new := places - known:
                        with self.engine.begin() as connection:
                            remember_public(connection, self.source.name, new)

    def find_new(self, *, is_full: bool = False) -> list[Offer]:
        """Return what the publisher offers that is new to us; the caller is `asking`.

        `is_full` asks for everything, whatever was asked for before. Raises `ArchiveBroken`, before the publisher is
        asked, when it is not known what S3 has of it already, `PublisherError` when the publisher cannot be asked, and
        `StorageError` when S3 cannot.
        """
        self._register()
        with self.engine.connect() as connection:
            self._count_before = count_landed(connection, self.source.name)

        def landed_before() -> list[Delivery]:
            with self.engine.connect() as connection:
                before = newest_landed(connection, self.source.name)
            if not is_full:
                return before
            return [replace(one, watermark_from=None, watermark_to=None) for one in before]

        found = discover(self.source, landed_before)
        self.summary.offered = len(found)
        offers = list(fitting(self.source, found, self._refuse))
        with self.engine.connect() as connection:
            identities = {(offer.publisher_name, offer.delivery_date) for offer in offers}
            landed = known_fingerprints(connection, self.source.name, identities)
        new = [offer for offer in offers if not is_known(offer, landed)]
        self.summary.known = len(offers) - len(new)
        return new

    def land_new(self, offers: list[Offer]) -> None:
        """Land what `find_new` found; the caller has been `asking` all the while, and nobody else has."""
        for offer in offers:  # nobody's manifest has to be looked for before each landing
            self._land(offer, self._count_before + len(self.summary.landed))

    def land_payload(self, payload: Payload) -> None:
        """Land an offer of which `list_new` told; others may land others of the source meanwhile."""
        self.summary.offered += 1
        if not is_offer(payload):
            self.summary.refused.append(payload["refused"])
            self.report("error", payload["refused"])
            return
        with self.asking(is_shared=True):
            offer = offer_of(self.source, payload)
            with self.engine.connect() as connection:
                identities = {(offer.publisher_name, offer.delivery_date)}
                landed = known_fingerprints(connection, self.source.name, identities)
            if is_known(offer, landed):  # an earlier try has landed it
                self.summary.known += 1
            else:
                self._land(offer, None)

    def take_summary(self) -> ExtractSummary:
        """Return what has come of it since this was last asked."""
        summary, self.summary = self.summary, ExtractSummary(self.source.name)
        return summary

    def _register(self) -> None:
        try:
            self.summary.registered = register_archive(
                self.engine, self.store, self.source.name, self.job_inst_id, self._warn
            )
        except ArchiveBroken as broken:
            if broken.hides_deliveries:
                raise
            self.summary.registered = [*broken.registered]
            self._refuse(str(broken))
        if count := len(self.summary.registered):
            self.report("information", f"{self.source.name}: registered {count} deliveries that S3 has")

    def _land(self, offer: Offer, landed_before: int | None) -> None:
        """Land one offer, and put into the summary what became of it."""
        source, summary = self.source, self.summary
        try:
            delivery = land(
                self.engine, self.store, source, offer, self.job_inst_id, landed_before=landed_before
            )
        except FAILURES as error:
            failure = failure_of_delivery(error)
            message = f"{source.name}: {offer.publisher_name} could not be landed: {failure}"
            summary.failed.append(storable(message))
            about = {"publisher_name": offer.publisher_name, "address": shown(offer.address)}
            self.report("error", message, **about, **trace_unless_foreseen(error))
            return
        if delivery is None:
            summary.unchanged += 1
            self.report("detail", f"{source.name}: {offer.publisher_name} came again with the same content")
            return
        summary.landed.append(delivery)
        self.report(
            "detail",
            f"{source.name}: landed {delivery.publisher_name} as delivery {delivery.delivery_sqn}",
            delivery_sqn=delivery.delivery_sqn,
            file_size=delivery.file_size,
        )

    def _warn(self, message: str) -> None:
        self.summary.warnings.append(message)
        self.report("information", f"{self.source.name}: {message}")

    def _refuse(self, message: str) -> None:
        self.summary.refused.append(message)
        self.report("error" if self.says_refusals else "information", message)

    def _say_waits(self) -> None:
        self.report(
            "information",
            f"{self.source.name}: another process asks its publisher, waiting for it to end",
        )


def extract_source(
    engine: Engine,
    store: ObjectStore,
    source: Source,
    job_inst_id: int,
    report: Report,
    *,
    is_full: bool = False,
) -> ExtractSummary:
    """Land all that the publisher has and we do not, in this process. One offer that fails does not stop the others.

    Arguments and errors are those of `Extraction` and of its `find_new`.
    """
    extraction = Extraction(engine, store, source, job_inst_id, report)
    with extraction.asking():
        extraction.land_new(extraction.find_new(is_full=is_full))
    return extraction.summary


def list_new(
    engine: Engine,
    store: ObjectStore,
    source: Source,
    job_inst_id: int,
    report: Report,
    *,
    is_full: bool = False,
) -> tuple[ExtractSummary, list[Payload]]:
    """Say what the publisher has and we do not, for other processes to land, each one of them.

    What is read as it is asked for is landed here and now, and nothing of it is left to tell. What is refused is told
    too, for a process that fails by it while the others go on.
    """
    extraction = Extraction(engine, store, source, job_inst_id, report, says_refusals=False)
    offers: list[Offer] = []
    try:
        with extraction.asking():
            offers = extraction.find_new(is_full=is_full)
            if reads_as_it_asks(source):
                extraction.land_new(offers)
                offers = []
    except ArchiveBroken as broken:  # what did land goes on
        extraction.summary = ExtractSummary(
            source.name, registered=[*broken.registered], refused=[str(broken)]
        )
        offers = []
    refused, extraction.summary.refused = extraction.summary.refused, []
    return extraction.summary, [*map(payload_of, offers), *map(refusal_payload, refused)]
