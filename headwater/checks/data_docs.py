"""Data Docs: a page per validated delivery, and index pages, below `<home>/data_docs/`.

Great Expectations renders its results; Headwater renders the frame. The site of Great Expectations loads a
dozen files from the network, names pages after run ids, renders values of the data as markup, and reads all
results to write its index. These pages open offline from a folder, have the source, delivery date and
publisher's name in their names, and a run writes only its own pages and the index pages.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from markupsafe import Markup, escape
from sqlalchemy.engine import Engine

from headwater.checks.decided import PLACE, decided_since, note_on
from headwater.checks.verdict import CheckResult, Verdict
from headwater.metadata.process.deliveries import Delivery
from headwater.page import mark, moment, page, table, write

if TYPE_CHECKING:  # importing Great Expectations takes seconds
    from great_expectations.core import ExpectationSuiteValidationResult

FOLDER = "data_docs"
# styles for the markup of Great Expectations
_STYLE = """
.ge-section h5 { margin: 1.2rem 0 .2rem; }
.ge-section td:first-child { width: 3rem; }
.sample table, .ge-section td table { width: auto; font-size: .92rem; }
.ge-section td table td:first-child { width: auto; }
.sample td, .sample th, .ge-section td table td, .ge-section td table th { padding: .15rem .9rem .15rem 0; }
h3 { font-size: 1rem; margin: 1.4rem 0 .2rem; }
.ge-section .badge { font-weight: 600; }
.ge-section .text-danger { color: var(--bad); font-weight: 400; }
.fas::before { font-style: normal; font-weight: 600; }
.fa-check-cycle::before, .fa-check::before { content: "✓"; color: var(--good); }
.fa-times::before { content: "✗"; color: var(--bad); }
.fa-exclamation-triangle::before { content: "!"; color: var(--warn); }
"""


def page_path(
    home: Path, source: str, delivery_sqn: int, publisher_name: str, delivery_date: datetime
) -> Path:
    """Return the path of a delivery's page: `data_docs/<source>/<date>_<publisher's name>_<delivery_sqn>.html`."""
    day = moment(delivery_date).removesuffix(" UTC").replace(" ", "T").replace(":", "")
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", publisher_name).strip("-.")[:80]
    return home / FOLDER / source / f"{day}_{name}_{delivery_sqn}.html"


def write_refusals(
    home: Path, engine: Engine, source: str, refused: Iterable[tuple[Delivery, str, str]]
) -> None:
    """Write a page for each delivery that halted before raw, with the failed check and the reason."""
    with engine.connect() as connection:
        for delivery, check, why in refused:
            found = connection.execute(_FOUND, {"sqn": delivery.delivery_sqn, "check": check}).scalar() or []
            result = CheckResult(check, "critical", False, why, len(found) or None, tuple(found))
            write_page(
                home,
                Verdict(
                    delivery.delivery_sqn,
                    source,
                    delivery.publisher_name,
                    delivery.delivery_date,
                    passed=False,
                    results=(result,),
                ),
                None,
            )
    write_list(home, engine, source)


_FOUND = sa.text(
    "select unexpected_sample from metadata.data_quality_checks where delivery_sqn = :sqn and check_name = :check"
)


def write_page(home: Path, verdict: Verdict, validation: ExpectationSuiteValidationResult | None) -> Path:
    """Write the page of one delivery, replacing an earlier one, and return its path.

    Without a `validation`, the delivery halted before Great Expectations ran.
    """
    word = mark("passed", "good") if verdict.passed else mark("halted", "bad")
    body = Markup(
        "<h1>{source}, {date}</h1>\n{decided}<p>{word} · <code>{publisher_name}</code> · delivery {sqn}</p>\n"
        "<h2>Checks</h2>\n{checks}\n{samples}\n{report}"
    ).format(
        source=verdict.source,
        date=moment(verdict.delivery_date),
        decided=PLACE.format(""),
        word=word,
        publisher_name=verdict.publisher_name,
        sqn=verdict.delivery_sqn,
        checks=table(
            ["Check", "Severity", "Result", "Observed"],
            [[r.check_name, r.severity, _outcome(r), r.observed] for r in verdict.results],
        ),
        samples=Markup("\n").join(_sample(r) for r in verdict.results if r.unexpected_sample),
        report=Markup("<p>It was halted before raw: no other check has seen it.</p>")
        if validation is None
        else Markup("<h2>As Great Expectations reports them</h2>\n{}").format(_report(validation)),
    )
    path = page_path(
        home, verdict.source, verdict.delivery_sqn, verdict.publisher_name, verdict.delivery_date
    )
    crumbs = [
        ("Headwater", "../../docs/index.html"),
        ("Data Docs", "../index.html"),
        (verdict.source, "index.html"),
    ]
    title = f"{verdict.source}, {moment(verdict.delivery_date)}: checks"
    write(path, page(title, body, crumbs=crumbs, style=_STYLE))
    return path


def _outcome(result: CheckResult) -> Markup:
    if result.passed:
        return mark("passed", "good")
    return mark("failed", "bad") if result.severity == "critical" else mark("warning", "warn")


def _sample(result: CheckResult) -> Markup:
    """Return the findings of a failed check as rows, with the key columns as columns."""
    rows = [_flat(found) for found in result.unexpected_sample]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    shown = table(columns, [[row.get(name) for name in columns] for row in rows])
    return Markup('<div class="sample"><h3>{}: {}</h3>\n{}</div>').format(
        result.check_name, result.observed, shown
    )


def _flat(found: Any) -> dict[str, str | None]:
    if not isinstance(found, Mapping):
        return {"value": str(found)}
    parts = {**(found.get("key") or {}), **{name: part for name, part in found.items() if name != "key"}}
    return {
        name: ", ".join(map(str, part)) if isinstance(part, list) else None if part is None else str(part)
        for name, part in parts.items()
    }


@functools.cache
def _section_view() -> Any:
    """Return Great Expectations' view of a section. It compiles its templates on first use, which takes most
    of the time.
    """
    from great_expectations.render.view.view import DefaultJinjaSectionView

    return DefaultJinjaSectionView()


def _report(validation: ExpectationSuiteValidationResult) -> Markup:
    """Return the sections of Great Expectations' page, without its overview of suites and run ids."""
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer

    sections = ValidationResultsPageRenderer().render(validation).to_json_dict()["sections"][1:]
    return Markup("\n").join(
        _rendered(json.dumps(section, sort_keys=True, default=str), number)
        for number, section in enumerate(sections, 1)
    )


@functools.lru_cache(maxsize=64)  # most sections of one delivery are those of the one before
def _rendered(section: str, number: int) -> Markup:
    """Return a section, given as JSON, as Great Expectations renders it."""
    safe = _without_markup(json.loads(section))
    return Markup(_section_view().render({"section": safe, "section_loop": {"index": number}}))


def _without_markup(block: Any, is_text: bool = False) -> Any:
    """Return the block with escaped plain texts, because values of the data could contain markup.

    Great Expectations itself escapes the parameters of templates.
    """
    if isinstance(block, str):
        return str(escape(block)) if is_text else block
    if isinstance(block, list):
        return [_without_markup(item, is_text) for item in block]
    if isinstance(block, dict):
        return {name: _without_markup(item, name in _PLAIN_TEXTS) for name, item in block.items()}
    return block


_PLAIN_TEXTS = ("table", "header_row", "bullet_list", "value_list", "collapse", "text")
_CHECKED = sa.text("""
with

failed as (

    select
        delivery_sqn,
        string_agg(check_name, ', ' order by check_name) filter (where severity = 'critical') as critical,
        string_agg(check_name, ', ' order by check_name) filter (where severity = 'warning') as warning
    from metadata.data_quality_checks
    where not passed
    group by delivery_sqn

),

halted as (

    select distinct on (delivery_sqn) delivery_sqn, why, event_at
    from metadata.delivery_event
    where event = 'halted'
    order by delivery_sqn, event_at desc

)

select
    state.delivery_sqn, state.publisher_name, state.delivery_date, failed.warning,
    case
        when state.is_withdrawn then 'withdrawn'
        when checked.status = 'halted' and state.verdict = 'passed' then 'accepted'
        else coalesce(checked.status, 'halted')
    end as verdict,
    coalesce(checked.status_at, halted.event_at) as checked_at,
    -- what is no sound file, or loses rows on its way, is halted before any check
    case when checked.status is null then halted.why else failed.critical end as failed
from metadata.delivery_state as state
left join metadata.delivery_status as checked
    on checked.delivery_sqn = state.delivery_sqn and checked.layer = 'checks'
left join failed on failed.delivery_sqn = state.delivery_sqn
left join halted on halted.delivery_sqn = state.delivery_sqn
where state.source = :source and (checked.status is not null or state.status = 'halted')
order by state.delivery_date desc, state.publisher_name collate "C" desc, state.delivery_sqn desc
""")

_SOURCES = sa.text("""
select
    state.source,
    count(*) as checked,
    count(*) filter (where state.status = 'halted') as halted,
    max(checked.status_at) as checked_at
from metadata.delivery_state as state
left join metadata.delivery_status as checked
    on checked.delivery_sqn = state.delivery_sqn and checked.layer = 'checks'
where checked.status is not null or state.status = 'halted'
group by state.source
order by state.source
""")


def write_lists(home: Path, engine: Engine, names: Iterable[str]) -> Path:
    """List the validated deliveries of each named source, newest first, and all sources; return the path of
    the latter.
    """
    for source in names:
        write_list(home, engine, source)
    return write_list_of_sources(home, engine)


def write_list(home: Path, engine: Engine, source: str) -> None:
    """List the validated deliveries of a source, newest first, and add later decisions to the pages of deliveries."""
    with engine.connect() as connection:
        deliveries = connection.execute(_CHECKED, {"source": source}).all()
        decided = decided_since(connection, source)
    write(home / FOLDER / source / "index.html", _list_of_deliveries(home, source, deliveries))
    for one in deliveries:
        if one.delivery_sqn in decided:
            path = page_path(home, source, one.delivery_sqn, one.publisher_name, one.delivery_date)
            note_on(path, decided[one.delivery_sqn])


def write_list_of_sources(home: Path, engine: Engine) -> Path:
    """List all sources with validated deliveries from their records; return the path."""
    folder = home / FOLDER
    with engine.connect() as connection:
        sources = connection.execute(_SOURCES).all()
    write(folder / "index.html", _list_of_sources(folder, sources))
    return folder / "index.html"


def _list_of_deliveries(home: Path, source: str, deliveries: Sequence[sa.Row[Any]]) -> str:
    rows = []
    for d in deliveries:
        target = page_path(home, source, d.delivery_sqn, d.publisher_name, d.delivery_date)
        link = _link(target, target.parent, moment(d.delivery_date))
        verdict = mark(d.verdict, {"passed": "good", "halted": "bad"}.get(d.verdict, "warn"))
        name = Markup('<span class="fixed">{}</span>').format(d.publisher_name)
        rows.append([link, name, verdict, d.failed, d.warning, d.checked_at])
    body = Markup("<h1>{source}: checked deliveries</h1>\n{deliveries}").format(
        source=source,
        deliveries=table(["Delivery", "Publisher's name", "Verdict", "Failed", "Warnings", "Checked"], rows),
    )
    crumbs = [("Headwater", "../../docs/index.html"), ("Data Docs", "../index.html")]
    return page(f"{source}: checked deliveries", body, crumbs=crumbs)


def _list_of_sources(folder: Path, sources: Sequence[sa.Row[Any]]) -> str:
    rows = []
    for s in sources:
        halts = mark(f"{s.halted:,} halted", "bad") if s.halted else mark("none", "good")
        rows.append(
            [_link(folder / s.source / "index.html", folder, s.source), s.checked, halts, s.checked_at]
        )
    body = Markup("<h1>Data Docs</h1>\n<p>{about}</p>\n{sources}").format(
        about="What Great Expectations found in each delivery before it was let into history.",
        sources=table(
            ["Source", "Deliveries", "Standing halts", "Last checked"], rows, numbers=["Deliveries"]
        ),
    )
    return page("Data Docs", body, crumbs=[("Headwater", "../docs/index.html")])


def _link(target: Path, start: Path, text: str) -> Markup:
    """Return a link, or plain text if there is no page: a working folder may be younger than the database."""
    if not target.exists():
        return Markup('<span class="fixed">{}</span>').format(text)
    return Markup('<a class="fixed" href="{}">{}</a>').format(target.relative_to(start).as_posix(), text)
