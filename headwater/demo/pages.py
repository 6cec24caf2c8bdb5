"""Download pages like those of publishers: a title, a table of files, the origin of the data and its licence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote


@dataclass(frozen=True)
class Entry:
    """One line of the table: the link (relative to the page), its text, date and size."""

    href: str
    text: str
    date: str
    size_bytes: int | None = None


@dataclass(frozen=True)
class Page:
    """A download page. `credit` names origin and licence of the data; plain text."""

    title: str
    intro: str
    entries: Sequence[Entry]
    credit: str


def render(page: Page) -> str:
    """Return the page as HTML, deterministically."""
    rows = "\n".join(_row(entry) for entry in page.entries)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{escape(page.title)}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; color: #1d2b36 }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .35rem .75rem; border-bottom: 1px solid #d7e0e6 }}
td.size {{ text-align: right; font-variant-numeric: tabular-nums }}
footer {{ margin-top: 2rem; color: #5b6b77; font-size: .875rem }}
</style>
</head>
<body>
<h1>{escape(page.title)}</h1>
<p>{escape(page.intro)}</p>
<table>
<thead><tr><th>File</th><th>Date</th><th>Size</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<footer>{escape(page.credit)}</footer>
</body>
</html>
"""


def _row(entry: Entry) -> str:
    size = "" if entry.size_bytes is None else f"{entry.size_bytes / 1024:,.0f} KB"
    link = f'<a href="{quote(entry.href)}">{escape(entry.text)}</a>'
    return f'<tr><td>{link}</td><td>{escape(entry.date)}</td><td class="size">{size}</td></tr>'
