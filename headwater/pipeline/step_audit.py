"""The audit of a step: what a try of its task wrote, by the ledger. Metrics, lineage and links read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from headwater.extract.offers.payload import is_offer
from headwater.metadata.process import ledger
from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.process.jobs import SharedJobInstance
from headwater.metadata.process.ledger import Check, Entry, Subset
from headwater.metadata.static.model import Source
from headwater.metadata.static.step_names import StepName


@dataclass(frozen=True)
class _Writes:
    """The layers that a step may write, and the one in which it may halt a delivery."""

    layers: tuple[str, ...]
    halts_in: str | None = None


_WRITES = {
    StepName.DISCOVER: _Writes(("landed",)),
    StepName.LAND: _Writes(("landed", "raw"), "raw"),
    StepName.STAGE: _Writes(("staging",), "staging"),
    StepName.CHECK: _Writes((), "checks"),
    StepName.HISTORIZE: _Writes(("raw", "staging", "historical"), "historical"),
    StepName.CLEAN_UP: _Writes(("raw", "staging")),
}


@dataclass
class StepTry:
    """A try of a step of a source; known while it goes, so that a failure in it is audited, too."""

    name: StepName
    source: Source
    batch: Mapping[str, Any] | None = None  # of a task that has its like beside it: what is its own
    landed: Sequence[Delivery] = ()  # by itself
    taken_out: int = 0  # deliveries that history holds no more

    @property
    def subset(self) -> Subset | None:
        """Return which deliveries are its own; None: all of the source."""
        if self.batch is None:
            return None
        identities = [
            (offer["publisher_name"], datetime.fromisoformat(offer["delivery_date"]))
            for offer in self.batch["offers"]
            if is_offer(offer)
        ]
        landed = {delivery.delivery_sqn for delivery in self.landed}
        return Subset({*self.batch["deliveries"], *landed}, identities)


@dataclass(frozen=True)
class Place:
    """The place of a database."""

    host: str
    port: int
    database: str


@dataclass(frozen=True)
class StepAudit:
    """The rows that a try wrote; `checks` are the checks that it ran."""

    of: StepTry
    job_inst_id: int
    place: Place
    entries: tuple[Entry, ...]
    checks: tuple[Check, ...] = ()

    @property
    def step(self) -> StepName:
        """The step that was tried."""
        return self.of.name

    @property
    def source(self) -> Source:
        """The source that it worked on."""
        return self.of.source


def audit(engine: Engine, instance: SharedJobInstance, of: StepTry) -> StepAudit | None:
    """Return what the last try in this process wrote, and those before it that died; None when there was no try."""
    since = instance.tried_since
    if since is None:
        return None
    writes = _WRITES[of.name]
    with engine.connect() as connection:
        entries = ledger.entries(
            connection, of.source.name, instance.job_inst_id, since,
            layers=writes.layers, verdicts_of=writes.halts_in, subset=of.subset,
        )  # fmt: skip
        checked = {entry.delivery_sqn for entry in entries} if of.name is StepName.CHECK else set()
        checks = ledger.checks(connection, instance.job_inst_id, checked) if checked else []
        return StepAudit(of, instance.job_inst_id, place_of(connection), tuple(entries), tuple(checks))


def place_of(connection: Connection) -> Place:
    """Return where the server of a connection is, whichever way libpq was told; a socket is on this machine."""
    info: Any = connection.connection.dbapi_connection.info  # type: ignore[union-attr]
    host = "localhost" if not info.host or info.host.startswith("/") else info.host
    return Place(host, int(info.port), info.dbname)
