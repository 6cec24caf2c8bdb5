"""`source.quality_checks` as expectations, and the message that each mistake in them gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.checks.expectations import extra_expectations, is_row_wise
from headwater.metadata.errors import CheckInvalid
from headwater.metadata.static.model import Source
from tests.support.packages import Install, installing

BETWEEN = {"expect": "expect_column_values_to_be_between", "column": "reading", "min_value": 0}


def names(source: Any) -> list[str]:
    return list(extra_expectations(source))


def test_parameters_severity_and_order_are_kept(make_source: Callable[..., Source]) -> None:
    source = make_source(
        BETWEEN | {"max_value": 10, "mostly": 0.9, "severity": "warning"},
        {"expect": "expect_column_pair_values_to_be_equal", "column_A": "region", "column_B": "note"},
        {"expect": "expect_compound_columns_to_be_unique", "column_list": ["region", "station"]},
        {"expect": "expect_table_row_count_to_be_between", "min_value": 1},
    )

    found = extra_expectations(source)

    assert list(found) == [
        "expect_column_values_to_be_between(reading)",
        "expect_column_pair_values_to_be_equal(region, note)",
        "expect_compound_columns_to_be_unique(region, station)",
        "expect_table_row_count_to_be_between",
    ]
    between: Any = found[
        "expect_column_values_to_be_between(reading)"
    ]  # its parameters are fields of its class
    assert (between.column, between.min_value, between.max_value, between.mostly) == ("reading", 0, 10, 0.9)
    assert between.severity == "warning"


@pytest.mark.parametrize(
    ("check", "row_wise"),
    [
        (BETWEEN, True),
        (BETWEEN | {"mostly": 0.99}, False),
        (BETWEEN | {"expect": "expect_column_mean_to_be_between"}, False),
        ({"expect": "expect_column_values_to_be_unique", "column": "note"}, False),
        ({"expect": "expect_compound_columns_to_be_unique", "column_list": ["note", "region"]}, False),
        (
            {
                "expect": "expect_column_value_z_scores_to_be_less_than",
                "column": "reading",
                "threshold": 3,
                "double_sided": True,
            },
            False,
        ),
        ({"expect": "expect_column_values_to_be_in_set", "column": "note", "value_set": ["a"]}, True),
    ],
)
def test_only_what_looks_at_one_row_is_row_wise(
    make_source: Callable[..., Source], check: dict[str, object], row_wise: bool
) -> None:
    (expectation,) = extra_expectations(make_source(check)).values()

    assert is_row_wise(expectation) is row_wise


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (
            {"expect": "expect_column_values_between", "column": "reading"},
            "quality check 'expect_column_values_between': Great Expectations has no such expectation;"
            " expected the name of one in snake case, such as expect_column_values_to_be_between",
        ),
        (
            {"expect": "expect_column_values_to_be_of_type", "column": "reading", "type_": "text"},
            "quality check expect_column_values_to_be_of_type: columns and types are the metadata's to say;"
            " expected an expectation about the values of a delivery",
        ),
        (
            BETWEEN | {"minimum": 3},
            "quality check expect_column_values_to_be_between: parameter 'minimum': is no parameter of it;"
            " expected one of column, condition_parser, description, max_value, min_value, mostly, notes,"
            " row_condition, strict_max, strict_min",
        ),
        (
            BETWEEN | {"min_value": "low"},
            "quality check expect_column_values_to_be_between: parameter 'min_value': 'low': value is not a"
            " valid float; expected float, date, datetime or None",
        ),
        (
            BETWEEN | {"mostly": 1.5},
            "quality check expect_column_values_to_be_between: parameter 'mostly': 1.5: ensure this value is"
            " less than or equal to 1.0; expected float",
        ),
        (
            {"expect": "expect_column_value_lengths_to_equal", "column": "note"},
            "quality check expect_column_value_lengths_to_equal: parameter 'value': field required;"
            " expected float",
        ),
        (
            {"expect": "expect_column_values_to_be_between", "column": "reading"},
            "quality check expect_column_values_to_be_between: min_value and max_value cannot both be None;"
            " expected parameters among column, condition_parser, description, max_value, min_value, mostly,"
            " notes, row_condition, strict_max, strict_min",
        ),
    ],
)
def test_a_mistake_names_source_check_parameter_and_what_was_expected(
    make_source: Callable[..., Source], check: dict[str, object], message: str
) -> None:
    with pytest.raises(CheckInvalid) as error:
        extra_expectations(make_source(check))

    assert str(error.value) == f"source readings: {message}"
    assert error.value.__cause__ is None


OF_A_PACKAGE = """
from typing import ClassVar
from great_expectations.expectations.core import ExpectColumnValuesToMatchRegex
class ExpectIt(ExpectColumnValuesToMatchRegex):
    regex: str = "^x"
class ExpectItBesideOthers(ExpectIt):
    compares_rows: ClassVar[bool] = True
def no_class(): ...
"""


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    with pytest.MonkeyPatch.context() as patch, installing(tmp_path / "packages", patch) as found:
        yield found


def test_a_check_of_a_package_is_an_expectation_as_any_other(
    make_source: Callable[..., Source], install: Install
) -> None:
    points = {"expect_it": "its_checks:ExpectIt", "expect_it_beside": "its_checks:ExpectItBesideOthers"}
    install("its-checks", OF_A_PACKAGE, checks=points)
    asked = {"column": "note", "regex": "^y", "severity": "warning"}
    found: dict[str, Any] = extra_expectations(make_source(*({"expect": name, **asked} for name in points)))
    assert list(found) == ["expect_it(note)", "expect_it_beside(note)"]
    assert [(one.regex, one.severity) for one in found.values()] == [("^y", "warning")] * 2
    assert [is_row_wise(one) for one in found.values()] == [True, False]
    with pytest.raises(
        CheckInvalid, match="quality check expect_it: parameter 'much': is no parameter of it"
    ):
        extra_expectations(make_source({"expect": "expect_it", "column": "note", "much": 1}))


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (
            "no_class",
            "is its_checks:no_class, which is no expectation; expected a class of one of Great Expectations'",
        ),
        (
            "nothing",
            "cannot be imported: its_checks:nothing raises AttributeError: module 'its_checks' has no attribute",
        ),
    ],
)
def test_a_check_of_a_package_that_cannot_be_used_is_told(
    make_source: Callable[..., Source], install: Install, value: str, why: str
) -> None:
    install("its-checks", OF_A_PACKAGE, checks={"expect_it": f"its_checks:{value}"})
    with pytest.raises(CheckInvalid) as refused:
        names(make_source({"expect": "expect_it", "column": "note"}))
    assert f'quality check expect_it: the check "expect_it" of its-checks 1.0 {why}' in str(refused.value)
