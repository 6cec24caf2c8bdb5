"""Ledger entries of a period: the results for a source's deliveries, by job instance, since a moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.metadata.process.tables import data_quality_checks, delivery, delivery_event, delivery_status

OUTCOMES = {
    ("landed", "loaded"): "landed",
    ("raw", "loaded"): "loaded",
    ("raw", "purged"): "purged",
    ("staging", "loaded"): "staged",
    ("staging", "purged"): "purged",
    ("historical", "loaded"): "historized",
}
"""Status of a layer → name of the event for rows; other statuses do not concern rows."""

# a row of history, and what a staged row may meet there; see `delivery_status`
CHANGE_KINDS = ("new", "changed", "unchanged", "ignored", "overtaken", "delete_mark", "removed")


@dataclass(frozen=True)
class Entry:
    """The result of a delivery in a layer. `counts` are its columns of delivery_status."""

    delivery_sqn: int
    publisher_name: str
    delivery_date: datetime
    delivery_filename: str  # s3://bucket/key
    layer: str
    outcome: str  # landed, loaded, staged, historized, purged; passed, halted
    counts: Mapping[str, int]

    @property
    def rows(self) -> dict[str, int]:
        """Return how many rows the layer got, lost, or sent away, by what came of them."""
        if self.layer == "historical" and self.outcome == "historized":
            return {change: self.counts.get(f"{change}_count", 0) for change in CHANGE_KINDS}
        found = {"fallen_out": self.counts.get("fallen_out_count", 0)} if self.outcome == "staged" else {}
        count = self.counts.get("record_count")
        return found if count is None else {self.outcome: count, **found}


@dataclass(frozen=True)
class Check:
    """A check, on how many deliveries it ran, and how many of them failed it."""

    name: str
    severity: str
    checked: int
    failed: int


@dataclass(frozen=True)
class Subset:
    """Some deliveries of a source: by their numbers, or by the publisher's name and the date (aware, UTC)."""

    sqns: Collection[int] = ()
    identities: Collection[tuple[str, datetime]] = ()


def entries(
    connection: Connection,
    source: str,
    job_inst_id: int,
    since: datetime,
    *,
    layers: Sequence[str],
    verdicts_of: str | None = None,
    subset: Subset | None = None,
) -> list[Entry]:
    """Return the entries of the job instance in `layers` since a moment, including its check results.

    All of them, or those of the deliveries in `subset`. The event decides about a halt, whatever the layers
    say, so a try that was interrupted before the event has not halted anything.
    """
    status, counts = delivery_status.c, [one for one in delivery_status.c if one.name.endswith("_count")]
    wrote = (
        sa.select(*_FACTS, status.layer, status.status, status.file_size, *counts)
        .join_from(delivery_status, delivery)
        .where(
            delivery.c.source == source,
            status.job_inst_id == job_inst_id,
            status.layer.in_(layers),
            status.status_at >= since,
            *_is_in_subset(subset),
        )
        .order_by(status.status_at, delivery.c.delivery_sqn)
    )
    found = [
        _entry(row, row["layer"], OUTCOMES[row["layer"], row["status"]])
        for row in connection.execute(wrote).mappings()
        if (row["layer"], row["status"]) in OUTCOMES
    ]
    if verdicts_of is not None:
        message = connection.execute(_verdicts(source, job_inst_id, since, subset)).mappings()
        found += [_entry(row, verdicts_of, row["event"]) for row in message]
    return found


def checks(connection: Connection, job_inst_id: int, sqns: Collection[int]) -> list[Check]:
    """The checks that the job instance ran on some deliveries."""
    result = data_quality_checks.c
    failed = sa.func.count().filter(result.passed.is_(False))
    asked = (
        sa.select(
            result.check_name.label("name"),
            result.severity,
            sa.func.count().label("checked"),
            failed.label("failed"),
        )
        .where(result.job_inst_id == job_inst_id, result.delivery_sqn.in_(sqns))
        .group_by(result.check_name, result.severity)
        .order_by(result.check_name, result.severity)
    )
    return [Check(**row) for row in connection.execute(asked).mappings()]


_FACTS = [
    delivery.c[name] for name in ("delivery_sqn", "publisher_name", "delivery_date", "delivery_filename")
]


def _entry(row: Any, layer: str, outcome: str) -> Entry:
    counts = {name: row[name] for name in row if name.endswith("_count") or name == "file_size"}
    return Entry(
        **{fact.name: row[fact.name] for fact in _FACTS},
        layer=layer,
        outcome=outcome,
        counts={name: count for name, count in counts.items() if count is not None},
    )


def _is_in_subset(subset: Subset | None) -> list[sa.ColumnElement[bool]]:
    if subset is None:
        return []
    identity = sa.tuple_(delivery.c.publisher_name, delivery.c.delivery_date)
    return [delivery.c.delivery_sqn.in_(subset.sqns) | identity.in_(subset.identities)]


def _verdicts(source: str, job_inst_id: int, since: datetime, subset: Subset | None) -> sa.Select[Any]:
    """The verdicts of the job instance: what it checked, its checks show; a broken ledger has no check of its own."""
    event = delivery_event.c
    is_checked = sa.exists().where(
        data_quality_checks.c.delivery_sqn == event.delivery_sqn,
        data_quality_checks.c.job_inst_id == job_inst_id,
    )
    return (
        sa.select(*_FACTS, event.event)
        .join_from(delivery_event, delivery)
        .where(
            delivery.c.source == source,
            event.event.in_(("passed", "halted")),
            event.event_at >= since,
            is_checked | event.checks.contains(["ledger"]),
            *_is_in_subset(subset),
        )
        .order_by(event.event_at, event.delivery_sqn)
    )
