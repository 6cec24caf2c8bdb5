"""Charts of history's growth and of the latest deliveries, as SVG. The stylesheet sets colours, by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import floor, log10
from typing import Any

from markupsafe import Markup

from headwater.airflow.deliveries_page.formatting import moment, number

WIDTH, HEIGHT = 960, 220
LEFT, RIGHT, TOP, BOTTOM = 12, 78, 14, 28
BAR, GAP, STRIP_HEIGHT = 5, 2, 26
LEAST_BAR = 4


# long: one drawing, from its scale to its labels
def growth_picture(points: Sequence[tuple[datetime, int, int]]) -> Markup:
    """Draw versions and current keys by delivery date as two lines from zero; nothing for fewer than two dates."""
    if len({date for date, _, _ in points}) < 2:
        return Markup()
    first, last = points[0][0], points[-1][0]
    top = max(max(versions, current) for _, versions, current in points) or 1
    span = (last - first).total_seconds()

    def x(date: datetime) -> float:
        return LEFT + (date - first).total_seconds() / span * (WIDTH - LEFT - RIGHT)

    def y(count: int) -> float:
        return HEIGHT - BOTTOM - count / top * (HEIGHT - TOP - BOTTOM)

    def line(kind: str, counts: Sequence[int]) -> Markup:
        """Return a line with a step at each delivery, because nothing changes between two of them."""
        heights = [f"{y(count):.1f}" for count in counts]
        path = f"M{x(first):.1f},{heights[0]}"
        for (date, _, _), before, now in zip(points[1:], heights, heights[1:], strict=False):
            path += f"H{x(date):.1f}" + (f"V{now}" if now != before else "")
        return Markup('<path class="line {}" d="{}"/>').format(kind, path)

    versions, current = points[-1][1:]
    labels = [(y(versions), "versions", versions), (y(current), "current", current)]
    if abs(labels[0][0] - labels[1][0]) < 30:  # one below the other
        higher = min(labels[0][0], labels[1][0])
        labels = [(max(higher - 4, TOP), *labels[0][1:]), (max(higher - 4, TOP) + 30, *labels[1][1:])]
    message = (
        f"From {moment(first)} to {moment(last)} history grew to {number(versions)} versions,"
        f" {number(current)} of them current."
    )
    grid = Markup().join(
        Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>{}').format(
            LEFT,
            WIDTH - RIGHT,
            f"{y(count):.1f}",
            f"{y(count):.1f}",
            _text("tick", LEFT + 2, y(count) - 4, number(count)),
        )
        for count in _ticks(top)
    )
    right = WIDTH - RIGHT
    texts = Markup().join(
        _text(f"label {kind}", right + 8, at + 4, number(count)) + _text("tick", right + 8, at + 17, kind)
        for at, kind, count in labels
    )
    lines = line("current", [count for _, _, count in points])
    lines += line("versions", [count for _, count, _ in points])
    dates = _text("tick", LEFT, HEIGHT - 8, moment(first)) + _text(
        "tick end", right, HEIGHT - 8, moment(last)
    )
    return Markup(
        '<svg class="growth" viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>{}'
        '<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>{}{}{}</svg>'
    ).format(
        WIDTH,
        HEIGHT,
        message,
        message,
        grid,
        LEFT,
        right,
        HEIGHT - BOTTOM,
        HEIGHT - BOTTOM,
        lines,
        texts,
        dates,
    )


def strip(newest_first: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw a bar for each delivery, newest at the right: its height shows the changes, its colour the status."""
    deliveries = list(reversed(newest_first))
    changed = [_changed(delivery) for delivery in deliveries]
    most = max(changed, default=0) or 1
    bars = []
    for place, (delivery, count) in enumerate(zip(deliveries, changed, strict=True)):
        is_full = delivery["status"] != "loaded"
        height = STRIP_HEIGHT if is_full else max(LEAST_BAR, round((count / most) ** 0.5 * STRIP_HEIGHT))
        did = delivery["status"] if is_full else f"{number(count)} versions begun or ended"
        left, title = place * (BAR + GAP), f"{moment(delivery['delivery_date'])}: {did}"
        bars.append(
            Markup(
                '<rect class="bar {}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
            ).format(delivery["status"], left, STRIP_HEIGHT - height, BAR, height, title)
        )
    width = max(1, len(bars)) * (BAR + GAP)
    message = f"The last {len(bars)} deliveries: " + ", ".join(
        f"{sum(d['status'] == status for d in deliveries)} {status}"
        for status in dict.fromkeys(d["status"] for d in deliveries)
    )
    return Markup(
        '<svg class="strip" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img" aria-label="{label}">{bars}</svg>'
    ).format(w=width, h=STRIP_HEIGHT, label=message, bars=Markup().join(bars))


def _text(kind: str, x: float, y: float, message: str) -> Markup:
    return Markup('<text class="{}" x="{:.0f}" y="{:.1f}">{}</text>').format(kind, x, y, message)


def _changed(delivery: Mapping[str, Any]) -> int:
    history = (delivery["layers"] or {}).get("historical") or {}
    return sum(history.get(f"{change}_count") or 0 for change in ("new", "changed", "removed"))


def _ticks(top: int) -> list[int]:
    """Return two or three round numbers up to `top`."""
    step = 10 ** floor(log10(top)) if top >= 1 else 1
    step = step if top / step >= 2 else max(1, step // 2)
    while top / step > 4:
        step *= 2
    return list(range(step, top + 1, step))
