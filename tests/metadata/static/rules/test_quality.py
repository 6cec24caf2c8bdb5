"""The rules of expectations, each with its message."""

from __future__ import annotations

import pytest

from tests.support.seeds import Broken, EditableSeeds

BROKEN = {
    "a_quality_check_that_is_not_json": Broken(
        "source",
        '""warning""}]',
        '""warning""}',
        ["seeds/source.csv:2: quality_checks: is not JSON from character 130 on, expected JSON"],
    ),
    "a_quality_check_of_an_unknown_column": Broken(
        "source",
        '""latitude""',
        '""latitud""',
        [
            'seeds/source.csv:2: quality_checks: check 1 names the column "latitud", which the source has '
            "not, expected one of bus_line, city_id, latitude, name (perhaps latitude)"
        ],
    ),
    "an_unknown_expectation": Broken(
        "source",
        "expect_column_values_to_be_between",
        "expect_column_values_to_be_betwen",
        [
            "seeds/source.csv:2: quality_checks: check 1 names the expectation "
            '"expect_column_values_to_be_betwen", which is not known, '
            "expected expect_column_values_to_be_between"
        ],
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_broken_metadata_gets_its_message(seeds: EditableSeeds, broken: Broken) -> None:
    assert seeds.messages_of(broken) == broken.messages
