"""A chart of the versions of one key over time, as SVG. The stylesheet sets colours, by class."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from headwater.airflow.deliveries_page.formatting import moment, number
from headwater.queries.key_history import FallenOutRow, KeyHistory, Version

WIDTH, HEIGHT = 960, 96
LEFT, RIGHT = 12, 40
TOP, BAR = 30, 26
LEAST = 3  # of a version that was true only for a moment
LABEL = 78  # from one date to the next
MOST_DRAWN = 300
GOES_ON = 0.35  # of the time before: so long is the current version drawn beyond the last event


def timeline(found: KeyHistory, now: datetime | None = None) -> Markup:
    """Draw a bar for each version, an arrow for the current one, and a mark for each row that fell out.

    Gaps are times without the key. Returns nothing for an unknown key.
    """
    versions, fell = found.versions[-MOST_DRAWN:], found.fallen_out[-MOST_DRAWN:]
    moments = [*(one.valid_from for one in versions), *(one.valid_to for one in versions if one.valid_to)]
    moments += [row.delivery_date for row in fell]
    if not moments:
        return Markup()
    first, last = min(moments), max(moments)
    if found.state == "current":  # however long that is by now, what was before stays to be seen
        last += max(min((now or datetime.now(UTC)) - last, (last - first) * GOES_ON), timedelta(0))
    span = max((last - first).total_seconds(), 1)

    def x(at: datetime) -> float:
        return LEFT + (at - first).total_seconds() / span * (WIDTH - LEFT - RIGHT)

    bars = Markup().join(
        _bar(place, one, x(one.valid_from), x(one.valid_to or last)) for place, one in enumerate(versions)
    )
    marks = Markup().join(_mark(row, x(row.delivery_date)) for row in fell)
    dates = _dates([(x(at), at) for at in sorted(set(moments))])
    message = _label(found)
    return Markup(
        '<svg class="timeline" viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>'
        '<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>{}{}{}</svg>'
    ).format(
        WIDTH,
        HEIGHT,
        message,
        message,
        LEFT,
        WIDTH - RIGHT + 20,
        TOP + BAR + 6,
        TOP + BAR + 6,
        bars,
        marks,
        dates,
    )


def _bar(place: int, version: Version, begins: float, ends: float) -> Markup:
    is_current = version.valid_to is None
    until = "now" if version.valid_to is None else moment(version.valid_to)
    title = (
        f"{moment(version.valid_from)} to {until}: {version.change_type} by delivery {version.delivery_sqn}"
    )
    if version.ended_by_delivery_sqn is not None:
        title += f", {version.end_type} by delivery {version.ended_by_delivery_sqn}"
    kind = "current" if is_current else "even" if place % 2 else "odd"
    width = max(LEAST, ends - begins - 1)
    right = begins + width
    shape = Markup(
        '<rect class="version {}" x="{:.1f}" y="{}" width="{:.1f}" height="{}"><title>{}</title></rect>'
    ).format(kind, begins, TOP, width, BAR, title)
    if is_current:  # it is current
        points = f"{right:.1f},{TOP} {right + 12:.1f},{TOP + BAR / 2} {right:.1f},{TOP + BAR}"
        return shape + Markup('<polygon class="version current" points="{}"/>').format(points)
    if version.end_type == "removed":
        return shape + Markup('<line class="removed" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>').format(
            right, right, TOP - 6, TOP + BAR + 6
        )
    return shape


def _mark(row: FallenOutRow, at: float) -> Markup:
    title = f"{moment(row.delivery_date)}: line {row.line_number} of delivery {row.delivery_sqn} fell out"
    points = f"{at:.1f},{TOP - 4} {at - 6:.1f},{TOP - 15} {at + 6:.1f},{TOP - 15}"
    return Markup('<polygon class="fell{}" points="{}"><title>{}</title></polygon>').format(
        " stale" if row.is_stale else "", points, title
    )


def _dates(places: Sequence[tuple[float, datetime]]) -> Markup:
    """Return as many dates as fit, including the first and the last one."""
    chosen: list[tuple[float, datetime]] = []
    for place in places:
        if not chosen or place[0] - chosen[-1][0] >= LABEL:
            chosen.append(place)
    if places and chosen[-1] != places[-1] and len(chosen) > 1 and places[-1][0] - chosen[-2][0] >= LABEL:
        chosen[-1] = places[-1]
    texts = Markup()
    for at, date in chosen:
        is_last = at > WIDTH - RIGHT - LABEL
        texts += Markup('<text class="tick{}" x="{:.0f}" y="{}">{}</text>').format(
            " end" if is_last else "", at, HEIGHT - 12, moment(date)
        )
    return texts


def _label(found: KeyHistory) -> str:
    count = len(found.versions)
    parts = [f"{number(count)} {'version' if count == 1 else 'versions'}", found.state]
    if fell := len(found.fallen_out):
        parts.append(f"{number(fell)} {'row' if fell == 1 else 'rows'} fell out")
    return f"{found.named}: {', '.join(parts)}"
