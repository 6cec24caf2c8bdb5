"""Which texts become values of a type, and which fall out: only canonical forms are cast."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.macros.conftest import HistoryLab

# fmt: off
WRONG = ("", " ", "x", "today", "now", "infinity", "-infinity", "NaN", "1_000", "0x1F", "1,5", "\n")
NO_NUMBER = (
    *WRONG, "Infinity", "inf", "nan", " 5", "5 ", "5\n", "\t5", "--5", "5-", "+-5", "-", "+", "0b1", "0o7", "$5", "5%",
    "\N{ARABIC-INDIC DIGIT THREE}",
)
NO_WHOLE_NUMBER = (*NO_NUMBER, "1.0", "1.", "1e3", "5e0", ".5")
NO_MOMENT = (*WRONG, "epoch", "yesterday", "tomorrow", "allballs", "J2451187", "202602281")

A_DAY = date(2026, 2, 28)
A_UUID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
moment = datetime.fromisoformat

# type, format, what is cast and its value, what falls out
CASES: list[tuple[str, str | None, Mapping[str, Any], Iterable[str]]] = [
    ("text", None, {"": "", " a ": " a ", "today": "today", "\N{SNOWMAN}\n": "\N{SNOWMAN}\n"}, ()),
    (
        "varchar(3)", None,
        {"": "", "abc": "abc", "äöü": "äöü", "a  ": "a  "},
        ("abcd", "abc ", "äöüß"),
    ),
    (
        "smallint", None,
        {"0": 0, "-32768": -32768, "32767": 32767, "+5": 5, "007": 7, "-0": 0},
        (*NO_WHOLE_NUMBER, "32768", "-32769"),
    ),
    (
        "integer", None,
        {"-2147483648": -(2**31), "2147483647": 2**31 - 1},
        (*NO_WHOLE_NUMBER, "2147483648", "-2147483649", "99999999999999999999"),
    ),
    (
        "bigint", None,
        {"-9223372036854775808": -(2**63), "9223372036854775807": 2**63 - 1},
        (*NO_WHOLE_NUMBER, "9223372036854775808", "-9223372036854775809"),
    ),
    (
        "numeric", None,
        {
            "1.50": Decimal("1.50"), "-.5": Decimal("-0.5"), "5.": Decimal(5), "1e3": Decimal(1000), "+7": Decimal(7),
            "1E-2": Decimal("0.01"), "1e400": Decimal("1e400"),
            "0.1234567890123456789": Decimal("0.1234567890123456789"),
        },
        (*NO_NUMBER, "1.5.2", "e5", "1e", ".", "1e131073", "1 000"),
    ),
    (
        "numeric(5,2)", None,
        {"123.45": Decimal("123.45"), "123.4500": Decimal("123.45"), "1e2": Decimal(100), "-999.9": Decimal("-999.9")},
        (*NO_NUMBER, "123.456", "0.001", "1e-3", "999.995", "1000", "1234.5", "99999"),
    ),
    ("numeric(3,0)", None, {"999": Decimal(999), "7.0": Decimal(7)}, (*NO_NUMBER, "7.1", "1000", "999.5")),
    ("real", None, {"1.5": 1.5, "-1e10": -1e10, "0": 0.0}, (*NO_NUMBER, "1e39", "1e400", "1e-60")),
    (
        "double precision", None,
        {"0.1": 0.1, "1e308": 1e308, "-5.": -5.0},
        (*NO_NUMBER, "1e309", "1e400", "-1e400", "1e-400"),
    ),
    (
        "numeric", "1.234,56",
        {
            "1.234,56": Decimal("1234.56"), "-12.345.678": Decimal(-12345678), "1234,5": Decimal("1234.5"),
            "0,50": Decimal("0.50"), "999": Decimal(999), "+7": Decimal(7),
        },
        (
            *WRONG[:-2], "1,234.56", "1.23", "12.34,5", "1.2345", "1234.567,8", "1,2,3", ",5", "5,", ".5", "1e3", " 1",
            "1\n", "1,5 ",
        ),
    ),
    (
        "numeric(6,2)", "1,234.56",
        {"1,234.56": Decimal("1234.56")},
        ("1.234,56", "12,345.6", "1.234", "1,23", "1,234.567"),
    ),
    (
        "numeric(9,1)", "1 234,56",
        {"1 234,5": Decimal("1234.5"), "1\u00a0234\u202f567,0": Decimal("1234567.0")},
        ("1  234", "1.234,5", "1\t234", "1 23", "1 234,56"),
    ),
    ("double precision", "1234,56", {"0,1": 0.1, "-12345,5": -12345.5}, ("0.1", "1.234,5", "1 234", "1,2,3")),
    ("numeric", "1'234.56", {"1'234.5": Decimal("1234.5"), "1\u2019234": Decimal(1234)}, ("1,234", "1''234")),
    (
        "integer", "1,234",
        {"1,234": 1234, "-2,147,483,648": -(2**31), "7": 7},
        ("1.234", "1,23", "2,147,483,648", "1,234.0"),
    ),
    ("bigint", "1 234", {"1 234": 1234}, ("1,234", "1 2345", "1.0")),
    (
        "boolean", None,
        {"true": True, "False": False, "T": True, "f": False},
        (*WRONG, "yes", "no", "y", "on", "1", "0", "tru", " true", "true "),
    ),
    ("boolean", "Y|N", {"Y": True, "N": False}, (*WRONG, "y", "n", "true", "t", "1", " Y")),
    ("boolean", "it's|'", {"it's": True, "'": False}, ("its", "\'\'")),
    (
        "date", None,
        {"2026-02-28": A_DAY, "2024-02-29": date(2024, 2, 29), "0001-01-01": date(1, 1, 1)},
        (
            *NO_MOMENT, "2026-02-30", "2026-02-29", "2026-13-01", "2026-00-10", "2026-2-8", "26-02-28", "01/02/2026",
            "2026/02/28", "2026-02-28 00:00", "2026-02-28T00:00", " 2026-02-28", "2026-02-28 ", "2026-02-28\n",
            "20260228", "2026-02-28 BC", "0000-01-01", "12026-02-28", "2026-Feb-28", "28.02.2026", "2026-02-28Z",
            "2026-059",
        ),
    ),
    (
        "date", "DD/MM/YYYY",
        {"28/02/2026": A_DAY, "01/02/2026": date(2026, 2, 1)},
        (
            *NO_MOMENT, "02/28/2026", "30/02/2026", "2026-02-28", "28/02/26", "28/2/2026", "1/02/2026", "28-02-2026",
            "28/02/2026 ", "28/02/2026\n",
        ),
    ),
    (
        "date", "MM/DD/YYYY",
        {"02/28/2026": A_DAY, "01/02/2026": date(2026, 1, 2)},
        (*NO_MOMENT, "28/02/2026", "02/30/2026"),
    ),
    (
        "date", "FMMM/FMDD/YYYY",
        {"2/28/2026": A_DAY, "02/28/2026": A_DAY, "1/2/2026": date(2026, 1, 2), "12/01/2026": date(2026, 12, 1)},
        (*NO_MOMENT, "28/2/2026", "2/30/2026", "2/28/26", "002/28/2026", "/2/2026", "2-28-2026", "2/28/2026 "),
    ),
    (
        "date", "FMMM/FMDD/YY[1970]",
        {
            "2/28/26": A_DAY, "02/28/26": A_DAY, "1/2/70": date(1970, 1, 2), "12/01/69": date(2069, 12, 1),
            "1/2/99": date(1999, 1, 2), "1/2/00": date(2000, 1, 2), "2/29/00": date(2000, 2, 29),
        },
        (*NO_MOMENT, "28/2/26", "2/30/26", "2/28/2026", "2/28/6", "2/28/", "2/28/026", "2-28-26", "2/29/99"),
    ),
    ("date", "DDMMYY[2000]", {"280226": A_DAY, "010199": date(2099, 1, 1)}, (*NO_MOMENT, "28022026", "300226")),
    ("date", "YY[1950]-MM-DD", {"26-02-28": A_DAY, "50-01-01": date(1950, 1, 1)}, (*NO_MOMENT, "2026-02-28")),
    (
        "date", "DD-Mon-YY[1930]",
        {"28-Feb-26": A_DAY, "01-Jan-30": date(1930, 1, 1), "31-Dec-29": date(2029, 12, 31)},
        (*NO_MOMENT, "28-feb-26", "28-Feb-2026"),
    ),
    ("date", "DD Month YY[1970]", {"28 February 26": A_DAY, "1 May 70": date(1970, 5, 1)}, (*NO_MOMENT, "28 Feb 26")),
    ("timestamp", "DD/MM/YY[1970] HH24:MI", {"28/02/26 23:59": moment("2026-02-28 23:59")}, (*NO_MOMENT, "28/02/26")),
    ("timestamptz", "MM/DD/YY[1970]", {"02/28/26": moment("2026-02-28 00:00Z")}, (*NO_MOMENT, "02/28/2026")),
    ("date", "FMDD.MM.YYYY", {"8.02.2026": date(2026, 2, 8)}, ("8.2.2026", "30.02.2026")),
    ("date", "YYYYMMDD", {"20260228": A_DAY}, (*NO_MOMENT, "2026022", "20260230", "2026-02-28")),
    (
        "date", "DD Month YYYY",
        {"30 October 2026": date(2026, 10, 30), "05 May 2026": date(2026, 5, 5), "5 May 2026": date(2026, 5, 5)},
        (
            *NO_MOMENT, "31 February 2026", "30 october 2026", "30 Oct 2026", "30 Oktober 2026", "30  October 2026",
            "32 May 2026",
        ),
    ),
    (
        "date", "Mon DD, YYYY",
        {"Feb 28, 2026": A_DAY, "May 03, 2026": date(2026, 5, 3)},
        (*NO_MOMENT, "February 3, 2026", "feb 03, 2026", "Feb 30, 2026", "Feb 03 2026", "Sept 03, 2026", "Feb 3, 2026"),
    ),
    ("date", "YYYY.MM.DD", {"2026.02.28": A_DAY}, (*NO_MOMENT, "2026-02-28", "2026x02x28", "20260228")),
    (
        "time", None,
        {
            "00:00": time(0), "23:59:59": time(23, 59, 59), "01:02:03.123456": time(1, 2, 3, 123456),
            "12:30:00.5": time(12, 30, 0, 500000),
        },
        (
            *NO_MOMENT, "24:00", "24:00:00", "23:60", "23:59:60", "7:00", "07:00:00.1234567", "23:59:59Z", "23:59+02",
            "12:30 PM", " 12:30", "1230", "12",
        ),
    ),
    ("time", "HH24.MI", {"23.59": time(23, 59), "00.00": time(0)}, ("23:59", "24.00", "23.60", "2359", "9.30")),
    ("time", "HH24:MI:SS", {"23:59:58": time(23, 59, 58)}, ("23:59", "23:59:60", "23:59:58.1234567", "24:00:00")),
    (
        "timestamp", None,
        {
            "2026-02-28 23:59": moment("2026-02-28 23:59"), "2026-02-28T23:59:58": moment("2026-02-28 23:59:58"),
            "2026-02-28 00:00:00.123456": moment("2026-02-28 00:00:00.123456"),
        },
        (
            *NO_MOMENT, "2026-02-28", "2026-02-28 24:00", "2026-02-30 00:00", "2026-02-28 12:00Z",
            "2026-02-28 12:00+02", "2026-02-28 12:00 UTC", "2026-02-28 12:00:00.1234567", "2026-02-28  12:00",
            "2026-02-28t12:00", "28/02/2026 12:00", "2026-02-28 12:00 PM",
        ),
    ),
    (
        "timestamp", "DD.MM.YYYY HH24:MI",
        {"28.02.2026 23:59": moment("2026-02-28 23:59")},
        (*NO_MOMENT, "28.02.2026", "28.02.2026 24:00", "2026-02-28 23:59", "28.02.2026 23:59:00", "30.02.2026 00:00"),
    ),
    ("timestamp", "YYYY-MM-DD", {"2026-02-28": moment("2026-02-28")}, (*NO_MOMENT, "2026-02-28 00:00", "2026-02-30")),
    (
        "timestamptz", None,
        {
            "2026-02-28 23:59Z": moment("2026-02-28 23:59Z"), "2026-02-28T12:00:00+02:00": moment("2026-02-28 10:00Z"),
            "2026-02-28 12:00:00.5-0130": moment("2026-02-28 13:30:00.500Z"),
            "2026-02-28 12:00 +02": moment("2026-02-28 10:00Z"), "2026-02-28 12:00 UTC": moment("2026-02-28 12:00Z"),
        },
        (
            *NO_MOMENT, "2026-02-28", "2026-02-28 12:00", "2026-02-28T12:00:00", "2026-02-28 12:00 Europe/Berlin",
            "2026-02-28 12:00 CET", "2026-02-28 12:00+2", "2026-02-28 12:00+99", "2026-02-28 24:00Z",
            "2026-02-30 12:00Z", "2026-02-28 12:00:00.1234567Z", "2026-02-28 12:00z",
        ),
    ),
    (
        "timestamptz", "DD/MM/YYYY HH24:MI:SS",  # a format has no zone: it is UTC
        {"28/02/2026 23:59:58": moment("2026-02-28 23:59:58Z")},
        (
            *NO_MOMENT, "28/02/2026 23:59", "28/02/2026 23:59:58Z", "28/02/2026 23:59:60", "28/02/2026 24:00:00",
            "30/02/2026 00:00:00",
        ),
    ),
    ("timestamptz", "YYYYMMDD", {"20260228": moment("2026-02-28 00:00Z")}, ("20260230", "2026022", "2026-02-28")),
    (
        "uuid", None,
        {A_UUID: UUID(A_UUID), A_UUID.upper(): UUID(A_UUID)},
        (*WRONG, f"{{{A_UUID}}}", A_UUID.replace("-", ""), A_UUID.replace("a", "g"), A_UUID[:-1]),
    ),
    (
        "jsonb", None,
        {
            '{"a": [1, null]}': {"a": [1, None]}, "5": 5, '"x"': "x", " [] ": [],
            "[" + "[], " * 1000 + "1]": [[]] * 1000 + [1],  # long, and not deep
        },
        (
            "", "x", "NaN", "{a: 1}", "{'a': 1}", '{"a": 1', '"\\u0000"', "1_000", "0x1F", '"\\ud800"', "1e200000",
            "[" * 200_000, "[" * 5000 + "]" * 5000, '{"a":' * 600 + "1" + "}" * 600, "[" * 502 + "1" + "]" * 502,
        ),
    ),
]

# what a Postgres writes of its values is taken of a Postgres beside what is canonical, and nothing else
OF_POSTGRES: list[tuple[str, Iterable[str], Iterable[str]]] = [
    (
        "date", ("infinity", "-infinity", "10000-01-01", "5874897-12-31", "0044-03-15 BC", "2026-02-28"),
        (
            "Infinity", "+infinity", "infinit", "today", "now", "epoch", "2026-02-30", "5874898-01-01",
            "2026-02-28 12:00:00", "2026-02-28 00:00:00+00",
            "2026-02-29 BC", "01/02/2026", "2026-02-28 AD", "", " infinity", "infinity ",
            "2026-02-28\n", "NaN",
        ),
    ),
    (
        "timestamp",
        ("infinity", "-infinity", "10000-01-01 00:00:00", "0044-03-15 12:00:00.5 BC", "2026-02-28 23:59:58"),
        (
            "2026-02-28 12:00:00+00", "2026-02-28", "2026-02-28 24:00:01", "today", "0044-03-15 12:00:00+00 BC",
            "infinity+00", "294277-01-01 00:00:00",
        ),
    ),
    (
        "timestamptz",
        (
            "infinity", "-infinity", "10000-01-01 00:00:00+00", "0044-03-15 12:00:00+00 BC",
            "1900-01-01 00:00:00+00:53:28", "2026-02-28 12:00:00-03:30",
        ),
        ("2026-02-28 12:00:00", "10000-01-01 00:00:00", "2026-02-28 12:00:00 BC", "2026-02-28 12:00 CET", "now"),
    ),
    ("time", ("24:00:00", "23:59:59.999999"), ("24:00:01", "12:00:00+00", "24:00", "allballs", "infinity")),
    (
        "numeric", ("NaN", "Infinity", "-Infinity", "1e300", "0.05"),
        ("nan", "inf", "infinity", "+Infinity", "1_000", "0x1F", " 1"),
    ),
    ("numeric(6,2)", ("NaN", "1.50", "9999.99"), ("Infinity", "-Infinity", "1.555", "10000", "nan")),
    ("real", ("NaN", "Infinity", "-Infinity", "1e+20"), ("nan", "1e300", "inf")),
    ("double precision", ("NaN", "Infinity", "-Infinity", "1e+300"), ("nan", "1e400", "0x1F")),
    ("integer", ("5", "-2147483648"), ("NaN", "Infinity", "infinity", "1.0")),
    ("boolean", ("t", "f"), ("infinity", "1", "yes")),
    ("text", ("infinity", "today"), ()),
]
# fmt: on


def judged(
    history_lab: HistoryLab, data_type: str, form: str | None, texts: Iterable[str | None], **more: str
) -> list[Any]:
    """Per text: whether it falls out, and its value, by the expressions of staging."""
    rule = history_lab.dbt.rendered("is_castable", text="t", data_type=data_type, format=form, **more)
    cast = history_lab.dbt.rendered("cast_text", text="t", data_type=data_type, format=form)
    rule, cast = rule.replace("%", "%%"), cast.replace("%", "%%")
    is_told = "::text" if more else ""  # what Python has no value for
    statement = (
        f"select ({rule}) is false, (case when {rule} then {cast} end){is_told} from unnest(%s::text[]) as t"
    )
    connection = history_lab.database.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(statement, (list(texts),))
        return list(cursor.fetchall())
    finally:
        connection.close()


def named(cases: Iterable[tuple[Any, ...]]) -> list[Any]:
    return [pytest.param(*case, id=f"{case[0]} {case[1] or ''}".strip()) for case in cases]


@pytest.mark.parametrize(("data_type", "form", "values"), named((t, f, values) for t, f, values, _ in CASES))
def test_canonical_texts_are_cast(
    history_lab: HistoryLab, data_type: str, form: str | None, values: Mapping[str, Any]
) -> None:
    found = judged(history_lab, data_type, form, values)
    assert dict(zip(values, found, strict=True)) == {text: (False, value) for text, value in values.items()}


@pytest.mark.parametrize(("data_type", "form", "texts"), named((t, f, out) for t, f, _, out in CASES if out))
def test_all_other_texts_fall_out(
    history_lab: HistoryLab, data_type: str, form: str | None, texts: Iterable[str]
) -> None:
    found = judged(history_lab, data_type, form, texts)
    assert {text: value for text, (is_out, value) in zip(texts, found, strict=True) if not is_out} == {}


@pytest.mark.parametrize(("data_type", "form"), named((t, f) for t, f, _, _ in CASES))
def test_null_is_null_and_does_not_fall_out(
    history_lab: HistoryLab, data_type: str, form: str | None
) -> None:
    ((is_out, value),) = judged(history_lab, data_type, form, [None])
    assert (bool(is_out), value) == (False, None)


@given(first=st.integers(1000, 9900), data=st.data())
@settings(max_examples=25)
def test_two_digits_are_the_year_of_their_hundred_that_datetime_has(
    history_lab: HistoryLab, first: int, data: st.DataObject
) -> None:
    """Every year of the hundred, each on a day that it has."""
    form = data.draw(st.sampled_from(["FMMM/FMDD/", "MM/DD/", "FMMM-FMDD-"]))
    days = {}
    for year in range(first, first + 100):
        day = date(year, 1, 1) + timedelta(days=data.draw(st.integers(0, 364)))
        month, number = (day.month, day.day) if "FM" in form else (f"{day.month:02}", f"{day.day:02}")
        days[f"{month}{form[-1]}{number}{form[-1]}{day:%y}"] = day
    found = judged(history_lab, "date", f"{form}YY[{first}]", days)
    assert dict(zip(days, found, strict=True)) == {text: (False, day) for text, day in days.items()}


def test_the_window_of_python_reads_as_python_does(history_lab: HistoryLab) -> None:
    texts = [
        f"{day:%m/%d/%y}" for year in range(1969, 2069) for day in (date(year, 1, 1), date(year, 12, 31))
    ]
    found = judged(history_lab, "date", "MM/DD/YY[1969]", texts)
    expected = [datetime.strptime(text, "%m/%d/%y").date() for text in texts]  # noqa: DTZ007
    assert found == [(False, day) for day in expected]


@pytest.mark.parametrize(
    ("data_type", "values", "others"), [pytest.param(*case, id=case[0]) for case in OF_POSTGRES]
)
def test_of_a_postgres_its_own_values_are_taken_as_it_writes_them(
    history_lab: HistoryLab, data_type: str, values: Iterable[str], others: Iterable[str]
) -> None:
    taken = judged(history_lab, data_type, None, values, value_syntax="postgres")
    assert [(text, is_out) for text, (is_out, _) in zip(values, taken, strict=True)] == [
        (t, False) for t in values
    ]
    assert None not in [value for _, value in taken]
    left = judged(history_lab, data_type, None, others, value_syntax="postgres")
    assert {text: value for text, (is_out, value) in zip(others, left, strict=True) if not is_out} == {}
    ((is_out, value),) = judged(history_lab, data_type, None, [None], value_syntax="postgres")
    assert (bool(is_out), value) == (False, None)


def test_what_a_format_says_holds_of_a_postgres_too(history_lab: HistoryLab) -> None:
    found = judged(history_lab, "date", "DD/MM/YYYY", ["28/02/2026", "infinity"], value_syntax="postgres")
    assert [is_out for is_out, _ in found] == [False, True]
