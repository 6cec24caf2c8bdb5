"""The rules of expectations, each with its message."""

from __future__ import annotations

import pytest

from headwater.metadata.static.read import read_catalog
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
    "a_cell_of_checks_that_is_no_list": Broken(
        "source",
        '"[{""expect"": ""expect_column_values_to_be_between"", ""column"": ""latitude"", ""min_value"": -90, '
        '""max_value"": 90, ""severity"": ""warning""}]"',
        '"{""expect"": 1}"',
        [
            "seeds/source.csv:2: quality_checks: is not a list of checks, expected a list such as "
            '[{"expect": "expect_column_values_to_not_be_null", "column": "name"}], or rows of quality_check.csv'
        ],
    ),
    "a_severity_in_json_that_is_none": Broken(
        "source",
        '""warning""',
        '""fatal""',
        [
            'seeds/source.csv:2: quality_checks: check 1 has the severity "fatal", '
            "expected one of critical, warning"
        ],
    ),
    "a_check_of_no_source": Broken(
        "quality_check",
        "sales,accepted_range",
        "sails,accepted_range",
        [
            'seeds/quality_check.csv:2: source: "sails" is not in source.csv, expected the name of a row there '
            "(perhaps sales)",
        ],
    ),
    "a_short_form_that_is_none": Broken(
        "quality_check",
        "accepted_range",
        "accepted_rage",
        [
            'seeds/quality_check.csv:2: expectation: names the expectation "accepted_rage", which is not known, '
            "expected accepted_range"
        ],
    ),
    "a_parameter_of_no_short_form": Broken(
        "quality_check",
        "min=0 max=1e6",
        "minimum=0",
        [
            "seeds/quality_check.csv:2: parameters: minimum is no parameter of it, "
            "expected one of min, max, strict_min, strict_max, mostly (perhaps min)"
        ],
    ),
    "parameters_that_cannot_be_read": Broken(
        "quality_check",
        "min=0 max=1e6",
        "0 to 1e6",
        [
            'seeds/quality_check.csv:2: parameters: "0" is no name=value, expected name=value with blanks between, '
            "such as min=-90 max=90 or pattern='^[A-Z]{2}$'"
        ],
    ),
    "bounds_in_the_wrong_order": Broken(
        "quality_check",
        "min=0 max=1e6",
        "min=2 max=1",
        ["seeds/quality_check.csv:2: parameters: has a min 2 above its max 1, expected min ≤ max"],
    ),
    "a_check_without_its_column": Broken(
        "quality_check",
        "accepted_range,amount_eur",
        "accepted_range,",
        [
            "seeds/quality_check.csv:2: column_name: has no column, "
            "expected one of the target names amount_eur, product, sold_on"
        ],
    ),
    "a_pattern_that_does_not_compile": Broken(
        "quality_check",
        "accepted_range,amount_eur,min=0 max=1e6",
        "regex,product,pattern=(",
        [
            'seeds/quality_check.csv:2: parameters: pattern "(" is not a regular expression (missing ), unterminated '
            "subpattern at position 0), expected one that Python's re compiles"
        ],
    ),
    "a_reference_to_no_source": Broken(
        "quality_check",
        "accepted_range,amount_eur,min=0 max=1e6",
        "referential,product,source=city",
        ['seeds/quality_check.csv:2: parameters: source "city" is no other source, expected cities'],
    ),
    "a_reference_to_no_column": Broken(
        "quality_check",
        "accepted_range,amount_eur,min=0 max=1e6",
        "referential,product,source=cities",
        [
            'seeds/quality_check.csv:2: parameters: field "product" is no column of cities, '
            "expected one of bus_line, city_id, latitude, name"
        ],
    ),
    "a_check_that_is_said_twice": Broken(
        "quality_check",
        "accepted_range,amount_eur,min=0 max=1e6,warning,Nobody buys for more",
        'expect_column_values_to_not_match_regex,product,regex="^a b=\\d+$",,',
        ["seeds/quality_check.csv:3: expectation: says the same as line 2, expected each check once"],
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_broken_metadata_gets_its_message(seeds: EditableSeeds, broken: Broken) -> None:
    assert seeds.messages_of(broken) == broken.messages


def test_checks_of_a_project_without_the_table_are_those_of_the_former_column(seeds: EditableSeeds) -> None:
    (seeds.folder / "quality_check.csv").unlink()
    assert seeds.messages() == []
    assert [check.expect for check in read_catalog(seeds.folder).sources["cities"].quality_checks] == [
        "expect_column_values_to_be_between"
    ]
