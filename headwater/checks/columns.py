"""The check that compares a delivery's columns with the metadata and the previous delivery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection

from headwater.checks.verdict import SAMPLE_SIZE, CheckResult
from headwater.extract.schema.columns import Match, match_header
from headwater.extract.schema.contract import renamed_row, unknown_name
from headwater.extract.schema.renames import Before, likely_renames
from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.process.headers import header_of
from headwater.metadata.static.model import Source

Finding = tuple[str, dict[str, Any]]  # for people, and for the sample


def what_came_of_columns(
    connection: Connection, source: Source, delivery: Delivery, before: int | None
) -> CheckResult | None:
    """Return the check `columns` of a delivery in raw, compared with the delivery `before` it.

    Violations of the contract halted the delivery before raw, so only warnings are left: a missing, a new, or
    a duplicate column. None if the header is not recorded.
    """
    header = header_of(connection, delivery.delivery_sqn)
    if header is None:
        return None
    earlier = None if before is None else header_of(connection, before)
    match = match_header(source, header)
    findings = list(_findings(source, match, earlier))
    return CheckResult(
        check_name="columns",
        severity="warning",
        passed=not findings,
        observed=_listed([message for message, _ in findings]) or _all_well(source, match),
        unexpected_count=len(findings),
        unexpected_sample=tuple(sample for _, sample in findings[:SAMPLE_SIZE]),
    )


def _listed(messages: Sequence[str]) -> str:
    more = f"; and {len(messages) - SAMPLE_SIZE} more" if len(messages) > SAMPLE_SIZE else ""
    return "; ".join(messages[:SAMPLE_SIZE]) + more


def _findings(source: Source, match: Match, earlier: Sequence[str] | None) -> Iterator[Finding]:
    was = match_header(source, earlier) if earlier is not None else None
    gone = [name for name in match.absent if was and name in was.found]
    new = _new(source, match, earlier)
    renamed = likely_renames([*match.missing, *gone], match.header, new, Before(earlier or ()), {})
    for name in match.missing:
        yield f"{name!r} is missing, and null", {"column": name, "found": "missing"}
    for name in gone:
        yield f"{name!r} is gone, and null from here on", {"column": name, "found": "gone"}
    for name, position in renamed.items():
        row = renamed_row(source, name, match.header[position])
        message = f"{name!r} may be {match.name(position)} now: then {row}"
        yield message, {"column": name, "found": "perhaps renamed", "perhaps": match.header[position]}
    for position in new:
        kept = "not kept" if source.on_unknown_column == "ignore" else "kept in _rest"
        message = f"{unknown_name(match, position)} is {'new' if earlier is not None else 'unknown'}: {kept}"
        yield message, {"column": match.header[position], "found": "new", "place": position + 1}


def _new(source: Source, match: Match, earlier: Sequence[str] | None) -> list[int]:
    """Return the columns without an attribute that the previous delivery lacks; in a first delivery those
    that are not kept.
    """
    if earlier is None:
        is_kept = source.on_unknown_column == "keep"
        return [place for place in match.unknown if not is_kept or match.header[place] in match.found]
    left, unknown = Counter(earlier), frozenset(match.unknown)
    new = []
    for position, name in enumerate(match.header):
        left[name] -= 1
        if left[name] < 0 and position in unknown:
            new.append(position)
    return new


def _all_well(source: Source, match: Match) -> str:
    if not match.unknown:
        return "every column has an attribute"
    names = ", ".join(unknown_name(match, position) for position in match.unknown[:SAMPLE_SIZE])
    kept = "not kept" if source.on_unknown_column == "ignore" else "kept in _rest"
    return f"as before; without an attribute, {kept}: {names}"
