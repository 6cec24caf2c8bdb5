"""The part that the name of a file says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headwater.extract.offers.part_in_name import part_in_name
from headwater.metadata.errors import PublisherError
from headwater.metadata.static.model import Source
from tests.support.sources import make_source


def source(pattern: str, *partition_by: str, datatype: str = "text") -> Source:
    made = make_source(options={"file_pattern": pattern}, delivery_type="partition_snapshot")
    attributes = tuple(replace(one, target_datatype=datatype) for one in made.attributes)
    return replace(made, attributes=attributes, partition_by=partition_by)


def test_groups_named_like_partition_attributes_say_the_part() -> None:
    found = part_in_name(source(r"(?P<b>[A-Z]+)-(?P<a>\d+)-(?P<date>\d{8})", "a", "b"), "x/DE-7-20260101.csv")

    assert found == {"a": "7", "b": "DE"}


def test_without_such_groups_the_rows_say_it() -> None:
    assert part_in_name(source(r"(?P<date>\d{8})", "b"), "20260101.csv") is None
    assert part_in_name(make_source(), "20260101.csv") is None


@pytest.mark.parametrize(
    ("pattern", "name", "datatype", "why"),
    [
        (r"(?P<b>DE|FR)?-\d+", "-20260101", "varchar(2)", "None in its name is no b, expected a text"),
        (
            r"(?P<b>\w+)",
            "007",
            "integer",
            "'007' in its name is no b, expected a whole number without leading zeros",
        ),
        (r"(?P<b>\w+)", "1234567890", "integer", "'1234567890' in its name is no b"),
        (r"(?P<b>\w+)", "٣", "bigint", "'٣' in its name is no b"),
    ],
)
def test_a_name_that_says_no_part_is_refused(pattern: str, name: str, datatype: str, why: str) -> None:
    with pytest.raises(PublisherError) as refused:
        part_in_name(source(pattern, "b", datatype=datatype), name)

    assert why in str(refused.value)
    assert "(?P<b>…)" in str(refused.value)
