"""Damage in raw, staging, the quarantine and the status of deliveries: the ledger names the delivery."""

from __future__ import annotations

import pytest

from tests.pipeline.verify.verified import Verified, rules, the

OF = "(select delivery_sqn from metadata.delivery where publisher_name = 'cities-2026010{}.csv')"
FIRST, SECOND, WITHDRAWN = (OF.format(day) for day in (1, 2, 3))

# statement → every rule that it breaks, each of the delivery of a day
DAMAGE = {
    "a raw row is gone": (
        f"delete from raw.cities where delivery_sqn = {SECOND} and line_number = 2",
        2,
        {"rows.raw_rows", "lines.lines_of_staging"},
    ),
    "a staged row is gone, which history then does not follow from": (
        f"delete from staging.stg_cities where delivery_sqn = {FIRST} and city = 'c'",
        1,
        {"rows.staging_rows", "lines.lines_of_staging", "history.version_unexpected", "history.count_differs"},
    ),
    "a staged row is of a delivery that was withdrawn": (
        f"delete from staging.stg_cities where delivery_sqn = {WITHDRAWN} and city = 'a'",
        3,
        {"rows.staging_rows", "lines.lines_of_staging"},
    ),
    "a quarantined row is gone": (
        f"delete from metadata.quarantined_row where delivery_sqn = {SECOND}",
        2,
        {"rows.quarantined_rows", "lines.lines_of_staging", "history.version_differs", "history.count_differs"},
    ),
    "a count of raw is another one": (
        f"update metadata.delivery_status set record_count = 4 where layer = 'raw' and delivery_sqn = {SECOND}",
        2,
        {"rows.raw_rows", "ledger.staged"},
    ),
    "a count of staging is another one": (
        f"update metadata.delivery_status set record_count = 1 where layer = 'staging' and delivery_sqn = {SECOND}",
        2,
        {"rows.staging_rows", "ledger.staged", "ledger.historized"},
    ),
    "more rows have fallen out": (
        f"update metadata.delivery_status set fallen_out_count = 2 where layer = 'staging' and delivery_sqn = {SECOND}",
        2,
        {"rows.quarantined_rows", "ledger.staged"},
    ),
    "two counts of history are other ones, and their sum is not": (
        "update metadata.delivery_status set new_count = new_count + 1, changed_count = changed_count - 1"
        f" where layer = 'historical' and delivery_sqn = {SECOND}",
        2,
        {"rows.versions_new", "rows.versions_changed", "rows.versions_ended", "history.count_differs"},
    ),
    "an unchanged row is counted as ignored, and no row of a table says so": (
        "update metadata.delivery_status set unchanged_count = unchanged_count - 1, ignored_count = 1"
        f" where layer = 'historical' and delivery_sqn = {OF.format(6)}",
        6,
        {"history.count_differs"},
    ),
    "a removal is not counted": (
        f"update metadata.delivery_status set removed_count = 0 where layer = 'historical' and delivery_sqn = {SECOND}",
        2,
        {"rows.versions_removed", "history.count_differs"},
    ),
    "the status of a landing is gone": (
        f"delete from metadata.delivery_status where layer = 'landed' and delivery_sqn = {SECOND}",
        2,
        {"status.landed_status"},
    ),
    "the status of staging is gone": (
        f"delete from metadata.delivery_status where layer = 'staging' and delivery_sqn = {SECOND}",
        2,
        {"status.layer_status", "status.rows_without_status"},
    ),
    "the status of history is gone, and its versions are not": (
        f"delete from metadata.delivery_status where layer = 'historical' and delivery_sqn = {SECOND}",
        2,
        {
            "versions_and_deliveries.opened_by_not_held", "versions_and_deliveries.ended_by_not_held",
            "history.version_unexpected", "history.version_differs", "history.version_missing", "history.count_differs",
        },
    ),
    "the checks are said to have halted a delivery": (
        f"update metadata.delivery_status set status = 'halted' where layer = 'checks' and delivery_sqn = {SECOND}",
        2,
        {"status.checks_status"},
    ),
    "the size of the file is another one": (
        f"update metadata.delivery_status set file_size = 1 where layer = 'landed' and delivery_sqn = {SECOND}",
        2,
        {"ledger.file_size"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_in_the_ledger_is_found_and_names_the_delivery(verified: Verified, what: str) -> None:
    statement, day, expected = DAMAGE[what]
    verified.damage(statement)
    found = verified.findings("cities")
    assert rules(found) == expected
    of_ledger = [one for one in found if one.check in ("rows", "ledger", "status", "lines")]
    assert {one.publisher_name for one in of_ledger} <= {f"cities-2026010{day}.csv"}


def test_expected_and_found_are_numbers_of_the_delivery(verified: Verified) -> None:
    verified.damage(f"delete from raw.cities where delivery_sqn = {SECOND} and line_number = 2")
    found = the(verified.findings("cities"), "rows.raw_rows")
    assert found.about == f"delivery {found.delivery_sqn}, cities-20260102.csv"
    assert found.expected.endswith(": 3 rows")
    assert found.found == "2 rows"
    assert f"headwater replay {found.delivery_sqn}" in found.action


def test_a_staged_row_that_takes_the_place_of_another_one_is_found_though_counts_agree(
    verified: Verified,
) -> None:
    verified.damage(
        "update staging.stg_cities set line_number = 2, city = 'a' where city = 'c'"
        f" and delivery_sqn = {FIRST}"
    )
    assert "lines.lines_of_staging" in rules(verified.findings("cities"))


def test_rows_of_a_delivery_that_nobody_registered_are_found_in_every_table(verified: Verified) -> None:
    verified.drop_foreign_keys()
    verified.damage("insert into raw.ratings (delivery_sqn, line_number, job_inst_id) values (999, 1, 1)")
    verified.damage(
        "insert into metadata.quarantined_row (delivery_sqn, line_number, column_name, rule, row)"
        " values (998, 1, 'reader', 'type', '{}')"
    )
    found = verified.findings("ratings")
    assert rules(found) == {"status.unregistered_rows", "orphans.quarantined_row"}
    assert the(found, "status.unregistered_rows").delivery_sqn == 999
    assert the(found, "orphans.quarantined_row").delivery_sqn == 998


def test_a_table_that_is_gone_is_found(verified: Verified) -> None:
    verified.line.execute("drop table raw.ratings")
    assert "tables.table_missing" in rules(verified.findings("ratings"))


def test_a_definition_that_is_gone_is_found(verified: Verified) -> None:
    verified.damage("delete from metadata.source_definition where source = 'ratings'")
    assert "tables.definition_missing" in rules(verified.findings("ratings"))


def test_a_column_that_is_gone_is_found_and_the_other_checks_go_on(verified: Verified) -> None:
    verified.line.execute("alter table historical.ratings drop column stars")
    found = verified.findings("ratings")
    assert rules(found) == {"versions.not_readable", "history.not_readable"}
    assert "stars" in found[0].found
