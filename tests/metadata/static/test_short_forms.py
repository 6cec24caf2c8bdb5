"""Short forms of checks: the expectation that runs, and the way back."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.metadata.static.model import QualityCheck
from headwater.metadata.static.short_forms import resolve_check, shorten_check

Said = tuple[str, str | None, dict[str, Any]]
BETWEEN, IN_SET = "expect_column_values_to_be_between", "expect_column_values_to_be_in_set"
PAIRS: list[tuple[Said, Said]] = [
    (("accepted_range", "x", {"min": 0, "strict_min": True}), (BETWEEN, "x", {"min_value": 0, "strict_min": True})),
    (("accepted_values", "x", {"values": ["a"]}), (IN_SET, "x", {"value_set": ["a"]})),
    (("regex", "x", {"pattern": "^a"}), ("expect_column_values_to_match_regex", "x", {"regex": "^a"})),
    (("not_null", "x", {"mostly": 0.9}), ("expect_column_values_to_not_be_null", "x", {"mostly": 0.9})),
    (("unique", "x", {}), ("expect_column_values_to_be_unique", "x", {})),
    (("unique", "x|y", {}), ("expect_compound_columns_to_be_unique", None, {"column_list": ["x", "y"]})),
    (("row_count", None, {"min": 1}), ("expect_table_row_count_to_be_between", None, {"min_value": 1})),
]  # fmt: skip


@pytest.mark.parametrize(("short", "whole"), PAIRS)
def test_a_short_form_runs_an_expectation_which_can_be_said_shorter_again(short: Said, whole: Said) -> None:
    expectation, column, parameters = whole
    assert resolve_check(*short) == QualityCheck(expectation, column, "critical", parameters)
    assert shorten_check(*whole) == short


@pytest.mark.parametrize(
    "whole",
    [
        (BETWEEN, "x", {"min_value": 0, "row_condition": "y > 1"}),
        (BETWEEN, None, {"min_value": 0}),
        (IN_SET, "x", {"mostly": 1}),
        ("expect_column_max_to_be_between", "x", {"min_value": 0}),
    ],
)
def test_what_no_short_form_says_stays_as_it_is(whole: Said) -> None:
    assert shorten_check(*whole) == whole


def test_a_reference_is_to_the_column_of_the_same_name_unless_it_says_another() -> None:
    same = resolve_check("referential", "city", {"source": "cities"})
    assert (same.expect, same.parameters) == ("referential", {"source": "cities", "field": "city"})
    other = resolve_check("referential", "town", {"source": "cities", "field": "city"})
    assert (other.column, other.parameters["field"]) == ("town", "city")
