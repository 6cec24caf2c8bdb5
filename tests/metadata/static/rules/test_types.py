"""The rules of datatypes and their formats, each with its message."""

from __future__ import annotations

import pytest

from tests.support.seeds import Broken, EditableSeeds

BROKEN = {
    "a_datatype_that_postgres_does_not_know": Broken(
        "attribute",
        "city_id,integer",
        "city_id,datetime",
        [
            'seeds/attribute.csv:2: target_datatype: "datetime" is not a datatype of an attribute, '
            "expected timestamp"
        ],
    ),
    "json_instead_of_jsonb": Broken(
        "attribute",
        "amount_eur,numeric",
        "amount_eur,json",
        ['seeds/attribute.csv:9: target_datatype: "json" is not a datatype of an attribute, expected jsonb'],
    ),
    "more_digits_behind_the_point_than_digits": Broken(
        "attribute",
        "numeric(9,6)",
        "numeric(6,9)",
        [
            'seeds/attribute.csv:4: target_datatype: "numeric(6,9)" has digits that Postgres does not know, '
            "expected numeric(p,s) with p from 1 to 1000 and s from 0 to p"
        ],
    ),
    "a_format_for_a_number": Broken(
        "attribute",
        "amount_eur,numeric,",
        "amount_eur,numeric,0.00",
        [
            'seeds/attribute.csv:9: format: "0.00" does not say how a number is written, '
            "expected 1.234,56 or 1 234,56 or 1234,56, with the signs of the source"
        ],
    ),
    "a_format_without_the_year": Broken(
        "attribute",
        "DD.MM.YYYY",
        "DD.MM.",
        ['seeds/attribute.csv:7: format: "DD.MM." has no YYYY, expected YYYY MM DD in it'],
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_broken_metadata_gets_its_message(seeds: EditableSeeds, broken: Broken) -> None:
    assert seeds.messages_of(broken) == broken.messages
