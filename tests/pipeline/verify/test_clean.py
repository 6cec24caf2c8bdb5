"""A project in which every delivery went its way, also by a person's decision, is clean."""

from __future__ import annotations

from tests.pipeline.verify.verified import Verified


def test_a_project_of_all_kinds_of_deliveries_is_clean_and_everything_is_proven(verified: Verified) -> None:
    report = verified.report(reads_objects=True)
    assert report.is_clean, [finding for outcome in report.outcomes for finding in outcome.findings]
    assert report.unproven == []
    assert [message for outcome in report.outcomes for message in outcome.notices] == []
    for source, deliveries in verified.counting.items():
        verified.line.assert_history(source, *deliveries)
