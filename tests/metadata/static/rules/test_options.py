"""The rules of options and of the dates that they hold from, each with its message."""

from __future__ import annotations

import pytest

from headwater.metadata.static.source_types import all_options
from tests.support.seeds import Broken, EditableSeeds

MOMENT = "a day such as 2026-01-31, or a moment in UTC such as 2026-01-31T18:00:00Z"
BROKEN = {
    "a_key_among_the_options_of_a_source": Broken(
        "source_attribute",
        "sales,delimiter,",
        "sales,api_key,",
        [
            'seeds/source_attribute.csv:6: name: "api_key" stands for a secret, '
            "expected only its name, in secret_ref of conn_str or conn_api"
        ],
    ),
    "an_unknown_option": Broken(
        "source_attribute",
        "sales,delimiter,",
        "sales,delimeter,",
        [
            'seeds/source_attribute.csv:6: name: "delimeter" is not an option, expected one of '
            f"{', '.join(all_options())} (perhaps delimiter)"
        ],
    ),
    "a_date_for_what_holds_always": Broken(
        "source_attribute",
        "cities,null_tokens,-|<empty>,",
        "cities,null_tokens,-|<empty>,2026-03-01",
        [
            "seeds/source_attribute.csv:3: valid_from: null_tokens does not say how a file is read, and holds for all "
            "deliveries, expected a blank cell; from a date on may hold zip_member, zip_members, format, record_path, "
            "fixed_columns, first_line, sheet, header_rows, skip_last_lines, skip_lines_matching, trailer_count, "
            "delimiter, encoding, quote_char, header_line, unpivot_keep, unpivot_name, unpivot_value, unpivot_skip"
        ],
    ),
    "dates_that_are_none": Broken(
        "source_attribute",
        "cities,null_tokens,-|<empty>,",
        "cities,encoding,latin1,1.3.2026\ncities,encoding,latin1,2026-02-30\ncities,encoding,latin1,2026-03-01T00:00:00Z\n"
        "cities,encoding,latin1,2026-03-01T18:00\ncities,encoding,latin1,20260301\n"
        "cities,encoding,latin1,2026-03-01T18:00:00+02:00",
        [
            f'seeds/source_attribute.csv:{line}: valid_from: "{cell}" is {wrong}'
            for line, cell, wrong in (
                (3, "1.3.2026", f"not a moment, expected {MOMENT}"),
                (4, "2026-02-30", f"not a moment, expected {MOMENT}"),
                (5, "2026-03-01T00:00:00Z", "the beginning of a day, expected 2026-03-01"),
                (6, "2026-03-01T18:00", f"not a moment, expected {MOMENT}"),
                (7, "20260301", f"not a moment, expected {MOMENT}"),
                (8, "2026-03-01T18:00:00+02:00", f"not a moment, expected {MOMENT}"),
            )
        ],
    ),
    "an_option_twice_from_one_date_on": Broken(
        "source_attribute",
        "cities,null_tokens,-|<empty>,",
        "cities,encoding,latin1,\ncities,encoding,latin1,2026-03-01\ncities,encoding,utf-8,2026-03-01\n"
        "cities,encoding,utf-8,2026-03-01T00:00:01Z\ncities,encoding,utf-16,",
        [
            'seeds/source_attribute.csv:5: valid_from: "2026-03-01" stands on line 4 already, '
            "expected each valid_from once in a source and name",
            'seeds/source_attribute.csv:7: name: "encoding" stands on line 3 already, '
            "expected each name once in a source",
        ],
    ),
    "characters_that_are_the_same_from_a_date_on": Broken(
        "source_attribute",
        "cities,null_tokens,-|<empty>,",
        "cities,delimiter,;,2026-03-01\ncities,quote_char,',2026-03-01\ncities,quote_char,;,2026-05-01",
        [
            'seeds/source_attribute.csv:5: value: quote_char ";" both separates and quotes, '
            "expected two different characters"
        ],
    ),
    "a_number_of_deliveries_to_keep_that_is_none": Broken(
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,keep_raw,0,\ncities,keep_staging,30 days",
        [
            'seeds/source_attribute.csv:4: value: keep_staging "30 days" is not a whole number from 0, '
            "expected 0, 1, 2 …"
        ],
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_broken_metadata_gets_its_message(seeds: EditableSeeds, broken: Broken) -> None:
    assert seeds.messages_of(broken) == broken.messages


def test_options_that_change_on_one_day_are_checked_together(seeds: EditableSeeds) -> None:
    seeds.append("source_attribute", "cities,delimiter,',", "cities,quote_char,;,")
    seeds.append("source_attribute", "cities,delimiter,;,2026-03-01", "cities,quote_char,',2026-03-01")
    assert seeds.messages() == []
