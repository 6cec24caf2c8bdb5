"""Names of columns as ours."""

from __future__ import annotations

import pytest

from headwater.metadata.static.naming import SAFE_NAME
from headwater.new_source.names import target_name


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
def test_our_name_is_safe_and_free(source_name: str, ours: str) -> None:
    assert target_name(source_name, 7, {"taken"}) == ours
    assert SAFE_NAME.fullmatch(ours)
