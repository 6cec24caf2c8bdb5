"""Names of columns as ours, and what the name of a file says of its date."""

from __future__ import annotations

import re

import pytest

from headwater.new_source.names import pattern_of, target_name
from metadata.static.naming import SAFE_NAME


@pytest.mark.parametrize(
    ("source_name", "ours"),
    [
        ("Order ID", "order_id"),
        ("orderDate", "order_date"),
        ("HTTPCode", "http_code"),
        ("Größe (m²)", "grosse_m2"),
        ("share %", "share_pct"),
        ("address.city", "address_city"),
        ("2020", "column_2020"),
        ("order", "order_value"),
        ("valid_from", "valid_from_value"),
        ("ctid", "ctid_value"),
        ("日本", "column_7"),
        ("a\nb", "a_b"),
        ("x" * 80, "x" * 50),
        ("taken", "taken_2"),
    ],
)
def test_our_name_is_safe_and_free(source_name, ours):
    assert target_name(source_name, 7, {"taken"}) == ours
    assert SAFE_NAME.fullmatch(ours)


@pytest.mark.parametrize(
    ("name", "pattern", "date", "form"),
    [
        ("airports-20260315.csv", r"^airports-(?P<date>\d{8})\.csv$", "20260315", None),
        ("a 2026-03-15 (1).csv", r"^a (?P<date>\d{4}-\d{2}-\d{2}) \(1\)\.csv$", "2026-03-15", None),
        ("a_2026_03_15.xlsx", r"^a_(?P<date>\d{4}_\d{2}_\d{2})\.xlsx$", "2026_03_15", "%Y_%m_%d"),
        ("15.03.2026.csv.gz", r"^(?P<date>\d{2}\.\d{2}\.\d{4})\.csv\.gz$", "15.03.2026", "%d.%m.%Y"),
        ("flights-2013-01.csv", r"^flights-(?P<date>\d{4}-\d{2})\.csv$", "2013-01", None),
        ("flights-201301.csv", r"^flights-(?P<date>\d{6})\.csv$", "201301", "%Y%m"),
        ("order-12345678.csv", r"^order-12345678\.csv$", None, None),
        ("census_2000.csv", r"^census_2000\.csv$", None, None),
        ("plain.json", r"^plain\.json$", None, None),
    ],
)
def test_files_with_another_date_in_their_name_match(name, pattern, date, form):
    found = pattern_of(name)
    assert (found.pattern, found.date_format) == (pattern, form)
    match = re.search(found.pattern, name)
    assert match
    assert match.groupdict().get("date") == date
    assert found.options["date_from"] == ("name" if date else "header")
