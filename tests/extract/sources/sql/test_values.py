"""Values of databases as text: a column as a whole says what its values say one by one."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.extract.sources.sql.values import NoTextError, texts_of, to_text

ALIKE = [
    st.text(),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.binary(),
    st.datetimes(),
    st.decimals(),
    st.none(),
]


@given(
    st.sampled_from(ALIKE).flatmap(st.lists)
    | st.sampled_from(ALIKE).flatmap(lambda kind: st.lists(kind | st.none()))
    | st.lists(st.one_of(ALIKE))
)
def test_a_column_says_what_its_values_say(values: list[Any]) -> None:
    assert list(texts_of(values)) == list(map(to_text, values))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e22, "10000000000000000000000"), (1e-7, "0.0000001"), (float("-inf"), "-Infinity"), (-0.0, "-0.0"),
        (Decimal("1E+3"), "1000"), (True, "t"), (datetime(2026, 1, 31, 12, tzinfo=UTC), "2026-01-31 12:00:00+00:00"),
    ],
)  # fmt: skip
def test_a_value_keeps_all_that_it_says(value: Any, text: str) -> None:
    assert texts_of([value, value]) == [text, text]


def test_a_type_without_a_text_is_told() -> None:
    with pytest.raises(NoTextError, match="object"):
        texts_of([object()])
