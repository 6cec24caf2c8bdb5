"""Checks of a delivery against its baseline; `headwater.metadata.static.delivery_checks` lists the doubts.

A doubt that the source ignores, or that does not apply to a delivery, gives no result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from headwater.checks.baseline import Baseline, Placed
from headwater.checks.columns import what_came_of_columns
from headwater.checks.current import absent_keys_of, rows_of, unreadable_keys_of
from headwater.checks.parts import in_parts_of, rows_of_other_parts
from headwater.checks.periods import period_name, period_number
from headwater.checks.sql import all_match, column_list, json_object, names_of
from headwater.checks.types import changed_types
from headwater.checks.verdict import SAMPLE_SIZE, CheckResult
from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.static.delivery_checks import DOUBTS
from headwater.metadata.static.model import Severity, Source
from headwater.page import moment

AHEAD = timedelta(days=1)  # a day begins up to 14 hours earlier in other time zones, and clocks differ
_SEVERITIES: dict[str, Severity] = {"halt": "critical", "warn": "warning"}
_NOTHING_YET = "nothing is there yet"


@dataclass(frozen=True)
class Answer:
    """The result of one doubt, with the rule in words."""

    rule: str
    result: CheckResult


@dataclass(frozen=True)
class _Removal:
    """Counts of the current keys and of those that a snapshot lacks, with some of the latter."""

    current: int
    removed: int
    sample: tuple[Any, ...]


class Doubts:
    """The doubts of one source; call it for deliveries in their order, and report those that pass with `let_pass`."""

    def __init__(self, connection: Connection, source: Source) -> None:
        self._connection, self._source = connection, source
        self._baseline = Baseline(connection, source)

    def let_pass(self, delivery: Delivery) -> None:
        """Compare the next deliveries with this one too."""
        self._baseline.let_pass(delivery.delivery_sqn)

    def about(self, delivery: Delivery) -> Iterator[Answer]:
        """Yield the result of each doubt about such a delivery."""
        yield from self._about_columns(delivery)
        yield from self._about_rows(delivery)
        yield from self._about_date(delivery)
        if delivery.part is not None:
            yield Answer("The rows are of the part that the name says.", self._other_parts(delivery))
        if delivery.delivery_type != "delta":
            yield from self._about_changes(delivery)

    def _about_columns(self, delivery: Delivery) -> Iterator[Answer]:
        before = self._baseline.sqn_before(delivery.delivery_sqn)
        columns = what_came_of_columns(self._connection, self._source, delivery, before)
        if columns:
            yield Answer(
                "The columns of a delivery are those of the metadata, and of the one before.", columns
            )
        if severity := self._severity("type_changed", delivery):
            types = changed_types(
                self._connection,
                self._source,
                delivery,
                severity,
                self._baseline[delivery.delivery_sqn].recognised,
            )
            if types:
                yield Answer("Values of every column are of its type.", types)

    def _about_rows(self, delivery: Delivery) -> Iterator[Answer]:
        checked = self._baseline[delivery.delivery_sqn]
        count, fell = checked.row_count, checked.fallen_out_count
        but = f": {checked.rows_read}" if fell else ""
        if severity := self._severity("empty", delivery):
            observed = f"no row can go on{but}" if count == 0 else f"{_rows(count)}{but}"
            result = _result("empty", severity, count > 0, observed)
            yield Answer("A delivery has rows.", result)
        if "min_rows" in self._source.options and (severity := self._severity("min_rows", delivery)):
            least = int(self._source.options["min_rows"])
            observed = f"{_rows(count)}, {'fewer than' if count < least else 'at least'} {least:,}{but}"
            yield Answer(
                f"At least {_rows(least)} can go on.", _result("min_rows", severity, count >= least, observed)
            )

    def _about_date(self, delivery: Delivery) -> Iterator[Answer]:
        dated = f"dated {moment(delivery.delivery_date)}"
        if severity := self._severity("delivery_date_in_future", delivery):
            fits = delivery.delivery_date <= delivery.process_date + AHEAD
            observed = dated if fits else f"{dated}, got {moment(delivery.process_date)}"
            result = _result("delivery_date_in_future", severity, fits, observed)
            yield Answer("A delivery is dated no more than a day after we got it.", result)
        start = self._source.options.get("first_delivery_date")
        if start and (severity := self._severity("delivery_date_before_start", delivery)):
            fits = delivery.delivery_date >= datetime.fromisoformat(start).replace(tzinfo=UTC)
            observed = f"{dated}, {'from' if fits else 'before'} {start}{' on' if fits else ''}"
            result = _result("delivery_date_before_start", severity, fits, observed)
            yield Answer(f"No delivery is dated before {start}.", result)
        every = self._source.options.get("expected_every")
        if every and (severity := self._severity("gap", delivery)):
            yield Answer(f"No {every} goes by without a delivery.", self._gap(delivery, every, severity))

    def _gap(self, delivery: Delivery, every: str, severity: Severity) -> CheckResult:
        before = self._baseline.date_before(delivery.delivery_sqn)
        if before is None:
            return _result("gap", severity, True, "the first delivery")
        missing = range(period_number(before, every) + 1, period_number(delivery.delivery_date, every))
        since = f"since the delivery of {moment(before)}"
        if not missing:
            return _result("gap", severity, True, f"no {every} missing {since}")
        names = [period_name(number, every) for number in missing[:SAMPLE_SIZE]]
        counted = f"{len(missing):,} {every}{'s' if len(missing) > 1 else ''}"
        return _result("gap", severity, False, f"{counted} missing {since}", len(missing), names)

    def _other_parts(self, delivery: Delivery) -> CheckResult:
        """Return how many rows are of another part: nobody knows then of which of the two the delivery is complete."""
        found, samples = rows_of_other_parts(self._connection, self._source, delivery, SAMPLE_SIZE)
        part = ", ".join(f"{name} {value}" for name, value in (delivery.part or {}).items())
        if not found:
            return _result("other_part", "critical", True, f"all rows are of {part}")
        observed = f"{_rows(found)} of another part, beside a name that says {part}"
        return _result("other_part", "critical", False, observed, found, samples)

    def _about_changes(self, delivery: Delivery) -> Iterator[Answer]:
        limit = self._source.max_removed_pct
        is_guarded = limit is not None and self._source.load_removed
        guard = self._severity("removed", delivery) if is_guarded else None
        news = self._severity("nothing_new", delivery)
        if not guard and not news:
            return
        current = self._baseline.current_before(delivery.delivery_sqn)
        is_of_parts = delivery.delivery_type == "partition_snapshot"
        spoken = (
            in_parts_of(self._source, current, delivery.delivery_sqn) if current and is_of_parts else current
        )
        total = self._number_of(spoken) if spoken else 0
        removal = _Removal(total, 0, ())
        if guard and limit is not None:
            if spoken and total:
                removal = self._removal(delivery, spoken, total)
            keyless = self._baseline.keyless_rows(delivery.delivery_sqn) if removal.removed else 0
            result = _removed(removal, limit, guard, keyless)
            of_what = " of its parts" if is_of_parts else ""
            yield Answer(f"A snapshot removes at most {limit} % of the current keys{of_what}.", result)
        if news:
            if not current or not spoken or not total:
                result = _result("nothing_new", news, True, _NOTHING_YET)
            elif removal.removed or self._has_news(
                delivery, current, spoken, total, is_removal_known=bool(guard)
            ):
                result = _result("nothing_new", news, True, "not the same as what is current")
            else:
                message = _nothing_new(self._baseline[delivery.delivery_sqn], total)
                result = _result("nothing_new", news, False, message)
            yield Answer("A snapshot differs from what is current.", result)

    def _number_of(self, query: str) -> int:
        return int(self._connection.execute(sa.text(f"select count(*) from ({query}) as found")).scalar_one())

    def _removal(self, delivery: Delivery, current: str, total: int) -> _Removal:
        keys = names_of(self._source.keys)
        row = self._connection.execute(
            sa.text(f"""
with removed as ({self._removed_keys(delivery, current)}),
sampled as (select * from removed order by {column_list(keys)} limit {SAMPLE_SIZE})
select
    (select count(*) from removed) as removed,
    (
        select json_agg(json_build_object('key', {json_object(keys, "sampled.")}) order by {column_list(keys)})
        from sampled
    ) as sample""")
        ).one()
        return _Removal(total, row.removed, tuple(row.sample or ()))

    def _removed_keys(self, delivery: Delivery, current: str) -> str:
        keys = names_of(self._source.keys)
        if self._baseline[delivery.delivery_sqn].is_partial:
            absent = absent_keys_of(self._source, delivery.delivery_sqn)
            unreadable = unreadable_keys_of(self._source, [delivery.delivery_sqn])
            return (
                f"select {column_list(keys)} from ({absent}) as absent"
                f" where not exists (select from ({unreadable}) as there where {all_match(keys, 'there', 'absent')})"
            )
        there = (
            f"select {column_list(keys)} from ({rows_of(self._source, delivery.delivery_sqn)}) as delivered"
        )
        if self._baseline.has_unreadable_keys(delivery.delivery_sqn):
            unreadable = unreadable_keys_of(self._source, [delivery.delivery_sqn])
            there += f" union all select {column_list(keys)} from ({unreadable}) as unreadable"
        return (
            f"select {column_list(keys)} from ({current}) as held"
            f" where not exists (select from ({there}) as there where {all_match(keys, 'there', 'held')})"
        )

    def _has_news(
        self, delivery: Delivery, current: str, spoken: str, total: int, *, is_removal_known: bool
    ) -> bool:
        """Return whether a snapshot changes history; the first query that finds a change saves the others.

        It may remove what is `spoken` of, and change all that is `current`: a row may come from another part.
        """
        source, sqn = self._source, delivery.delivery_sqn
        is_whole = (
            current == spoken
            and source.load_new
            and source.load_removed
            and not self._baseline.has_unreadable_keys(sqn)
        )
        if is_whole and self._baseline[sqn].row_count != total:
            return True
        keys, tracked = names_of(source.keys), names_of(source.tracked)
        delivered, match = rows_of(source, sqn), all_match(keys, "held", "delivered")
        was, now = column_list(tracked, "held."), column_list(tracked, "delivered.")
        questions = []
        if source.load_changed and tracked:
            questions.append(
                f"select from ({delivered}) as delivered inner join ({current}) as held on {match}"
                f" where row({now}) is distinct from row({was})"
            )
        if source.load_removed and not is_removal_known:
            questions.append(self._removed_keys(delivery, spoken))
        if source.load_new and not is_whole:  # as many keys, and none is missing: none is new
            questions.append(
                f"select from ({delivered}) as delivered where not exists"
                f" (select from ({current}) as held where {match})"
            )
        # a count, though one row would suffice: "exists" makes the planner expect a row at once and choose
        # nested loops
        ask = (sa.text(f"select count(*) > 0 from ({question}) as news") for question in questions)
        return any(self._connection.execute(question).scalar() for question in ask)

    def _severity(self, doubt: str, delivery: Delivery) -> Severity | None:
        """Return the severity of a doubt; None if the source ignores it."""
        known = DOUBTS[doubt]
        reaction = self._source.options.get(known.option, known.default(delivery.delivery_type))
        return _SEVERITIES.get(reaction)


def _nothing_new(checked: Placed, total: int) -> str:
    if not checked.fallen_out_count:
        return f"no key is new, changed or removed: the same {total:,} as are current"
    return (
        f"no key of the rows that were read is new, changed or removed, beside {total:,} that are current:"
        f" {checked.rows_read}, and what they would change is not known"
    )


def _removed(found: _Removal, limit: Decimal, severity: Severity, keyless: int) -> CheckResult:
    if not found.current:
        return _result("removed", severity, True, _NOTHING_YET)
    share = 100 * Decimal(found.removed) / found.current
    message = f"{found.removed:,} of {found.current:,} current keys would be removed"
    if keyless:
        message += f" (among them may be those of {_rows(keyless)} whose key cannot be read)"
    if share <= limit:
        return _result("removed", severity, True, f"{message}, {share:.1f} %, and {limit} % may be")
    shown = next(text for digits in (1, 3, 6, 28) if Decimal(text := f"{share:.{digits}f}") > limit)
    observed = f"{message}, {shown} %, more than {limit} %"
    return _result("removed", severity, False, observed, found.removed, found.sample)


def _result(
    name: str,
    severity: Severity,
    passed: bool,
    observed: str,
    count: int | None = None,
    sample: Sequence[Any] = (),
) -> CheckResult:
    return CheckResult(name, severity, passed, observed, 0 if passed else count, tuple(sample))


def _rows(count: int) -> str:
    return f"{count:,} row{'s' if count != 1 else ''}"
