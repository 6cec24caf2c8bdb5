"""A note on the page of a delivery about later decisions; without it the page would still say `halted`.

The page has a place for the note. Headwater rewrites it in the file with the index pages, and when the page
is served.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from markupsafe import Markup
from sqlalchemy import Connection

from headwater.metadata.redaction import redact
from headwater.metadata.visible import in_line
from headwater.page import mark, moment, write

PLACE = Markup("<!-- decided since -->{}<!-- end of what was decided since -->")
_PLACE = re.compile(r"<!-- decided since -->.*?<!-- end of what was decided since -->", re.DOTALL)
_HEADING = re.compile(r"</h1>")  # an old page without a place for the note gets it below this

_DECIDED = sa.text("""
select event.delivery_sqn, event.event, event.event_at, event.who, event.why
from metadata.delivery_event as event
inner join metadata.delivery on delivery.delivery_sqn = event.delivery_sqn
left join metadata.delivery_status as checked
    on checked.delivery_sqn = event.delivery_sqn and checked.layer = 'checks'
where delivery.source = :source
    and (cast(:sqn as bigint) is null or delivery.delivery_sqn = :sqn)
    and event.event in ('accepted', 'withdrawn', 'restored', 'replayed')
    and event.event_at > coalesce(checked.status_at, (
        select max(halted.event_at)
        from metadata.delivery_event as halted
        where halted.delivery_sqn = event.delivery_sqn and halted.event = 'halted'
    ), '-infinity')
order by event.delivery_sqn, event.event_at
""")


@dataclass(frozen=True)
class Decision:
    """A decision: kind, moment, person and reason."""

    event: str
    event_at: datetime
    who: str
    why: str


def decided_since(
    connection: Connection, source: str, delivery_sqn: int | None = None
) -> Mapping[int, Sequence[Decision]]:
    """Return the decisions about the deliveries of a source, or about one, after their last validation, in order."""
    found: dict[int, list[Decision]] = defaultdict(list)
    for row in connection.execute(_DECIDED, {"source": source, "sqn": delivery_sqn}):
        found[row.delivery_sqn].append(Decision(row.event, row.event_at, row.who, row.why))
    return found


def with_note(page: str, decisions: Iterable[Decision]) -> str:
    """Return the text of a delivery's page with a note of these decisions, replacing an earlier note."""
    note = PLACE.format(_note(list(decisions)))
    if _PLACE.search(page):
        return _PLACE.sub(lambda _: note, page, count=1)
    return _HEADING.sub(lambda heading: f"{heading[0]}\n{note}", page, count=1)


def note_on(path: Path, decisions: Iterable[Decision]) -> None:
    """Update the note of the page at `path`, if there is a page."""
    if path.is_file():
        before = path.read_text(encoding="utf-8")
        if (after := with_note(before, decisions)) != before:
            write(path, after)


def _note(decisions: Sequence[Decision]) -> Markup:
    if not decisions:
        return Markup()
    lines = Markup("").join(
        Markup("<li>{} {} by {}: {}</li>").format(
            mark(one.event, "warn"), moment(one.event_at), in_line(one.who), in_line(redact(one.why))
        )
        for one in decisions
    )
    return Markup('<section class="decided"><h2>Decided since</h2><ul>{}</ul></section>').format(lines)
