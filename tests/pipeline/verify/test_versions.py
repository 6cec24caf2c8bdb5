"""Damage in the historical table: found by an invariant, or where none breaks, by making history again."""

from __future__ import annotations

import pytest

from tests.pipeline.verify.verified import Verified, rules, the

# statement → every rule that it breaks; `history.…` is the comparison with what the deliveries say
DAMAGE = {
    "a whole life of a key is gone, and no version is left to contradict": (
        "delete from historical.cities where city = 'd'",
        {"rows.versions_new", "rows.versions_removed", "history.version_missing"},
    ),
    "a version between two others is gone": (
        "delete from historical.prices where shop = 'x' and item = 1 and valid_from = '2026-01-01'",
        {"rows.versions_new", "rows.versions_ended", "intervals.wrong_change_type", "history.version_missing"},
    ),
    "a version begins a day later": (
        "update historical.cities set valid_from = '2026-01-07' where city = 'e'",
        {
            "versions_and_deliveries.opened_at_other_date",
            "history.version_missing",
            "history.version_unexpected",
        },
    ),
    "a version ends an hour earlier": (
        "update historical.cities set valid_to = '2026-01-01 23:00' where city = 'a' and valid_to is not null",
        {
            "intervals.gap_after_change",
            "intervals.wrong_change_type",
            "versions_and_deliveries.ended_at_other_date",
            "history.version_differs",
        },
    ),
    "a version ends before it begins": (
        "update historical.cities set valid_to = '2025-01-01' where city = 'd'",
        {
            "intervals.ends_before_it_begins",
            "versions_and_deliveries.ended_at_other_date",
            "history.version_differs",
        },
    ),
    "a version that has ended has no valid_to": (
        "update historical.cities set valid_to = null where city = 'd'",
        {"intervals.ends_disagree", "history.version_differs"},
    ),
    "a removed version is said to be changed": (
        "update historical.cities set end_type = 'changed' where city = 'd'",
        {
            "intervals.gap_after_change",
            "rows.versions_ended",
            "rows.versions_removed",
            "history.version_differs",
        },
    ),
    "a changed version is said to be removed": (
        "update historical.prices set end_type = 'removed' where shop = 'x' and item = 1 and valid_to is not null",
        {
            "intervals.no_gap_after_removal",
            "rows.versions_ended",
            "rows.versions_removed",
            "history.version_differs",
        },
    ),
    "a changed version is said to be new": (
        "update historical.prices set change_type = 'new' where shop = 'x' and item = 1 and valid_to is null",
        {
            "intervals.wrong_change_type",
            "rows.versions_new",
            "rows.versions_changed",
            "history.version_differs",
        },
    ),
    "a tracked value of a closed version is another one": (
        "update historical.cities set people = 99 where city = 'd'",
        {"history.version_differs"},
    ),
    "an untracked value is another one": (
        "update historical.cities set seen = 'elsewhere' where city = 'e'",
        {"history.version_differs"},
    ),
    "a version has the values of the one before": (
        "update historical.prices set price = 1 where shop = 'x' and item = 1 and valid_to is null",
        {"intervals.equal_versions", "history.version_differs"},
    ),
    "a version names a delivery of another source": (
        "update historical.ratings set delivery_sqn = (select min(delivery_sqn) from metadata.delivery"
        " where source = 'prices') where reader = 'r'",
        {
            "versions_and_deliveries.opened_by_none",
            "rows.versions_new",
            "history.version_differs",
        },
    ),
    "a version names a delivery that halted": (
        "update historical.cities set delivery_sqn = (select delivery_sqn from metadata.delivery"
        " where publisher_name = 'cities-20260104.csv') where city = 'e'",
        {
            "versions_and_deliveries.opened_by_not_held",
            "versions_and_deliveries.opened_at_other_date",
            "versions_and_deliveries.other_process_date",
            "rows.versions_new",
            "history.version_differs",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_in_history_is_found(verified: Verified, what: str) -> None:
    statement, expected = DAMAGE[what]
    verified.damage(statement)
    source = statement.partition("historical.")[2].partition(" ")[0]
    found = verified.findings(source)
    assert rules(found) == expected
    assert all(finding.source == source and finding.action and finding.about for finding in found)


def test_a_version_that_is_gone_is_named_with_its_values_and_its_delivery(verified: Verified) -> None:
    verified.damage("delete from historical.cities where city = 'd'")
    found = the(verified.findings("cities"), "history.version_missing")
    assert (found.key, found.valid_from) == ({"city": "d"}, "2026-01-02T00:00:00+00:00")
    assert found.publisher_name == "cities-20260102.csv"
    assert "name 'D', people '1'" in found.expected
    assert found.found == "no such version"
    assert "headwater rebuild cities" in found.action


def test_of_a_changed_value_only_the_column_is_named(verified: Verified) -> None:
    verified.damage("update historical.cities set people = 99 where city = 'd'")
    found = the(verified.findings("cities"), "history.version_differs")
    assert (found.expected, found.found) == ("people '1'", "people '99'")


def test_a_doubled_version_and_the_missing_index_are_found(verified: Verified) -> None:
    for index in ("cities_current_key", "cities_valid_from_key"):
        verified.line.execute(f"drop index historical.{index}")
    verified.damage("insert into historical.cities select * from historical.cities where city = 'e'")
    found = verified.findings("cities")
    assert rules(found) == {
        "indexes.unique_index_missing", "intervals.several_current", "intervals.same_beginning",
        "intervals.overlap", "rows.versions_new", "history.version_unexpected",
    }  # fmt: skip
    assert the(found, "intervals.overlap").key == {"city": "e"}
    assert the(found, "history.version_unexpected").about.startswith("key e, from 2026-01-06")
    names = [one.expected for one in found if one.check == "indexes"]
    assert [
        name for name in names if "cities_current_key" in name or "cities_valid_from_key" in name
    ] == names


def test_overlapping_versions_are_named_with_both_moments(verified: Verified) -> None:
    verified.damage(
        "update historical.prices set valid_to = '2026-01-03' where shop = 'x' and item = 1 and valid_to is not null"
    )
    found = the(verified.findings("prices"), "intervals.overlap")
    assert found.key == {"shop": "x", "item": 1}
    assert "2026-01-02" in found.expected
    assert "2026-01-03" in found.found


def test_of_many_damaged_versions_all_are_counted_and_some_are_listed(verified: Verified) -> None:
    verified.line.execute("update historical.prices set price = price + 1000")
    outcome = verified.outcome("prices", "history")
    assert outcome.counts["version_differs"] == 6
    assert len([one for one in outcome.findings if one.rule == "version_differs"]) == 5
