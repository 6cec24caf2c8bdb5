"""The rules of files and of how they are read, each with its message."""

from __future__ import annotations

import pytest

from tests.support.seeds import Broken, EditableSeeds

BROKEN = {
    "a_source_whose_files_nobody_finds": Broken(
        "source_attribute",
        "sales,file_pattern,sales,\n",
        "",
        [
            'seeds/source.csv:3: source: "sales" has no file_pattern, '
            "expected one in source_attribute.csv for a source of type local_files"
        ],
    ),
    "a_pattern_that_does_not_compile": Broken(
        "source_attribute",
        r"(?P<date>\d{8})",
        r"(?P<date>\d{8}",
        [
            r'seeds/source_attribute.csv:2: value: file_pattern "cities-(?P<date>\d{8}\.csv$" is not a '
            "regular expression (missing ), unterminated subpattern at position 7), "
            "expected one that Python's re compiles"
        ],
    ),
    "a_pattern_without_the_date": Broken(
        "source_attribute",
        r"(?P<date>\d{8})",
        r"\d{8}",
        [
            "seeds/source_attribute.csv:2: value: file_pattern has no group date, "
            "expected (?P<date>…) around the date, or date_from page or header"
        ],
    ),
    "an_unknown_encoding": Broken(
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,encoding,hex",
        [
            'seeds/source_attribute.csv:6: value: encoding "hex" is not known, '
            "expected an encoding such as utf-8, iso-8859-1 or utf-16"
        ],
    ),
    "a_separator_of_three_characters": Broken(
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,delimiter,tab",
        [
            'seeds/source_attribute.csv:6: value: delimiter "tab" is not one character, '
            r"expected one such as ; or | or \t or <space>"
        ],
    ),
    "a_trailer_that_says_no_number": Broken(
        "source_attribute",
        r"sales,delimiter,\t",
        r"sales,trailer_count,^T;\d+$",
        [
            "seeds/source_attribute.csv:6: value: trailer_count has no group count, "
            "expected (?P<count>…) around the number of records"
        ],
    ),
    "a_trailer_that_is_searched_forever": Broken(
        "source_attribute",
        r"sales,delimiter,\t",
        r"sales,skip_lines_matching,^(\w+;?)+$",
        [
            r'seeds/source_attribute.csv:6: value: skip_lines_matching "^(\w+;?)+$" repeats what is of no fixed '
            r"length, and may search a line of a file forever, expected repetitions of what has one length, such as "
            r"\d+ or (\d{3},)*"
        ],
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_broken_metadata_gets_its_message(seeds: EditableSeeds, broken: Broken) -> None:
    assert seeds.messages_of(broken) == broken.messages
