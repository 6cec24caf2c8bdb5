"""How the last run of a job went, by what Airflow knows and by what is on record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from headwater.airflow.deliveries_page import runs
from headwater.airflow.deliveries_page.runs import Ran, last_of
from headwater.queries.runs import LastRun

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
LATER = BEGAN + timedelta(hours=1)


def recorded(status: str, run_id: str = "one", at: datetime = BEGAN, error: str | None = "why") -> LastRun:
    return LastRun(None, "towns", 1, run_id, "run", "airflow", status, at, at, error)


LINK = "/dags/towns/runs/"


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (None, None, None),
        (recorded("halted"), ("one", "failed", BEGAN), Ran("towns", "halted", BEGAN, f"{LINK}one", "why")),
        (recorded("succeeded"), ("one", "success", BEGAN), Ran("towns", "succeeded", BEGAN, f"{LINK}one")),
        (recorded("running"), ("one", "running", BEGAN), Ran("towns", "running", BEGAN, f"{LINK}one")),
        # marked as failed, or dead before it could say so
        (recorded("running"), ("one", "failed", BEGAN), Ran("towns", "failed", BEGAN, f"{LINK}one")),
        # never on record: its start failed
        (recorded("succeeded"), ("two", "failed", LATER), Ran("towns", "failed", LATER, f"{LINK}two")),
        (recorded("succeeded"), ("two", "queued", None), Ran("towns", "queued", None, f"{LINK}two")),
        (None, ("one", "success", BEGAN), Ran("towns", "succeeded", BEGAN, f"{LINK}one")),
        # of a terminal
        (
            recorded("failed", "x", LATER),
            ("one", "success", BEGAN),
            Ran("towns", "failed", LATER, None, "why"),
        ),
        (recorded("failed", "x"), None, Ran("towns", "failed", BEGAN, None, "why")),
    ],
)
def test_the_newest_run_is_told_with_its_truth(
    ours: LastRun | None,
    theirs: tuple[str, str, datetime | None] | None,
    expected: Ran | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runs, "newest_dag_runs", lambda _jobs: {"towns": theirs} if theirs else {})
    found = last_of(["towns"], {"towns": ours} if ours else {})
    assert found.get("towns") == expected
