from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest

from headwater.checks.periods import period_name, period_number
from headwater.metadata.static.delivery_checks import PERIODS

MOMENTS = [datetime(2024, 2, 26, 23, 30, tzinfo=UTC) + timedelta(days=days) for days in range(800)]


@pytest.mark.parametrize(
    ("every", "name"),
    [
        ("day", "2026-01-01"),
        ("week", "2026-W01"),
        ("month", "2026-01"),
        ("quarter", "2026-Q1"),
        ("year", "2026"),
    ],
)
def test_a_period_is_named_as_people_write_it(every: str, name: str) -> None:
    assert period_name(period_number(datetime(2026, 1, 1, tzinfo=UTC), every), every) == name


@pytest.mark.parametrize("every", PERIODS)
def test_numbers_rise_by_one_where_names_change_and_nowhere_else(every: str) -> None:
    numbers = [period_number(moment, every) for moment in MOMENTS]
    labels = [period_name(number, every) for number in numbers]
    names: dict[str, Callable[[datetime], str]] = {
        "day": lambda m: f"{m:%Y-%m-%d}",
        "week": lambda m: f"{m:%G-W%V}",
        "month": lambda m: f"{m:%Y-%m}",
        "quarter": lambda m: f"{m:%Y}-Q{(m.month + 2) // 3}",
        "year": lambda m: f"{m:%Y}",
    }
    assert labels == [names[every](moment) for moment in MOMENTS]
    steps = {after - before for before, after in pairwise(numbers)}
    assert steps <= {0, 1}
    assert len(set(numbers)) == len(set(labels))


def test_a_day_is_that_of_utc() -> None:
    berlin = timezone(timedelta(hours=2))
    assert period_name(period_number(datetime(2026, 3, 1, 1, tzinfo=berlin), "day"), "day") == "2026-02-28"
