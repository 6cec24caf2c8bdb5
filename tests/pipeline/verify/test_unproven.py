"""Verification says what it cannot tell, and takes no work that waits for a run for damage."""

from __future__ import annotations

from headwater.extract.landing.store import ObjectStore
from headwater.metadata.process.events import record_event
from headwater.metadata.process.rebuilds import set_aside
from headwater.pipeline import retention
from tests.pipeline.verify.verified import Verified, rules, the


def purge(verified: Verified, source: str, **keep: int) -> None:
    [(job_inst_id,)] = verified.line.query("select max(job_inst_id) from metadata.job_inst")
    assert retention.purge(verified.line.database, source, keep, job_inst_id)


def test_purged_deliveries_are_named_as_unproven_and_the_others_are_proven(verified: Verified) -> None:
    purge(verified, "prices", staging=2, raw=1)
    report = verified.report("prices")
    assert report.is_clean
    history, lines = (
        next(outcome for outcome in report.outcomes if outcome.check == check)
        for check in ("history", "lines")
    )
    assert history.checked == "2 of 3 deliveries applied again"
    sqn = verified.line.sqn("prices-20260101.csv")
    assert history.unproven == (
        "history before 2026-01-02 00:00:00+00 cannot be made again: staging no longer has 1 of 3 deliveries as history"
        f" holds them, the newest is {sqn}, prices-20260101.csv. headwater rebuild prices makes it again from S3",
    )
    assert lines.unproven == (
        "lines of 2 deliveries cannot be compared: raw or staging no longer has their rows",
    )


def test_damage_after_purged_deliveries_is_found_by_what_came_later(verified: Verified) -> None:
    purge(verified, "prices", staging=2)
    verified.damage(
        "delete from historical.prices where shop = 'x' and item = 2 and valid_from = '2026-01-03'"
    )
    found = the(verified.findings("prices"), "history.version_missing")
    assert found.key == {"shop": "x", "item": 2}
    assert found.valid_from == "2026-01-03T00:00:00+00:00"


def test_a_version_of_before_that_later_deliveries_end_is_compared_too(verified: Verified) -> None:
    purge(verified, "prices", staging=1)
    verified.damage(
        "update historical.prices set valid_to = '2026-01-03', end_type = 'removed', ended_by_delivery_sqn ="
        " (select delivery_sqn from metadata.delivery where publisher_name = 'prices-20260103.csv') where shop = 'z'"
    )
    found = verified.findings("prices")
    assert rules(found) == {"rows.versions_removed", "history.version_differs"}
    assert the(found, "history.version_differs").key == {"shop": "z", "item": 1}


def test_of_purged_deliveries_alone_nothing_is_applied_again(verified: Verified) -> None:
    purge(verified, "ratings", staging=0)
    outcome = verified.outcome("ratings", "history")
    assert (outcome.status, outcome.checked) == ("unproven", "no delivery")
    assert "history cannot be made again" in outcome.unproven[0]


def test_a_decision_that_no_run_has_followed_is_a_note(verified: Verified, store: ObjectStore) -> None:
    del store
    sqn = verified.line.sqn("cities-20260102.csv")
    record_event(verified.line.database, verified.line.store, sqn, "cities", "withdrawn", why="a test")
    report = verified.report("cities")
    assert report.is_clean, [outcome.findings for outcome in report.damaged]
    [notice] = [message for outcome in report.outcomes for message in outcome.notices]
    assert "1 delivery does not yet stand in history as the events say" in notice
    assert "cities-20260102.csv" in notice


def test_a_replay_that_no_run_has_followed_is_no_damage(verified: Verified) -> None:
    sqn = verified.line.sqn("cities-20260102.csv")
    record_event(verified.line.database, verified.line.store, sqn, "cities", "replayed", why="a test")
    report = verified.report("cities")
    assert report.is_clean, [outcome.findings for outcome in report.damaged]
    assert [outcome.check for outcome in report.unproven] == ["history"]


def test_a_source_that_is_being_rebuilt_is_unproven(verified: Verified) -> None:
    [(job_inst_id,)] = verified.line.query("select max(job_inst_id) from metadata.job_inst")
    with verified.line.database.begin() as connection:
        set_aside(connection, "ratings", job_inst_id)
    report = verified.report("ratings")
    assert report.is_clean, [outcome.findings for outcome in report.damaged]
    assert [outcome.check for outcome in report.unproven] == ["tables"]
