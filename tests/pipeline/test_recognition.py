"""Of a snapshot only what no current version says is staged: the rest is recognised, by its hash, in raw."""

from __future__ import annotations

import pytest

from tests.pipeline.line import Line, ratings


@pytest.fixture(autouse=True)
def forced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recognise rows of small snapshots, too."""
    monkeypatch.setenv("HEADWATER_RECOGNISE", "always")


def staged(line: Line, name: str) -> tuple[object, ...]:
    """Return status, staged and recognised rows of the newest landing of a name."""
    return line.query(
        "select status, record_count, recognised_count from metadata.delivery_status"
        " where layer = 'staging' and delivery_sqn = :sqn",
        sqn=line.sqn(name),
    )[0]


def test_rows_that_say_what_is_current_are_not_staged(line: Line) -> None:
    first = line.deliver("ratings", ratings(1, {"ann": (1,), "ben": (2,), "cyd": (3,), "dan": (4,)}))
    line.ran_well("ratings")
    second = line.deliver("ratings", ratings(2, {"ann": (1,), "ben": (5,), "dan": (4,), "eve": (2,)}))
    line.ran_well("ratings")
    assert staged(line, second.name) == ("partial", 2, 2)
    line.assert_history("ratings", first, second)
