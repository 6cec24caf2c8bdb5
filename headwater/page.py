"""The frame of every page that Headwater writes: one self-contained file, in light and in dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from markupsafe import Markup, escape

from headwater.metadata.visible import visible

# nothing runs on these pages, and they ask nobody for anything
_POLICY = Markup(
    '<meta http-equiv="Content-Security-Policy"'
    " content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">"
)
_STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fcfcfb; --ink: #1d2327; --faint: #5d676e; --line: #dfe3e6; --raised: #f2f4f5;
  --link: #0b5c86; --good: #1a6b3c; --bad: #b3261e; --warn: #8a5300;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181b; --ink: #e4e8ea; --faint: #98a3aa; --line: #30383d; --raised: #1d2327;
    --link: #74bfe8; --good: #6fcf97; --bad: #ff8a80; --warn: #f2b45a;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 76rem;
  background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .4rem 0; }
h2, h5 { font-size: 1.1rem; margin: 2.2rem 0 .5rem; }
p { margin: .4rem 0; max-width: 60rem; }
a { color: var(--link); }
nav, .faint, footer { color: var(--faint); font-size: .9rem; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .6rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .45rem .9rem .45rem 0;
  border-bottom: 1px solid var(--line); }
th { color: var(--faint); font-size: .82rem; font-weight: 600; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font-family: ui-monospace, "SF Mono", Menlo, "Liberation Mono", monospace; font-size: .92em; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.mark { font-weight: 600; }
.mark, .fixed { white-space: nowrap; }
.cards { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.2rem 0 0; padding: 0; list-style: none; }
.cards li { flex: 1 1 20rem; border: 1px solid var(--line); border-radius: 6px; padding: 1rem 1.2rem;
  background: var(--raised); }
.cards a { font-weight: 600; font-size: 1.1rem; }
"""


def page(title: str, body: Markup, *, crumbs: Sequence[tuple[str, str]] = (), style: str = "") -> str:
    """Return a whole HTML page. `crumbs` are (text, relative address) of the pages above it; `style` is its CSS."""
    above = Markup(" / ").join(
        Markup('<a href="{}">{}</a>').format(address, text) for text, address in crumbs
    )
    return Markup(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{policy}\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        "<nav>{above}</nav>\n<main>\n{body}\n</main>\n<footer>Written by Headwater, {now}</footer>\n"
        "</body>\n</html>\n"
    ).format(
        policy=_POLICY,
        title=title,
        style=Markup(_STYLE + style),
        above=above,
        body=body,
        now=moment(datetime.now(UTC)),
    )


def table(header: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[str] = ()) -> Markup:
    """Return a table; escapes everything except `Markup`. The columns in `numbers` are right-aligned."""
    kinds = [Markup(' class="number"') if name in numbers else Markup() for name in header]
    head = Markup().join(
        Markup("<th{}>{}</th>").format(kind, name) for kind, name in zip(kinds, header, strict=True)
    )
    lines = Markup("\n").join(
        Markup("<tr>{}</tr>").format(
            Markup().join(
                Markup("<td{}>{}</td>").format(kind, cell(value))
                for kind, value in zip(kinds, row, strict=True)
            )
        )
        for row in rows
    )
    return Markup(
        '<div class="scroll"><table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}\n</tbody>\n</table></div>'
    ).format(head, lines)


def cell(value: object) -> Markup:
    """Return a value for people: grouped numbers, moments in UTC, a dash for None."""
    if isinstance(value, Markup):
        return value
    if value is None or value == "":
        return Markup('<span class="faint">&ndash;</span>')
    if isinstance(value, int):
        return escape(f"{value:,}")
    if isinstance(value, datetime):
        return Markup('<span class="fixed">{}</span>').format(moment(value))
    return escape(visible(str(value)))


def moment(value: datetime) -> str:
    """`2026-03-15`, with the time (UTC) when it is not midnight."""
    value = value.astimezone(UTC)
    midnight = (value.hour, value.minute, value.second) == (0, 0, 0)
    return value.strftime("%Y-%m-%d" if midnight else "%Y-%m-%d %H:%M UTC")


def mark(text: str, kind: str) -> Markup:
    """Return a highlighted word: `kind` is good, bad or warn. The word carries the meaning, not only the colour."""
    return Markup('<span class="mark {}">{}</span>').format(kind, text)


def write(path: Path, text: str) -> None:
    """Write a page atomically: readers see the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
