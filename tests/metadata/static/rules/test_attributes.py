"""The rules of attributes, each with its message."""

from __future__ import annotations

import pytest

from tests.support.seeds import Broken, EditableSeeds

BROKEN = {
    "an_optional_key": Broken(
        "attribute",
        "city_id,integer,,,true,,",
        "city_id,integer,,,true,,true",
        ["seeds/attribute.csv:2: is_optional: is true for a key, expected false: every row needs its key"],
    ),
    "a_geometry_as_key": Broken(
        "attribute",
        "city_id,integer,,,true,,",
        'city_id,"geometry(Point,4326)",,,true,,',
        [
            "seeds/attribute.csv:2: is_key: is true for a geometry(Point,4326), expected another key: two"
            " measurements of one place differ"
        ],
    ),
    "a_tracked_key": Broken(
        "attribute",
        "city_id,integer,,,true,,",
        "city_id,integer,,,true,true,",
        ["seeds/attribute.csv:2: is_tracked: is true for a key, expected a blank cell: a key cannot change"],
    ),
    "a_target_name_that_is_ours": Broken(
        "attribute",
        "Name,name,",
        "Name,valid_from,",
        [
            'seeds/attribute.csv:3: target_name: "valid_from" is a column that Headwater makes itself, '
            "expected another name"
        ],
    ),
    "a_target_name_that_macros_use": Broken(
        "attribute",
        "Name,name,",
        "Name,reject_reason,",
        [
            'seeds/attribute.csv:3: target_name: "reject_reason" is a column that Headwater makes itself, '
            "expected another name"
        ],
    ),
    "a_target_name_that_is_sql": Broken(
        "attribute",
        "Name,name,",
        "Name,order,",
        ['seeds/attribute.csv:3: target_name: "order" is a reserved word of SQL, expected another name'],
    ),
    "a_target_name_twice": Broken(
        "attribute",
        "Name,name,",
        "Name,city_id,",
        [
            'seeds/attribute.csv:3: target_name: "city_id" stands on line 2 already, '
            "expected each target_name once in a source"
        ],
    ),
    "two_attributes_in_one_raw_column": Broken(
        "attribute",
        "Name,name,",
        "_bus_line,name,",
        [
            'seeds/attribute.csv:6: target_name: needs the raw column "_bus_line", which line 3 has, '
            "expected another target name"
        ],
    ),
    "a_misspelled_null_token": Broken(
        "attribute",
        "NA|<empty>",
        "NA|<emtpy>",
        [
            'seeds/attribute.csv:4: null_tokens: "<emtpy>" is not a spelling, '
            r"expected one of <empty>, <none>, <space>, \t, \n, \r (perhaps <empty>)"
        ],
    ),
    "a_null_token_that_dbt_loses": Broken(
        "attribute",
        "NA|<empty>",
        "NULL",
        [
            'seeds/attribute.csv:4: null_tokens: "NULL" alone is a blank cell to dbt, '
            'expected another token beside it, such as "NULL|<empty>"'
        ],
    ),
    "white_space_that_nobody_sees": Broken(
        "attribute",
        "cities,Name,",
        "cities,Name ,",
        [
            'seeds/attribute.csv:3: source_name: "Name " begins or ends with white space, '
            'expected none, or "<space>" if it is intended'
        ],
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_broken_metadata_gets_its_message(seeds: EditableSeeds, broken: Broken) -> None:
    assert seeds.messages_of(broken) == broken.messages


def test_the_latest_value_is_kept_of_what_is_not_tracked_only(seeds: EditableSeeds) -> None:
    path = seeds.folder / "attribute.csv"
    header, *rows = path.read_text(encoding="utf-8").split("\n")
    text = (
        "\n".join(rows)
        .replace("Name of the city", "Name of the city,keep_latest")
        .replace("Bus line", "Bus line,keep_latest")
    )
    for description in ("Number of the city", 'in degrees"', "Day of the sale", "What was sold", 'in euro"'):
        text = text.replace(description, f"{description},")
    path.write_text(f"{header},untracked_policy\n{text}", encoding="utf-8")

    assert seeds.messages() == [
        "seeds/attribute.csv:3: untracked_policy: is keep_latest for an attribute whose every value is in history,"
        " expected a blank cell, or is_tracked false"
    ]
