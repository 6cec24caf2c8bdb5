"""The rules of formats, each with its message."""

from __future__ import annotations

import pytest

from tests.support.seeds import Broken, EditableSeeds

BROKEN = {
    "an_option_of_another_format": Broken(
        "source_attribute",
        "sales,date_from,header",
        "sales,date_from,header,\nsales,format,json",
        [
            "seeds/source_attribute.csv:7: name: delimiter stands for a source of format json, "
            "expected format csv"
        ],
    ),
    "a_record_path_that_leads_nowhere": Broken(
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,format,ndjson,\nsales,record_path,data..items",
        [
            'seeds/source_attribute.csv:7: value: record_path "data..items" is not a path, '
            "expected one such as data.items, data[].stations[] for lists within lists, or regions.*.items[] for "
            "maps"
        ],
    ),
    "a_map_in_xml": Broken(
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,format,xml,\nsales,record_path,data.*.r",
        [
            "seeds/source_attribute.csv:7: value: a record_path of format xml leads through no map, "
            "expected one without *; json and ndjson have maps"
        ],
    ),
    "a_trailer_of_a_format_without_lines": Broken(
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,format,parquet,\nsales,skip_last_lines,1",
        [
            "seeds/source_attribute.csv:7: name: skip_last_lines stands for a source of format parquet, "
            "expected format csv, ndjson, fixed_width or excel"
        ],
    ),
    "a_record_path_in_a_csv": Broken(
        "source_attribute",
        "sales,date_from,header",
        "sales,date_from,header,\nsales,record_path,data",
        [
            "seeds/source_attribute.csv:6: name: record_path stands for a source of format csv, "
            "expected format json, ndjson, xml or geojson"
        ],
    ),
    "a_fixed_width_without_columns": Broken(
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,format,fixed_width",
        [
            'seeds/source.csv:3: source: "sales" has no fixed_columns, '
            "expected one in source_attribute.csv for a source of format fixed_width"
        ],
    ),
    "a_column_without_a_place": Broken(
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,format,fixed_width,\nsales,fixed_columns,id:1-3|name",
        [
            'seeds/source_attribute.csv:7: value: fixed_columns "name" is not a column, expected a '
            "table such as name:1-12|code:13-15|note:16-"
        ],
    ),
    "a_column_that_ends_before_it_begins": Broken(
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,format,fixed_width,\nsales,fixed_columns,id:3-1",
        [
            'seeds/source_attribute.csv:7: value: fixed_columns "id" ends before it begins, expected a '
            "table such as name:1-12|code:13-15|note:16-"
        ],
    ),
    "columns_that_overlap": Broken(
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,format,fixed_width,\nsales,fixed_columns,id:1-3|name:3-9",
        [
            'seeds/source_attribute.csv:7: value: fixed_columns "id" and "name" overlap, '
            "expected columns beside one another"
        ],
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_broken_metadata_gets_its_message(seeds: EditableSeeds, broken: Broken) -> None:
    assert seeds.messages_of(broken) == broken.messages


def test_options_of_two_formats_stand_together_where_one_follows_the_other(seeds: EditableSeeds) -> None:
    seeds.append(
        "source_attribute", "cities,header_line,2,", "cities,record_path,data,", "cities,encoding,latin1,"
    )
    assert [message.partition(", expected")[0] for message in seeds.messages()] == [
        "seeds/source_attribute.csv:13: name: record_path stands for a source of format csv"
    ]
    seeds.append("source_attribute", "cities,format,json,2026-03-01")
    assert seeds.messages() == []
    seeds.append("source_attribute", "cities,format,csv,2026-05-01", "cities,delimiter,<none>,2026-05-01")
    assert [message.partition(", expected")[0] for message in seeds.messages()] == [
        "seeds/source_attribute.csv:17: value: delimiter is nothing"
    ]
