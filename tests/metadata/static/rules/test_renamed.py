"""The rules of columns that a publisher renames, each with its message."""

from __future__ import annotations

import pytest

from tests.support.seeds import Broken, EditableSeeds

BROKEN = {
    "a_later_name_of_no_column": Broken(
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,renamed_columns,name=Label|Name=|Name=lat|Name=N=1|lat=latitude|id=latitude",
        [
            'seeds/source_attribute.csv:3: value: renamed_columns: "name=Label" begins with no column of the source, '
            "expected source_name=its later name",
            'seeds/source_attribute.csv:3: value: renamed_columns: "Name=" has no later name, '
            "expected source_name=its later name",
            'seeds/source_attribute.csv:3: value: renamed_columns: "lat" is the source_name of an attribute, '
            "expected a name that none has",
            'seeds/source_attribute.csv:3: value: renamed_columns: "latitude" stands for lat and for id, '
            "expected one column for each name",
        ],
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_broken_metadata_gets_its_message(seeds: EditableSeeds, broken: Broken) -> None:
    assert seeds.messages_of(broken) == broken.messages
