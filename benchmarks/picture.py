"""The picture of the results: bars of seconds, one group a benchmark, as SVG by hand."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from benchmarks.report import Report, seconds

WIDTH, LEFT, RIGHT = 1000, 300, 110
BAR, GAP, GROUP = 20, 6, 54
OURS, THEIRS = "#2b6cb0", "#9fb3c8"
STYLE = (
    'text{font-family:system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2933}'
    ".b{font-size:16px;font-weight:600}.s{font-size:12px;fill:#52606d}.l{font-size:13px}"
)


def picture(reports: Sequence[Report]) -> str:
    """Draw one bar for each way, by its seconds; the longest of a group has the whole width."""
    y, drawn = 52, [_legend()]
    for report in reports:
        drawn.append(f'<text class="b" x="24" y="{y + 14}">{escape(report.title)}</text>')
        y += 28
        longest = max(bar.seconds for bar in report.bars)
        for bar in report.bars:
            length = max(1.0, bar.seconds / longest * (WIDTH - LEFT - RIGHT))
            color = OURS if bar.is_ours else THEIRS
            drawn.append(
                f'<text class="l" x="{LEFT - 10}" y="{y + 15}" text-anchor="end">{escape(bar.label)}</text>'
                f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" rx="3" fill="{color}"/>'
                f'<text class="l" x="{LEFT + length + 8:.1f}" y="{y + 15}">{seconds(bar.seconds)} s</text>'
            )
            y += BAR + GAP
        y += GROUP - 28
    message = "; ".join(
        f"{report.title}: " + ", ".join(f"{bar.label} {seconds(bar.seconds)} s" for bar in report.bars)
        for report in reports
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img"'
            ' aria-labelledby="t d">',
            '<title id="t">What the benchmarks measured</title>',
            f'<desc id="d">{escape(message)}</desc>',
            f"<style>{STYLE}</style>",
            f'<rect width="{WIDTH}" height="{y}" rx="8" fill="#fff"/>',
            *drawn,
            "</svg>",
            "",
        ]
    )


def _legend() -> str:
    return (
        f'<rect x="24" y="18" width="14" height="14" rx="3" fill="{OURS}"/>'
        '<text class="l" x="45" y="30">Headwater</text>'
        f'<rect x="130" y="18" width="14" height="14" rx="3" fill="{THEIRS}"/>'
        '<text class="l" x="151" y="30">what it is compared with</text>'
        f'<text class="s" x="{WIDTH - 24}" y="30" text-anchor="end">'
        "seconds; shorter is better; each group has a scale of its own</text>"
    )
