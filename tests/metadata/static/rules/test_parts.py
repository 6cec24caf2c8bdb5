"""The rules of parts: which attributes may tell the parts of a source apart."""

from __future__ import annotations

import pytest

from tests.support.seeds import EditableSeeds


def give_parts(seeds: EditableSeeds, partition_by: str, kind: str = "partition_snapshot") -> None:
    """Make the cities a source of parts. An older file has no such column."""
    seeds.edit("source", "city,snapshot", f"city,{kind}")
    seeds.edit("source", "max_fallen_out_pct,description", "max_fallen_out_pct,description,partition_by")
    seeds.edit("source", "1.5,A city", f"1.5,A city,{partition_by}")
    seeds.edit("source", ",A sale", ",A sale,")


def test_a_key_and_a_tracked_attribute_tell_parts_apart(seeds: EditableSeeds) -> None:
    give_parts(seeds, "city_id|name")

    assert seeds.messages() == []


@pytest.mark.parametrize(
    ("partition_by", "kind", "messages"),
    [
        (
            "",
            "partition_snapshot",
            [
                "seeds/source.csv:2: partition_by: is blank for a partition_snapshot, expected the target names that"
                " tell its parts apart, separated by |"
            ],
        ),
        (
            "name",
            "snapshot",
            [
                "seeds/source.csv:2: partition_by: stands for a snapshot, expected a blank cell, or delivery_type"
                " partition_snapshot"
            ],
        ),
        (
            "region",
            "partition_snapshot",
            [
                'seeds/source.csv:2: partition_by: "region" is not an attribute of "cities", expected target names'
                " among city_id, name, latitude, bus_line, separated by |"
            ],
        ),
        (
            "name|name",
            "partition_snapshot",
            ['seeds/source.csv:2: partition_by: "name" stands twice, expected each attribute once'],
        ),
        (
            "bus_line",
            "partition_snapshot",
            [
                'seeds/attribute.csv:6: is_tracked: "bus_line" is in partition_by: history would not see a row go to'
                " another part, expected true",
                'seeds/attribute.csv:6: is_optional: "bus_line" is in partition_by: a file without it would be'
                " complete for a part without a name, expected false",
            ],
        ),
    ],
)
def test_parts_that_cannot_be_told_get_their_message(
    seeds: EditableSeeds, partition_by: str, kind: str, messages: list[str]
) -> None:
    give_parts(seeds, partition_by, kind)

    assert seeds.messages() == messages


def test_a_source_that_does_not_load_changes_has_its_parts_in_the_key(seeds: EditableSeeds) -> None:
    give_parts(seeds, "city_id|name")
    seeds.edit("source", 'warning""}]",,,,', 'warning""}]",,false,,')

    assert seeds.messages() == [
        'seeds/source.csv:2: load_changed: is false, and "name" in partition_by is no key: history would not'
        " see a row go to another part, expected true, or key attributes in partition_by"
    ]


def test_a_name_says_a_whole_part_or_none_and_in_plain_values(seeds: EditableSeeds) -> None:
    give_parts(seeds, "latitude|name")
    seeds.edit("source_attribute", "cities-(?P<date>", "(?P<latitude>.+)-(?P<date>")

    assert seeds.messages() == [
        'seeds/attribute.csv:4: target_datatype: "latitude" is a group of the file_pattern and a numeric(9,6), expected'
        " text, varchar or a whole number: what a name holds is compared with it",
        'seeds/source_attribute.csv:2: value: file_pattern has a group "latitude", and none "name", expected'
        " (?P<name>…), too, or no group of partition_by",
    ]
