"""The versions of one key, drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from headwater.airflow.deliveries_page.timeline import HEIGHT, MOST_DRAWN, WIDTH, timeline
from headwater.queries.key_history import FallenOutRow, KeyHistory, Version

DAY = datetime(2026, 1, 1, tzinfo=UTC)
VERSION = Version(DAY, DAY + timedelta(days=2), "new", "changed", 1, "one", 2, "two", {"people": 1}, ())
CURRENT = Version(
    DAY + timedelta(days=2), None, "changed", None, 2, "two", None, None, {"people": 2}, ("people",)
)
FELL = FallenOutRow(3, "<three>", DAY + timedelta(days=3), 7, "people", "type", "many", {}, "loaded", True)


def drawn(
    versions: Sequence[Version], fell: Sequence[FallenOutRow] = (), key: dict[str, str] | None = None
) -> str:
    found = KeyHistory("cities", key or {"city": "a"}, tuple(versions), tuple(fell))
    return str(timeline(found, now=DAY + timedelta(days=9)))


def test_a_version_is_as_long_as_it_was_true_and_the_current_one_goes_on() -> None:
    text = drawn([VERSION, CURRENT], [FELL])
    widths = [float(width) for width in re.findall(r'<rect class="version \w+"[^>]* width="([\d.]+)"', text)]
    assert (
        1 < widths[1] / widths[0] < 1.1
    )  # a third of the time before is drawn beyond the last event, of years too
    assert '<polygon class="version current"' in text
    assert 'aria-label="a: 2 versions, current, 1 row fell out"' in text
    assert "2026-01-01 to 2026-01-03: new by delivery 1, changed by delivery 2" in text
    assert '<polygon class="fell stale"' in text


def test_a_removed_key_ends_and_its_absence_is_a_gap() -> None:
    removed = replace(VERSION, end_type="removed")
    again = replace(CURRENT, valid_from=DAY + timedelta(days=6), change_type="new")
    text = drawn([removed, again])
    (ends,), begins = re.findall(r'class="removed" x1="([\d.]+)"', text), re.findall(r' x="([\d.]+)" y', text)
    assert float(begins[1]) - float(ends) > 300
    assert "removed" in drawn([removed])
    assert "<polygon" not in drawn([removed])


def test_a_moment_nothing_and_very_many_versions_are_drawn_within_the_picture() -> None:
    assert drawn([]) == ""
    assert "<rect" in drawn([replace(CURRENT, valid_from=DAY + timedelta(days=9))])
    many = [
        replace(VERSION, valid_from=DAY + timedelta(days=n), valid_to=DAY + timedelta(days=n + 1))
        for n in range(900)
    ]
    text = drawn(many)
    assert text.count("<rect") == MOST_DRAWN
    assert all(-1 < float(x) < WIDTH for x in re.findall(r' x="([\d.]+)"', text))
    assert f'viewBox="0 0 {WIDTH} {HEIGHT}"' in text


def test_nothing_of_the_data_is_markup() -> None:
    assert "<b>" not in drawn([CURRENT], key={"city": "<b>"})
