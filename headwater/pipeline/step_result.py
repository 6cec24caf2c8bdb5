"""The result of a step: what a try of its task wrote, by the ledger. Metrics, lineage and links read it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from headwater.extract.offers.payload import is_offer
from headwater.metadata.process import ledger
from headwater.metadata.process.jobs import SharedJobInstance
from headwater.metadata.process.ledger import Check, Entry, Subset
from headwater.metadata.static.model import Source


@dataclass(frozen=True)
class StepKind:
    """A kind of step: the layers that it may write, and the one in which it may halt a delivery."""

    name: str
    layers: tuple[str, ...]
    halts_in: str | None = None


DISCOVER = StepKind("discover", ("landed",))
BRING = StepKind("bring", ("landed", "raw"), "raw")
STAGE = StepKind("stage", ("staging",), "staging")
CHECK = StepKind("check", (), "checks")
HISTORIZE = StepKind("historize", ("raw", "staging", "historical"), "historical")
CLEAN_UP = StepKind("clean_up", ("raw", "staging"))


@dataclass
class StepContext:
    """A step that a process does, or did, with a source; known while it goes, so that a failure in it tells, too."""

    kind: StepKind
    source: Source
    batch: Mapping[str, Any] | None = None  # of a task that has its like beside it: what is its own
    brought: Collection[int] = ()  # deliveries that it has landed itself
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
        return Subset({*self.batch["deliveries"], *self.brought}, identities)


@dataclass(frozen=True)
class Place:
    """The place of a database."""

    host: str
    port: int
    database: str


@dataclass(frozen=True)
class StepResult:
    """The result of a try; `checks` are those by which it judged."""

    context: StepContext
    job_inst_id: int
    place: Place
    entries: tuple[Entry, ...]
    checks: tuple[Check, ...] = ()

    @property
    def source(self) -> Source:
        """Of what."""
        return self.context.source


def result_of(engine: Engine, instance: SharedJobInstance, context: StepContext) -> StepResult | None:
    """Return what the last try in this process wrote, and those before it that died; None when there was no try."""
    since = instance.tried_since
    if since is None:
        return None
    with engine.connect() as connection:
        entries = ledger.entries(
            connection, context.source.name, instance.job_inst_id, since,
            layers=context.kind.layers, verdicts_of=context.kind.halts_in, subset=context.subset,
        )  # fmt: skip
        judged = {entry.delivery_sqn for entry in entries} if context.kind is CHECK else set()
        checks = ledger.checks(connection, instance.job_inst_id, judged) if judged else []
        return StepResult(context, instance.job_inst_id, place_of(connection), tuple(entries), tuple(checks))


def place_of(connection: Connection) -> Place:
    """Return where the server of a connection is, whichever way libpq was told; a socket is on this machine."""
    info: Any = connection.connection.dbapi_connection.info  # type: ignore[union-attr]
    host = "localhost" if not info.host or info.host.startswith("/") else info.host
    return Place(host, int(info.port), info.dbname)
