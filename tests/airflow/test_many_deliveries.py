"""The page Deliveries of a source with ten thousand deliveries."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.airflow.delivered import Source
from tests.airflow.page import Visitor, rows_of


@pytest.fixture
def many(towns: Source) -> Iterator[None]:
    """Ten thousand more deliveries of `ratings`, which nobody runs meanwhile."""
    from tests.support.many_deliveries import REMOVE, statements

    for statement in statements(10_000, ("ratings",), above=1_000_000):
        towns.query(statement)
    yield
    for statement in REMOVE.format(above=1_000_000).split(";"):
        towns.query(statement)


@pytest.mark.usefixtures("many")
def test_of_ten_thousand_deliveries_a_page_shows_fifty_and_leads_on(guest: Visitor) -> None:
    page = guest.page("/list?source=ratings")
    assert len([row for row in rows_of(page) if row[0].isdecimal()]) == 50
    assert len(page) < 150_000
    (older,) = re.findall(r'rel="next" href="/deliveries(/list[^"]+)"', page)
    following = guest.page(older.replace("&amp;", "&"))
    numbers = [[int(row[0]) for row in rows_of(one) if row[0].isdecimal()] for one in (page, following)]
    assert len(numbers[1]) == 50
    assert not set(numbers[0]) & set(numbers[1])
    (row,) = [row for row in rows_of(guest.page("/")) if row[0] == "ratings"]
    assert row[-1].startswith("10,0")
