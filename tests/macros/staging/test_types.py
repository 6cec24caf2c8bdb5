"""Which texts become values of a type, and which fall out: only canonical forms are cast."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from tests.macros.conftest import HistoryLab

EVERYWHERE_WRONG = (
    "",
    " ",
    "x",
    "today",
    "now",
    "infinity",
    "-infinity",
    "NaN",
    "1_000",
    "0x1F",
    "1,5",
    "\n",
)
NO_NUMBER = (*EVERYWHERE_WRONG, "Infinity", "inf", "nan", " 5", "5 ", "5\n", "\t5", "--5", "5-", "+-5", "-", "+", "0b1", "0o7", "٣", "$5", "5%")  # fmt: skip
NO_WHOLE_NUMBER = (*NO_NUMBER, "1.0", "1.", "1e3", "5e0", ".5")
NO_MOMENT = (*EVERYWHERE_WRONG, "epoch", "yesterday", "tomorrow", "allballs", "20260228", "J2451187")


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


CASES: list[tuple[str, str | None, Mapping[str, Any], Iterable[str]]] = [
    ("text", None, {"": "", " a ": " a ", "today": "today", "ä\n": "ä\n"}, ()),
    ("varchar(3)", None, {"": "", "abc": "abc", "äöü": "äöü", "a  ": "a  "}, ("abcd", "abc ", "äöüß")),
    (
        "smallint",
        None,
        {"0": 0, "-32768": -32768, "32767": 32767, "+5": 5, "007": 7, "-0": 0},
        (*NO_WHOLE_NUMBER, "32768", "-32769"),
    ),
    (
        "integer",
        None,
        {"-2147483648": -(2**31), "2147483647": 2**31 - 1},
        (*NO_WHOLE_NUMBER, "2147483648", "-2147483649", "99999999999999999999"),
    ),
    (
        "bigint",
        None,
        {"-9223372036854775808": -(2**63), "9223372036854775807": 2**63 - 1},
        (*NO_WHOLE_NUMBER, "9223372036854775808", "-9223372036854775809"),
    ),
    (
        "numeric",
        None,
        {
            "1.50": Decimal("1.50"), "-.5": Decimal("-0.5"), "5.": Decimal(5), "1e3": Decimal(1000),
            "1E-2": Decimal("0.01"), "+7": Decimal(7), "1e400": Decimal("1e400"), "0.1234567890123456789": Decimal("0.1234567890123456789"),
        },
        (*NO_NUMBER, "1.5.2", "e5", "1e", ".", "1e131073", "1 000"),
    ),
    (
        "numeric(5,2)",
        None,
        {"123.45": Decimal("123.45"), "123.4500": Decimal("123.45"), "-1": Decimal(-1), "1e2": Decimal(100), "999.99": Decimal("999.99")},
        (*NO_NUMBER, "123.456", "0.001", "1e-3", "999.995", "1000", "1234.5", "99999"),
    ),
    ("numeric(3,0)", None, {"999": Decimal(999), "7.0": Decimal(7)}, (*NO_NUMBER, "7.1", "1000", "999.5")),
    ("real", None, {"1.5": 1.5, "-1e10": -1e10, "0": 0.0}, (*NO_NUMBER, "1e39", "1e400", "1e-60")),
    (
        "double precision",
        None,
        {"0.1": 0.1, "1e308": 1e308, "-5.": -5.0},
        (*NO_NUMBER, "1e309", "1e400", "-1e400", "1e-400"),
    ),
    (
        "boolean",
        None,
        {"true": True, "False": False, "T": True, "f": False},
        (*EVERYWHERE_WRONG, "yes", "no", "y", "on", "1", "0", "tru", " true", "true "),
    ),
    ("boolean", "Y|N", {"Y": True, "N": False}, (*EVERYWHERE_WRONG, "y", "n", "true", "t", "1", " Y")),
    ("boolean", "it's|'", {"it's": True, "'": False}, ("its", "''")),
    (
        "date",
        None,
        {"2026-02-28": date(2026, 2, 28), "2024-02-29": date(2024, 2, 29), "0001-01-01": date(1, 1, 1)},
        (
            *NO_MOMENT, "2026-02-30", "2026-02-29", "2026-13-01", "2026-00-10", "2026-2-8", "26-02-28", "01/02/2026",
            "2026/02/28", "2026-02-28 00:00", "2026-02-28T00:00", " 2026-02-28", "2026-02-28 ", "2026-02-28\n",
            "2026-02-28 BC", "0000-01-01", "12026-02-28", "2026-Feb-28", "28.02.2026", "2026-02-28Z", "2026-059",
        ),
    ),
    (
        "date",
        "DD/MM/YYYY",
        {"28/02/2026": date(2026, 2, 28), "01/02/2026": date(2026, 2, 1)},
        (*NO_MOMENT, "02/28/2026", "30/02/2026", "2026-02-28", "28/02/26", "28/2/2026", "1/02/2026", "28-02-2026", "28/02/2026 "),
    ),
    (
        "date",
        "MM/DD/YYYY",
        {"02/28/2026": date(2026, 2, 28), "01/02/2026": date(2026, 1, 2)},
        (*NO_MOMENT, "28/02/2026", "02/30/2026"),
    ),
    ("date", "YYYYMMDD", {"20260228": date(2026, 2, 28)}, ("2026022", "202602281", "20260230", "2026-02-28", "today")),
    (
        "date",
        "DD Month YYYY",
        {"30 October 2026": date(2026, 10, 30), "05 May 2026": date(2026, 5, 5), "5 May 2026": date(2026, 5, 5)},
        (*NO_MOMENT, "31 February 2026", "30 october 2026", "30 Oct 2026", "30 Oktober 2026", "30  October 2026", "32 May 2026"),
    ),
    (
        "date",
        "Mon DD, YYYY",
        {"Feb 03, 2026": date(2026, 2, 3), "May 31, 2026": date(2026, 5, 31)},
        ("February 03, 2026", "feb 03, 2026", "Feb 30, 2026", "Feb 03 2026", "Sept 03, 2026"),
    ),
    ("date", "YYYY.MM.DD", {"2026.02.28": date(2026, 2, 28)}, ("2026-02-28", "2026x02x28", "20260228")),
    (
        "time",
        None,
        {"00:00": time(0), "23:59:59": time(23, 59, 59), "01:02:03.123456": time(1, 2, 3, 123456), "12:30:00.5": time(12, 30, 0, 500000)},
        (
            *NO_MOMENT, "24:00", "24:00:00", "23:60", "23:59:60", "7:00", "07:00:00.1234567", "23:59:59Z", "23:59+02",
            "12:30 PM", " 12:30", "1230", "12",
        ),
    ),
    ("time", "HH24.MI", {"23.59": time(23, 59), "00.00": time(0)}, ("23:59", "24.00", "23.60", "2359", "9.30")),
    ("time", "HH24:MI:SS", {"23:59:58": time(23, 59, 58)}, ("23:59", "23:59:60", "23:59:58.1234567", "24:00:00")),
    (
        "timestamp",
        None,
        {
            "2026-02-28 23:59": datetime(2026, 2, 28, 23, 59), "2026-02-28T23:59:58": datetime(2026, 2, 28, 23, 59, 58),
            "2026-02-28 00:00:00.123456": datetime(2026, 2, 28, 0, 0, 0, 123456),
        },
        (
            *NO_MOMENT, "2026-02-28", "2026-02-28 24:00", "2026-02-30 00:00", "2026-02-28 12:00Z", "2026-02-28 12:00+02",
            "2026-02-28 12:00 UTC", "2026-02-28 12:00:00.1234567", "2026-02-28  12:00", "2026-02-28t12:00",
            "28/02/2026 12:00", "2026-02-28 12:00 PM",
        ),
    ),
    (
        "timestamp",
        "DD.MM.YYYY HH24:MI",
        {"28.02.2026 23:59": datetime(2026, 2, 28, 23, 59)},
        ("28.02.2026", "28.02.2026 24:00", "2026-02-28 23:59", "28.02.2026 23:59:00", "30.02.2026 00:00"),
    ),
    ("timestamp", "YYYY-MM-DD", {"2026-02-28": datetime(2026, 2, 28)}, ("2026-02-28 00:00", "2026-02-30")),
    (
        "timestamptz",
        None,
        {
            "2026-02-28 23:59Z": at(2026, 2, 28, 23, 59), "2026-02-28T12:00:00+02:00": at(2026, 2, 28, 10),
            "2026-02-28 12:00:00.5-0130": at(2026, 2, 28, 13, 30, 0, 500000), "2026-02-28 12:00 +02": at(2026, 2, 28, 10),
            "2026-02-28 12:00 UTC": at(2026, 2, 28, 12),
        },
        (
            *NO_MOMENT, "2026-02-28", "2026-02-28 12:00", "2026-02-28T12:00:00", "2026-02-28 12:00 Europe/Berlin",
            "2026-02-28 12:00 CET", "2026-02-28 12:00+2", "2026-02-28 12:00+99", "2026-02-28 24:00Z", "2026-02-30 12:00Z",
            "2026-02-28 12:00:00.1234567Z", "2026-02-28 12:00z",
        ),
    ),
    (
        "timestamptz",
        "DD/MM/YYYY HH24:MI:SS",  # a format has no zone: it is UTC
        {"28/02/2026 23:59:58": at(2026, 2, 28, 23, 59, 58)},
        ("28/02/2026 23:59", "28/02/2026 23:59:58Z", "28/02/2026 23:59:60", "28/02/2026 24:00:00", "30/02/2026 00:00:00"),
    ),
    ("timestamptz", "YYYYMMDD", {"20260228": at(2026, 2, 28)}, ("20260230", "2026022", "2026-02-28")),
    (
        "uuid",
        None,
        {
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11": uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
            "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11": uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        },
        (
            *EVERYWHERE_WRONG, "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "a0eebc999c0b4ef8bb6d6bb9bd380a11",
            "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
        ),
    ),
    (
        "jsonb",
        None,
        {'{"a": [1, null]}': {"a": [1, None]}, "5": 5, '"x"': "x", " [] ": []},
        ("", "x", "NaN", "{a: 1}", "{'a': 1}", '{"a": 1', '"\\u0000"', "1_000", "0x1F"),
    ),
]  # fmt: skip


def judged(
    history_lab: HistoryLab, data_type: str, form: str | None, texts: Iterable[str | None]
) -> list[Any]:
    """Per text: (whether it falls out, its value), by the expressions of staging."""
    arguments = {"text": "t", "data_type": data_type, "format": form}
    rule, cast = history_lab.dbt.transaction(("fits_type", arguments), ("cast_text", arguments))
    statement = (
        f"select ({rule}) is false, case when {rule} then {cast} end from unnest(cast(:texts as text[])) as t"
    )
    with history_lab.database.connect() as connection:
        return [
            tuple(row)
            for row in connection.execute(
                sa.text(statement.replace(":[", "\\:[").replace("(?:", "(?\\:").replace("::", "\\:\\:")),
                {"texts": list(texts)},
            )
        ]


@pytest.mark.parametrize(
    ("data_type", "form", "values"),
    [pytest.param(t, f, values, id=f"{t} {f or ''}".strip()) for t, f, values, _ in CASES],
)
def test_canonical_texts_are_cast(history_lab, data_type, form, values):
    found = judged(history_lab, data_type, form, values)
    assert dict(zip(values, found, strict=True)) == {text: (False, value) for text, value in values.items()}


@pytest.mark.parametrize(
    ("data_type", "form", "texts"),
    [pytest.param(t, f, texts, id=f"{t} {f or ''}".strip()) for t, f, _, texts in CASES if texts],
)
def test_all_other_texts_fall_out(history_lab, data_type, form, texts):
    found = judged(history_lab, data_type, form, texts)
    assert {text: value for text, (is_out, value) in zip(texts, found, strict=True) if not is_out} == {}


@pytest.mark.parametrize(("data_type", "form"), [(t, f) for t, f, _, _ in CASES])
def test_what_is_not_known_stays_null_and_does_not_fall_out(history_lab, data_type, form):
    assert judged(history_lab, data_type, form, [None]) == [(False, None)]
