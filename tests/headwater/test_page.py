"""The frame of our pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from markupsafe import Markup

from headwater.page import cell, moment, page, table, write


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1234567, "1,234,567"),
        (0, "0"),
        (None, '<span class="faint">&ndash;</span>'),
        ("", '<span class="faint">&ndash;</span>'),
        ("<b>", "&lt;b&gt;"),
        (Markup("<b>bold</b>"), "<b>bold</b>"),
    ],
)
def test_values_are_shown_for_people(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_a_moment_is_in_utc_and_has_a_time_only_when_it_is_not_midnight() -> None:
    assert moment(datetime(2026, 3, 15, 1, tzinfo=timezone(timedelta(hours=1)))) == "2026-03-15"
    assert moment(datetime(2026, 3, 15, 13, 5, tzinfo=UTC)) == "2026-03-15 13:05 UTC"


def test_everything_that_is_not_markup_is_escaped() -> None:
    text = page("<t>", Markup("<p>{}</p>").format("<i>"), crumbs=[("<c>", "a?b&c")])
    text += table(["<h>"], [["<v>"]])

    assert not {"<t>", "<i>", "<c>", "<h>", "<v>"} & {text[i : i + 3] for i in range(len(text))}
    assert 'href="a?b&amp;c"' in text


def test_a_page_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.html"
    write(path, "first")
    write(path, "second")

    assert path.read_text() == "second"
    assert list(path.parent.iterdir()) == [path]
