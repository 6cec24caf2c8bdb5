"""Names of tables: plain parts as ever, and parts in quotes to the letter."""

from __future__ import annotations

import pytest

from headwater.metadata.static.cell_types import _table_problem
from headwater.metadata.static.table_names import Part, parts_of, table_name
from tests.support.hostile import NAMES, params

CONTROL = ["newline", "carriage_return", "tab", "terminal_escape"]


@pytest.mark.parametrize("text", params(NAMES, leaving_out=CONTROL))
def test_any_name_can_be_written_in_quotes(text: str) -> None:
    named = table_name("public", text)
    assert [part.text for part in parts_of(named) or ()] == ["public", text]
    assert _table_problem(named) is None


def test_a_plain_name_keeps_its_meaning() -> None:
    assert parts_of("shop.orders") == (Part("shop", False), Part("orders", False))
    assert table_name("shop", "orders") == "shop.orders"
    assert table_name("public", "User") == 'public."User"'


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "Orders",
        "public.User",
        "a.",
        ".a",
        'a."b',
        'a.""',
        'a."b"c',
        'a."b""',
        "a.b.c.d",
        "a b",
        "a;b",
        'a."b\n"',
    ],
)
def test_what_is_no_name_of_a_table_is_refused_with_what_is_expected(cell: str) -> None:
    assert parts_of(cell) is None
    _, expected = _table_problem(cell) or ("", "")
    assert 'public."User"' in expected
