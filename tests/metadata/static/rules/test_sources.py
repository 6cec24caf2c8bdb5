"""The rules of sources and of what becomes of their rows, each with its message."""

from __future__ import annotations

import pytest

from headwater.metadata.static.check import check
from tests.support.seeds import Broken, EditableSeeds

BROKEN = {
    "a_source_without_key": Broken(
        "attribute",
        "city_id,integer,,,true,",
        "city_id,integer,,,,",
        [
            'seeds/source.csv:2: source: "cities" has no key attribute, '
            "expected one row at least in attribute.csv with is_key true"
        ],
    ),
    "a_guard_of_snapshots_on_a_delta": Broken(
        "source",
        "last_wins,ignore,,,",
        "last_wins,ignore,5,,",
        ["seeds/source.csv:3: max_removed_pct: guards snapshots only, expected a blank cell for a delta"],
    ),
    "an_unknown_function": Broken(
        "source",
        "delta,,unpivot",
        "delta,own_functions.fetch,unpivot",
        [
            'seeds/source.csv:3: extract_function: "own_functions.fetch" is not a function that we know, '
            "expected one of http_files, rest_api, rdbms, object_store, kafka, local_files, "
            "or package.module:function"
        ],
    ),
    "a_table_that_is_unpivoted_only_from_a_date_on": Broken(
        "source_attribute",
        "sales,unpivot_name,product,",
        "sales,unpivot_name,product,2026-03-01",
        [
            "seeds/source.csv:3: wrangle_function: unpivot has no unpivot_name, "
            "expected unpivot_name in source_attribute.csv with a blank valid_from"
        ],
    ),
    "a_column_that_unpivot_makes_no_more_from_a_date_on": Broken(
        "source_attribute",
        "sales,unpivot_value,amount,",
        "sales,unpivot_value,amount,\nsales,unpivot_value,sum,2026-03-01",
        [
            'seeds/attribute.csv:9: source_name: "amount" is not a column that unpivot makes, '
            "expected one of Day, flag, product, sum"
        ],
    ),
    "an_incomplete_unpivot": Broken(
        "source_attribute",
        "sales,unpivot_name,product,\n",
        "",
        [
            "seeds/source.csv:3: wrangle_function: unpivot has no unpivot_name, "
            "expected unpivot_name in source_attribute.csv"
        ],
    ),
    "a_column_that_unpivot_does_not_make": Broken(
        "attribute",
        "sales,amount,",
        "sales,Amount,",
        [
            'seeds/attribute.csv:9: source_name: "Amount" is not a column that unpivot makes, '
            "expected one of Day, flag, product, amount"
        ],
    ),
    "a_delete_column_that_may_be_missing": Broken(
        "source_attribute",
        "sales,delete_column,flag",
        "sales,delete_column,amount",
        [
            'seeds/attribute.csv:9: is_optional: "amount" is the delete_column: '
            "without it, marks would be taken for rows, expected false"
        ],
    ),
    "a_delete_column_of_a_snapshot": Broken(
        "source",
        "shop,delta",
        "shop,snapshot",
        [
            "seeds/source_attribute.csv:10: name: delete_column stands for a snapshot, "
            "expected none: what a snapshot does not hold is removed"
        ],
    ),
    "a_guard_of_what_is_not_loaded": Broken(
        "source",
        'warning""}]",,,,',
        'warning""}]",,,false,',
        [
            "seeds/source.csv:2: max_removed_pct: guards what load_removed leaves out, "
            "expected a blank cell, or load_removed true"
        ],
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_broken_metadata_gets_its_message(seeds: EditableSeeds, broken: Broken) -> None:
    assert seeds.messages_of(broken) == broken.messages


def test_a_source_with_more_columns_than_postgres_has_is_said_once(seeds: EditableSeeds) -> None:
    seeds.append("attribute", *(f"cities,column {n},column_{n},text,,,,,,A column" for n in range(1_701)))
    (message,) = [answer for answer in seeds.messages() if "attributes" in answer]
    assert "more than a table of Postgres can hold, expected 1,500 at most" in message
    assert "the column _rest" in message


@pytest.mark.parametrize("ending", ["_current_key", "_valid_from_idx", "_sqn_idx"])
def test_a_source_is_not_called_as_an_index_of_another(seeds: EditableSeeds, ending: str) -> None:
    path = seeds.folder / "source.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("\nsales,", f"\ncities{ending},"), encoding="utf-8")
    messages = [str(problem) for problem in check(seeds.folder)]
    expected = f'source: "cities{ending}" is the name of an index of "cities", expected another name'
    assert any(one.endswith(expected) for one in messages), messages
