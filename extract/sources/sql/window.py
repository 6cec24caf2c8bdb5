"""Windows of what changed: where the next one begins, in the words of the column that says when a row changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from headwater.extract.sources.api.watermark import NO_LAG, Scale, is_less
from headwater.extract.sources.sql.queries import NUMBER
from headwater.metadata.errors import PublisherError
from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.redaction import beginning
from headwater.metadata.static.lag import parse_lag
from headwater.metadata.static.model import Source

_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})(?:(?P<sep>[ T])(?P<clock>\d{2}:\d{2}(?P<seconds>:\d{2})?)(?P<fraction>\.\d+)?)?"
    r"(?P<zone> ?(?:Z|[+-]\d{2}(?::?\d{2})?))?"
)
_ENDLESS = re.compile(r"infinity|\d{5,}-.*")  # moments that only Postgres has
ANY_ZONE = timedelta(days=1)  # no clock of the world is further from UTC


def scale_of(source: Source) -> Scale | None:
    """Return how watermarks of the source are read; None where all of it is read each time."""
    if source.delivery_type != "delta" or source.tbl is None or source.tbl.incr_column is None:
        return None
    return Scale(source.name, source.tbl.incr_column, None, source.options.get("lag_window", NO_LAG))


def reached_by(scale: Scale, landed: Sequence[Delivery]) -> tuple[str, Delivery] | None:
    """The watermark that landed last, as the database wrote it, and its delivery: none is less than the one before."""
    known = {one.delivery_sqn: one for one in landed if scale.path in (one.watermark_to or {})}
    if not known:
        return None
    newest = known[max(known)]
    return str((newest.watermark_to or {})[scale.path]), newest


def later_of(scale: Scale, one: str | None, other: str | None) -> str | None:
    """The greater of two watermarks."""
    if one is None or other is None:
        return one or other
    return other if is_less(scale.read(one), scale.read(other)) else one


def not_ahead(scale: Scale, watermark: str, now: datetime) -> str:
    """A watermark, or by the server's clock one that is surely past when it is of the future: else all until then is
    missed.

    What has no zone may be a day ahead. Raises `PublisherError` when it is neither a moment nor a number.
    """
    if _ENDLESS.fullmatch(watermark):
        return f"{now - ANY_ZONE:%Y-%m-%d %H:%M:%S}"
    if NUMBER.fullmatch(watermark):
        return watermark
    found = _MOMENT.fullmatch(watermark)
    try:
        moment = datetime.fromisoformat(watermark if found else "")
    except ValueError:
        raise PublisherError(
            f"{scale.source}: {beginning(watermark)!r} is the greatest {scale.path} and no watermark, expected a moment"
            " such as 2026-01-31 12:00:00, or a number: another incr_column of the tbl, or a view that has one"
        ) from None
    assert found is not None
    if moment.tzinfo is not None:
        return watermark if moment <= now else _written_like(found, now.astimezone(moment.tzinfo))
    latest = now.replace(tzinfo=None) + ANY_ZONE
    return watermark if moment <= latest else _written_like(found, now - ANY_ZONE)


def back(scale: Scale, watermark: str) -> str:
    """Return where the window after a watermark begins, written like it.

    Raises `PublisherError` when the lag is no such.
    """
    if scale.lag == NO_LAG:
        return watermark
    lag, found = parse_lag(scale.lag), _MOMENT.fullmatch(watermark)
    if isinstance(lag, timedelta) and found is not None:
        moment = datetime.fromisoformat(watermark[: found.start("zone")] if found["zone"] else watermark)
        return _written_like(found, moment.replace(tzinfo=UTC) - lag)
    if isinstance(lag, Decimal) and found is None:
        return f"{Decimal(scale.write(scale.read(watermark))) - lag:f}"
    expected = "a time such as 15 minutes" if found else "a number such as 100"
    raise PublisherError(
        f"{scale.source}: lag_window {scale.lag} where {scale.path} is {watermark}, expected {expected}"
    )


def _written_like(found: re.Match[str], moment: datetime) -> str:
    """A moment in the words of another one, never later than it is."""
    if found["clock"] is None:
        return f"{moment:%Y-%m-%d}{found['zone'] or ''}"
    clock = f"{moment:%H:%M:%S}" if found["seconds"] else f"{moment:%H:%M}"
    fraction = f".{moment.microsecond:06}"[: len(found["fraction"])] if found["fraction"] else ""
    return f"{moment:%Y-%m-%d}{found['sep']}{clock}{fraction}{found['zone'] or ''}"
