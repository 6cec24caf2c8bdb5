"""The archive of a source: Postgres and S3 hold the same deliveries and events, and S3 holds every object."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from headwater.extract.landing.manifest import manifest_at, manifest_key, manifest_sqn
from headwater.extract.landing.source_archive import landed_objects
from headwater.extract.landing.store import ObjectStore
from headwater.extract.landing.verify import contents
from headwater.metadata.errors import StorageError
from headwater.metadata.process import events
from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.process.events import DeliveryEvent
from headwater.metadata.process.tables import delivery, delivery_event
from headwater.queries.verify.findings import CheckOutcome, Finding, amount, outcome_of

PUT_BACK = "put the object back as it was, from a copy or an earlier version of the bucket"

Known = TypeVar("Known", int, UUID)  # the number of a delivery, the id of an event
Tick = Callable[[int, int], None]  # objects that are read, and how many there are


@dataclass(frozen=True)
class Records:
    """Deliveries and events of a source, as one snapshot of Postgres has them."""

    source: str
    deliveries: dict[int, Delivery]
    events: dict[UUID, DeliveryEvent]


def records(connection: Connection, source: str) -> Records:
    """Return the deliveries and events of a source."""
    facts = sa.select(*(delivery.c[name] for name in Delivery.__dataclass_fields__))
    rows = connection.execute(facts.where(delivery.c.source == source).order_by(delivery.c.delivery_sqn))
    happened = (
        sa.select(delivery_event)
        .join(delivery)
        .where(delivery.c.source == source)
        .order_by(delivery_event.c.delivery_sqn, delivery_event.c.event_at)
    )
    return Records(
        source,
        {row["delivery_sqn"]: Delivery(**row) for row in rows.mappings()},
        {
            row["event_id"]: DeliveryEvent(**{**row, "checks": tuple(row["checks"])})
            for row in connection.execute(happened).mappings()
        },
    )


class Archive:
    """The archive of a source beside its records.

    S3 is listed after the snapshot of Postgres, so an object that a record names must exist. For an object that was
    stored since, the check queries Postgres again.
    """

    def __init__(self, engine: Engine, store: ObjectStore, known: Records) -> None:
        self._engine, self._store, self._known = engine, store, known
        self._source = known.source

    def check_manifests(self) -> CheckOutcome:
        """Compare deliveries with manifests, both ways, by their numbers."""
        by_sqn = {
            sqn: key
            for key in self._store.list(f"manifests/{self._source}/")
            if (sqn := manifest_sqn(self._source, key)) is not None
        }
        findings = [
            self._finding(
                "manifests", "manifest_missing", sqn, manifest_key(self._source, sqn),
                expected="a manifest on S3 for the delivery that Postgres has",
                found="no such object",
                action=PUT_BACK,
            )
            for sqn in sorted(self._known.deliveries.keys() - by_sqn.keys())
        ]  # fmt: skip
        unknown = sorted(by_sqn.keys() - self._known.deliveries.keys())
        still, unproven = self._still_unknown(unknown, _known_sqns, "manifest")
        findings += [
            self._finding(
                "manifests", "delivery_missing", sqn, by_sqn[sqn],
                expected="a row in metadata.delivery for the manifest that S3 has",
                found="no such row",
                action=f"headwater run {self._source} registers the delivery",
            )
            for sqn in still
        ]  # fmt: skip
        return outcome_of(self._source, "manifests", amount(len(by_sqn), "manifest"), findings, unproven)

    def check_events(self) -> CheckOutcome:
        """Compare events in Postgres with those on S3, both ways."""
        on_s3 = {}
        for key in self._store.list(events.events_folder(self._source)):
            if (in_key := events.event_at_key(self._source, key)) is not None:
                on_s3[in_key.event_id] = (in_key.delivery_sqn, key)
        known = self._known.events
        findings = [
            self._finding(
                "events", "event_missing_on_s3", known[event_id].delivery_sqn,
                events.event_key(self._source, known[event_id]),
                expected=f"the event {known[event_id].event}, as Postgres has it",
                found="no such object",
                action=PUT_BACK,
            )
            for event_id in known.keys() - on_s3.keys()
        ]  # fmt: skip
        still, unproven = self._still_unknown(sorted(on_s3.keys() - known.keys()), _known_events, "event")
        findings += [
            self._finding(
                "events", "event_missing_in_postgres", on_s3[event_id][0], on_s3[event_id][1],
                expected=f"the event {on_s3[event_id][1].rpartition('-')[2].removesuffix('.json')} in"
                " metadata.delivery_event, as S3 has it",
                found="no such row",
                action=f"headwater run {self._source} registers the event, and history follows it",
            )
            for event_id in still
        ]  # fmt: skip
        findings.sort(key=lambda finding: (finding.rule, finding.address or ""))
        return outcome_of(self._source, "events", amount(len(on_s3), "event"), findings, unproven)

    def check_objects(self) -> CheckOutcome:
        """Compare deliveries with the objects of S3, both ways, by their addresses."""
        named = {one.delivery_filename: one for one in self._known.deliveries.values()}
        there = landed_objects(self._store, self._source, named)
        findings = [
            self._object_finding(
                named[address], "object_missing", "the object of the delivery", "no such object"
            )
            for address in sorted(named.keys() - there)
        ]
        notices = [
            f"{address} belongs to no delivery. A guess: its landing was killed or is under way, or somebody put it"
            " there. Nothing reads it"
            for address in self._named_by_none(there - named.keys())
        ]
        return outcome_of(
            self._source, "objects", amount(len(there), "object"), findings, notices=_first(notices)
        )

    def check_contents(self, tick: Tick) -> CheckOutcome:
        """Read every object, manifest and event of the source, and compare it with what Postgres has."""
        named = [one.delivery_filename for one in self._known.deliveries.values()]
        there = landed_objects(self._store, self._source, named)
        known = [one for one in self._known.deliveries.values() if one.delivery_filename in there]
        findings = []
        read = contents(self._store, [one.delivery_filename for one in known])
        for number, (one, content) in enumerate(zip(known, read, strict=True), start=1):
            tick(number, len(known))
            expected = f"{one.file_size} bytes, sha256 {one.content_sha256}"
            found = f"{content.file_size} bytes, sha256 {content.sha256}"
            if found != expected:
                findings.append(self._object_finding(one, "content_changed", expected, found))
        findings += [*self._changed_manifests(), *self._changed_events()]
        return outcome_of(self._source, "contents", f"{amount(len(known), 'object')} read", findings)

    def _named_by_none(self, addresses: Collection[str]) -> list[str]:
        """Return the addresses that no delivery has; those of a renamed source lie below its former name."""
        ask = sa.select(delivery.c.delivery_filename).where(delivery.c.delivery_filename.in_(addresses))
        with self._engine.connect() as connection:
            return sorted(set(addresses) - set(connection.scalars(ask)))

    def _changed_manifests(self) -> Iterator[Finding]:
        for key in self._store.list(f"manifests/{self._source}/"):
            sqn = manifest_sqn(self._source, key)
            if sqn is None or (one := self._known.deliveries.get(sqn)) is None:
                continue
            differing = self._difference_of_manifest(key, one)
            if differing:
                yield self._finding(
                    "contents", "manifest_changed", sqn, key,
                    expected="the facts of metadata.delivery", found=differing, action=PUT_BACK,
                )  # fmt: skip

    def _difference_of_manifest(self, key: str, one: Delivery) -> str:
        try:
            on_s3 = asdict(manifest_at(key, self._store.get(key), self._store))
        except StorageError as error:
            return str(error)
        return _differences(asdict(one), on_s3)

    def _changed_events(self) -> Iterator[Finding]:
        for key in self._store.list(events.events_folder(self._source)):
            in_key = events.event_at_key(self._source, key)
            happened = self._known.events.get(in_key.event_id) if in_key else None
            if happened is None:
                continue
            try:
                differing = _differences(asdict(happened), asdict(events.from_json(self._store.get(key))))
            except StorageError as error:
                differing = str(error)
            if differing:
                yield self._finding(
                    "contents", "event_changed", happened.delivery_sqn, key,
                    expected="the facts of metadata.delivery_event", found=differing,
                    action="find out which of the two was changed, and correct that one from a copy",
                )  # fmt: skip

    def _still_unknown(
        self, unknown: Sequence[Known], ask: Callable[[Connection, str], set[Known]], what: str
    ) -> tuple[list[Known], list[str]]:
        """Return the objects that Postgres still does not know although no load runs, and what cannot be proved."""
        if not unknown:
            return [], []
        with self._engine.begin() as connection:
            is_idle: bool = connection.execute(
                sa.text(
                    "select pg_try_advisory_xact_lock_shared(hashtextextended('headwater source ' || :source, 0))"
                ),
                {"source": self._source},
            ).scalar_one()
            still = [one for one in unknown if one not in ask(connection, self._source)]
        if not still or is_idle:
            return still, []
        return [], [
            f"Postgres has no row yet for {len(still)} {what}{'s' if len(still) > 1 else ''} on S3. A guess: the load"
            f" of {self._source} that is under way writes it. Verify again when it has ended"
        ]

    def _object_finding(self, one: Delivery, rule: str, expected: str, found: str) -> Finding:
        check = "objects" if rule == "object_missing" else "contents"
        return Finding(
            self._source, check, rule, expected, found, PUT_BACK,
            delivery_sqn=one.delivery_sqn, publisher_name=one.publisher_name, address=one.delivery_filename,
        )  # fmt: skip

    def _finding(
        self, check: str, rule: str, sqn: int, key: str, *, expected: str, found: str, action: str
    ) -> Finding:
        one = self._known.deliveries.get(sqn)
        return Finding(
            self._source, check, rule, expected, found, action,
            delivery_sqn=sqn, publisher_name=one.publisher_name if one else None, address=self._store.address(key),
        )  # fmt: skip


def _known_sqns(connection: Connection, source: str) -> set[int]:
    return set(connection.scalars(sa.select(delivery.c.delivery_sqn).where(delivery.c.source == source)))


def _known_events(connection: Connection, source: str) -> set[UUID]:
    ask = sa.select(delivery_event.c.event_id).join(delivery).where(delivery.c.source == source)
    return set(connection.scalars(ask))


def _differences(in_postgres: dict[str, object], on_s3: dict[str, object]) -> str:
    """Return the facts that differ: `why 'a' on S3, 'b' in Postgres`."""
    return ", ".join(
        f"{name} {on_s3[name]!r} on S3, {value!r} in Postgres"
        for name, value in in_postgres.items()
        if on_s3[name] != value
    )


def _first(notices: Collection[str], shown: int = 3) -> list[str]:
    some = list(notices)[:shown]
    more = len(notices) - len(some)
    return [*some, f"and {more:,} more objects of no delivery"] if more > 0 else some
