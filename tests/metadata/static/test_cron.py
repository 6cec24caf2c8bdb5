from __future__ import annotations

import pytest

from headwater.metadata.static.cron import schedule_problem


@pytest.mark.parametrize("schedule", ["@daily", "0 5 * * *", "*/15 8-18 1,15 jan-mar MON-FRI", "0 0 1 */2 7"])
def test_schedule_is_understood(schedule: str) -> None:
    assert schedule_problem(schedule) is None


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("@dayly", '"@dayly" is not a schedule'),
        ("0 5 * *", '"0 5 * *" is not a schedule'),
        ("60 5 * * *", '"60" does not say the minute of a schedule'),
        ("0 5 0 * *", '"0" does not say the day of month of a schedule'),
        ("0 5 * 5-3 *", '"5-3" does not say the month of a schedule'),
        ("0 5 * * mon-", '"mon-" does not say the day of week of a schedule'),
        ("*/0 5 * * *", '"*/0" does not say the minute of a schedule'),
        ("*-5 5 * * *", '"*-5" does not say the minute of a schedule'),
    ],
)
def test_schedule_is_told_what_is_wrong(schedule: str, message: str) -> None:
    problem = schedule_problem(schedule)
    assert problem is not None
    assert problem[0] == message
