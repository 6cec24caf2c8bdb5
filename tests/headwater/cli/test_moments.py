"""Days and moments: a day is the whole day in UTC, a moment is itself."""

from __future__ import annotations

import pytest

from headwater.cli.moments import moment


@pytest.mark.parametrize(
    ("text", "first", "last", "message"),
    [
        ("2026-11-28", "2026-11-28 00:00:00+00:00", "2026-11-28 23:59:59.999999+00:00", "the end of 2026-11-28, UTC"),
        ("2026-11-28T00:00", "2026-11-28 00:00:00+00:00", None, "2026-11-28 00:00:00 UTC"),
        (" 2026-11-28 01:30:00+02:00 ", "2026-11-27 23:30:00+00:00", None, "2026-11-27 23:30:00 UTC"),
        ("9999-12-31", "9999-12-31 00:00:00+00:00", "9999-12-31 23:59:59.999999+00:00", "the end of 9999-12-31, UTC"),
    ],
)  # fmt: skip
def test_a_day_is_all_of_it_and_a_moment_is_that_moment(
    text: str, first: str, last: str | None, message: str
) -> None:
    found = moment(text)
    assert (str(found.first), str(found.last), str(found)) == (first, last or first, message)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-02-30", "28.11.2026", "0001-01-01T00:00+14:00", "2026-11-28T25:00"]
)
def test_what_is_neither_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r"is neither a day nor a moment\. Expected one such as 2026-11-28"):
        moment(text)
