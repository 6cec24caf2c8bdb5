"""The datatype of a column by its values: what loses nothing, and text where that is in doubt."""

from __future__ import annotations

import pytest

from headwater.metadata.static.datatypes import datatype_problem, format_problem
from headwater.new_source.values import Typed, type_of

CASES = [
    (["1", "20", "-3"], "integer", None),
    (["1999", "2026"], "integer", None),
    (["007", "123"], "text", None),
    (["+1", "2"], "text", None),
    (["-0", "1"], "text", None),
    (["1_000", "2"], "text", None),
    (["9000000000"], "bigint", None),
    (["9" * 20], "numeric", None),
    (["1.5", "12.25", "3"], "numeric", None),
    (["0.1", ".5"], "numeric", None),
    (["0.123456789012345"], "numeric", None),
    (["1e+03", "2.5"], "numeric", None),
    (["01.5", "2.5"], "text", None),
    (["Infinity", "1"], "text", None),
    (["1.234,56", "0,5"], "numeric", "1.234,56"),
    (["1,234.56", "7.1"], "numeric", "1,234.56"),
    (["1 234,5", "12"], "numeric", "1 234,56"),
    (["1\u00a0234,5", "12"], "numeric", "1 234,56"),
    (["1'234", "5"], "integer", "1'234"),
    (["1,5", "12,75"], "numeric", "1234,56"),
    (["1,234,567", "12"], "bigint", "1,234"),
    (["999999"], "integer", None),
    (["1000000"], "bigint", None),
    (["19103", "10001", "60601"], "text", None),
    (["1999", "2026", "1850"], "integer", None),
    (["1,234", "12"], "text", None),
    (["1,234", "2,345", "3,456", "4,567", "15,678", "776"], "integer", "1,234"),
    (["1,234", "2,345", "3,456", "4,567", "15,678", "7766"], "text", None),
    (["60.000", "5"], "text", None),
    (["60.000", "1.500"], "text", None),
    (["60.000", "5000"], "numeric", None),
    (["40.639", "-73.778"], "numeric", None),
    (["1,23,456"], "text", None),
    (["2026-01-31", "1900-02-28"], "date", None),
    (["2026-02-30"], "text", None),
    (["31.01.2026"], "date", "DD.MM.YYYY"),
    (["31/01/2026", "01/02/2026"], "date", "DD/MM/YYYY"),
    (["01/31/2026", "01/02/2026"], "date", "MM/DD/YYYY"),
    (["01/02/2026"], "text", None),
    (["1/31/2026", "10/2/2026"], "date", "FMMM/FMDD/YYYY"),
    (["31-Jan-2026"], "date", "DD-Mon-YYYY"),
    (["30 October 2026", "1 May 2026"], "date", "DD Month YYYY"),
    (["Jan 05, 2026"], "date", "Mon DD, YYYY"),
    (["31/01/26"], "text", None),
    (["2026-01-31 10:00", "2026-01-31T10:00:01.5"], "timestamp", None),
    (["2026-01-31T10:00:00Z", "2026-01-31 10:00+02:00"], "timestamptz", None),
    (["2026-01-31T10:00:00Z", "2026-01-31 10:00"], "text", None),
    (["2026-01-31 10:00:00.1234567"], "text", None),
    (["31.01.2026 10:00", "01.02.2026 23:59"], "timestamp", "DD.MM.YYYY HH24:MI"),
    (["10:00", "23:59:59"], "time", None),
    (["24:00"], "text", None),
    (["true", "False"], "boolean", None),
    (["true", "maybe"], "text", None),
    (["Y", "N"], "boolean", "Y|N"),
    (["Y"], "text", None),
    (["6f9619ff-8b86-d011-b42d-00cf4fc964ff"], "uuid", None),
    (["6F9619FF-8B86-D011-B42D-00CF4FC964FF"], "text", None),
    (['{"a": 1}', "[2]"], "jsonb", None),
    (["{a}", "[b]"], "text", None),
    (["today"], "text", None),
    ([" 1"], "text", None),
    ([], "text", None),
]


@pytest.mark.parametrize(("values", "datatype", "form"), CASES, ids=lambda case: repr(case)[:40])
def test_the_type_loses_nothing(values: list[str], datatype: str, form: str | None) -> None:
    found = type_of(values, "column")
    assert (found.datatype, found.format) == (datatype, form)


@pytest.mark.parametrize(("values", "datatype", "form"), CASES, ids=lambda case: repr(case)[:40])
def test_what_is_proposed_may_stand_in_the_seeds(values: list[str], datatype: str, form: str | None) -> None:
    assert datatype_problem(datatype) is None
    assert form is None or format_problem(datatype, form) is None
    for other, way in type_of(values, "column").others:
        assert way == "1234.56" or format_problem(other, way) is None


def test_null_tokens_are_those_of_a_column_that_is_otherwise_no_text() -> None:
    assert type_of(["1", "NA", "-", "2"], "n") == Typed("integer", None, ("-", "NA"))
    assert type_of(["NA", "DE"], "country").null_tokens == ()


def test_eight_digits_are_a_day_where_the_name_says_so() -> None:
    assert type_of(["20260131"], "order_date") == Typed("date", "YYYYMMDD")
    assert type_of(["20260131"], "order_number") == Typed(identifies=True)
    assert type_of(["20261331"], "order_date").datatype == "bigint"


def test_what_may_be_read_in_two_ways_is_named() -> None:
    assert {form for _, form in type_of(["01/02/2026"], "d").others} == {"DD/MM/YYYY", "MM/DD/YYYY"}
    assert type_of(["1,234"], "n").others == (("integer", "1,234"), ("numeric", "1234,56"))


@pytest.mark.parametrize(
    ("values", "nearly", "odd"),
    [
        (["1", "20", "drei"], ("integer", None), ("drei",)),
        (["1.234,50", "2,5", "zwei"], ("numeric", "1.234,56"), ("zwei",)),
        (["31.01.2026", "28.02.2026", "31.02.2026"], ("date", "DD.MM.YYYY"), ("31.02.2026",)),
        ([*map(str, range(60)), "x", "y", "z"], ("integer", None), ("x", "y", "z")),
        ([*map(str, range(60)), "w", "x", "y", "z"], None, ()),  # more than one in twenty
        (["1", "drei"], None, ()),  # one value proves nothing
        (["oak", "elm", "ash"], None, ()),
        (["01234", "23456", "34567"], None, ()),  # of one length: an identifier
        (["1", "2", "3"], None, ()),
    ],
)
def test_a_text_that_is_nearly_something_else_says_so(
    values: list[str], nearly: tuple[str, str | None] | None, odd: tuple[str, ...]
) -> None:
    found = type_of(values, "column")
    assert (found.nearly, found.odd) == (nearly, odd)
    assert (found.datatype == "text") is (values != ["1", "2", "3"])
