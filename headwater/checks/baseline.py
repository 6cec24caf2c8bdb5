"""The baseline of a delivery: the effective deliveries before it, and the rows that were current at its turn.

Deliveries are validated in order of (delivery_date, publisher's name), each against the effective deliveries
before it. History contains the loaded ones; those that passed a moment ago, or whose date lies before the
loaded ones, are only in staging. So the current rows are those of history before the first difference, plus
the staged deliveries since.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.checks.current import (
    Recognised,
    Step,
    current_after,
    history_before,
    history_from,
    newest_of_history,
    nothing,
    rows_of,
)
from headwater.checks.parts import keys_that_matter
from headwater.checks.sql import column_list, names_of
from headwater.metadata.errors import HeadwaterError
from headwater.metadata.sql_text import layer_table
from headwater.metadata.static.model import Source

_DELIVERIES = sa.text("""
select
    state.delivery_sqn, state.publisher_name, state.delivery_date, state.delivery_type = 'snapshot' as is_snapshot,
    state.delivery_type = 'partition_snapshot' as is_of_parts,
    state.is_withdrawn, state.counts, state.differs_from_history,
    historical.status is not null as is_in_history,
    coalesce(historical.status = 'loaded', false) as is_loaded,
    coalesce(staging.status in ('loaded', 'partial'), false) as is_staged,
    coalesce(staging.status = 'partial', false) as is_partial,
    coalesce(staging.record_count, 0) + coalesce(staging.recognised_count, 0) as row_count,
    coalesce(staging.fallen_out_count, 0) as fallen_out_count
from metadata.delivery_state as state
left join metadata.delivery_status as staging
    on staging.delivery_sqn = state.delivery_sqn and staging.layer = 'staging'
left join metadata.delivery_status as historical
    on historical.delivery_sqn = state.delivery_sqn and historical.layer = 'historical'
where state.source = :source
""")


@dataclass(frozen=True)
class Placed:
    """A delivery with its position among those of its source."""

    delivery_sqn: int
    publisher_name: str
    delivery_date: datetime
    is_snapshot: bool
    is_of_parts: bool
    is_withdrawn: bool
    counts: bool
    differs_from_history: bool
    is_in_history: bool
    is_loaded: bool
    is_staged: bool
    is_partial: bool  # staging has the rows that no current version says, and history the others
    row_count: int
    fallen_out_count: int

    @property
    def recognised(self) -> Recognised | None:
        """Return where its rows are that are not staged; None if all are staged."""
        return Recognised(self.delivery_date if self.is_loaded else None) if self.is_partial else None

    @property
    def rows_read(self) -> str:
        """Return a phrase with the number of valid rows, if some fell out."""
        total = self.row_count + self.fallen_out_count
        return f"{self.row_count:,} of {total:,} rows were read, {self.fallen_out_count:,} fell out"

    @property
    def place(self) -> tuple[datetime, str]:
        """Return the position in the order in which deliveries apply; deliveries of one identity share it."""
        return self.delivery_date, self.publisher_name


@dataclass(frozen=True)
class _Kept:
    """The current rows after `steps` on `base`, and the query that reads them from a table."""

    base: str
    steps: tuple[Step, ...]
    query: str


class Baseline:
    """The deliveries of a source and the current rows before each; works in the transaction of `connection`."""

    def __init__(self, connection: Connection, source: Source) -> None:
        self._connection, self._source = connection, source
        rows = connection.execute(_DELIVERIES, {"source": source.name}).mappings()
        self._deliveries = {row["delivery_sqn"]: Placed(**row) for row in rows}
        self._counting = {sqn for sqn, d in self._deliveries.items() if d.counts}
        self._differing = {sqn for sqn, d in self._deliveries.items() if d.differs_from_history}
        self._kept: _Kept | None = None
        self._tables = 0
        self._has_history: bool = connection.execute(
            sa.text("select to_regclass(:table) is not null and not metadata.is_being_rebuilt(:source)"),
            {"table": layer_table("historical", source.name), "source": source.name},
        ).scalar_one()

    @property
    def _is_plain(self) -> bool:
        """Return whether new keys are always loaded and missing keys always removed."""
        return self._source.load_new and self._source.load_removed

    def __getitem__(self, delivery_sqn: int) -> Placed:
        return self._deliveries[delivery_sqn]

    def let_pass(self, delivery_sqn: int) -> None:
        """Treat a delivery as effective from now on: it has passed, and only its event is not yet recorded."""
        same = [d for d in self._deliveries.values() if d.place == self[delivery_sqn].place]
        rivals = {d.delivery_sqn for d in same} & self._counting | {delivery_sqn}
        self._counting = self._counting - rivals | {max(rivals)}
        if delivery_sqn in self._counting:
            self._differing.add(delivery_sqn)

    def date_before(self, delivery_sqn: int) -> datetime | None:
        """Return the date of the previous delivery of the publisher, whatever its status."""
        place = self[delivery_sqn].place
        earlier = (
            d.delivery_date for d in self._deliveries.values() if d.place < place and not d.is_withdrawn
        )
        return max(earlier, default=None)

    def sqn_before(self, delivery_sqn: int) -> int | None:
        """Return the last effective delivery before one."""
        place = self[delivery_sqn].place
        earlier = (self[sqn] for sqn in self._counting if self[sqn].place < place)
        last = max(earlier, key=lambda d: d.place, default=None)
        return last.delivery_sqn if last else None

    def current_before(self, delivery_sqn: int) -> str | None:
        """Return a query of the keys and tracked attributes that were current; None without an earlier delivery.

        For a delivery of parts only what matters to it: its keys, those in its parts, and what is staged before it.
        """
        checked = self[delivery_sqn]
        counting = sorted((self[sqn] for sqn in self._counting), key=lambda d: d.place)
        earlier = [d for d in counting if d.place < checked.place]
        if not earlier:
            return None
        differing = (self[sqn].delivery_date for sqn in self._differing)
        since = min(
            (date for date in differing if date < checked.delivery_date), default=checked.delivery_date
        )
        base, ahead = self._start(since, [d for d in earlier if d.delivery_date >= since])
        if ahead and checked.is_of_parts:  # a small part must not store all that is current
            of_ahead = [d.delivery_sqn for d in ahead]
            matter = self._stored(keys_that_matter(self._source, base, of_ahead, delivery_sqn))
            keys = column_list(names_of(self._source.keys))
            base = f"select base.* from ({base}) as base inner join ({matter}) as matter using ({keys})"
        return self._after(base, ahead, checked, earlier[0].delivery_date) if ahead else base

    def has_unreadable_keys(self, delivery_sqn: int) -> bool:
        """Return whether rows with a readable key fell out of a delivery."""
        found = self._connection.execute(
            sa.text(
                "select exists (select from metadata.quarantined_row"
                " where delivery_sqn = :sqn and key is not null and rule <> 'duplicate_key')"
            ),
            {"sqn": delivery_sqn},
        )
        return bool(found.scalar())

    def keyless_rows(self, delivery_sqn: int) -> int:
        """Return the number of rows with an unreadable key that fell out of a delivery."""
        ask = "select count(*) from metadata.quarantined_row where delivery_sqn = :sqn and key is null"
        return int(self._connection.execute(sa.text(ask), {"sqn": delivery_sqn}).scalar_one())

    def _start(self, since: datetime, ahead: list[Placed]) -> tuple[str, list[Placed]]:
        """Return the starting point and the deliveries to apply on it, as few as possible."""
        base = self._history_before(since)
        for number in range(len(ahead) - 1, -1, -1):
            found, rest = ahead[number], ahead[number + 1 :]
            if not found.is_staged:
                # purged since the load: history replaces a snapshot, but a delta only together with the
                # deliveries before it
                if not (found.is_loaded and self._says_all(found)):
                    raise HeadwaterError(
                        f"source {self._source.name}: delivery {found.delivery_sqn}, {found.publisher_name}, counts"
                        " and is not staged; expected it staged before the next one is checked"
                    )
                return history_from(self._source, found.delivery_date), rest
            if self._says_all(found):
                return rows_of(self._source, found.delivery_sqn, found.recognised), rest
        return base, ahead

    def _says_all(self, delivery: Placed) -> bool:
        """Return whether the current rows after a delivery are just its own rows."""
        return delivery.is_snapshot and self._is_plain and not self.has_unreadable_keys(delivery.delivery_sqn)

    def _history_before(self, moment: datetime) -> str:
        if not self._has_history:
            return nothing(self._source)
        loaded = (d.delivery_date for d in self._deliveries.values() if d.is_in_history)
        if max(loaded, default=moment) < moment:
            return newest_of_history(self._source)  # which has its own index
        return history_before(self._source, moment)

    def _after(self, base: str, ahead: Sequence[Placed], checked: Placed, first_date: datetime) -> str:
        """Store the current rows after the deliveries `ahead` in a table, because they are read more than once."""
        reached, done = base, ()  # type: str, tuple[Step, ...]
        kept = self._kept
        if kept and kept.base == base and kept.steps == _steps(ahead[: len(kept.steps)]):
            reached, done = kept.query, kept.steps
        for group in self._groups(ahead[len(done) :]):
            lets_all_in = self._source.load_new or group[0].delivery_date == first_date
            reached = self._stored(
                current_after(self._source, reached, _steps(group), lets_all_in=lets_all_in)
            )
            done += _steps(group)
            # the next delivery starts from here; if dates matter, only after the last delivery of a date
            if self._is_plain or group[0].delivery_date < checked.delivery_date:
                self._kept = _Kept(base, done, reached)
        return reached

    def _groups(self, ahead: Sequence[Placed]) -> Iterator[Sequence[Placed]]:
        """Return all deliveries together, or grouped by date if the policy depends on the rows before each date."""
        if not self._is_plain:
            for _, of_one_date in groupby(ahead, key=lambda d: d.delivery_date):
                yield list(of_one_date)
        elif ahead:
            yield ahead

    def _stored(self, query: str) -> str:
        self._tables += 1
        table = f"pg_temp.current_{self._tables}"
        self._connection.execute(
            sa.text(f"create temporary table current_{self._tables} on commit drop as {query}")
        )
        self._connection.execute(sa.text(f"analyze {table}"))
        return f"select * from {table}"


def _steps(deliveries: Sequence[Placed]) -> tuple[Step, ...]:
    return tuple(Step(d.delivery_sqn, d.is_snapshot, d.is_of_parts, d.recognised) for d in deliveries)
