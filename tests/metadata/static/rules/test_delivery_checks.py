"""The rules of checks of deliveries, each with its message."""

from __future__ import annotations

from itertools import cycle

import pytest

from headwater.metadata.static.delivery_checks import DOUBTS, REACTIONS
from tests.support.seeds import Broken, EditableSeeds

BROKEN = {
    "a_reaction_that_is_not_known": Broken(
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,on_empty,stop",
        [
            'seeds/source_attribute.csv:3: value: on_empty "stop" is not known, '
            "expected one of halt, warn, ignore"
        ],
    ),
    "a_first_day_that_no_calendar_has": Broken(
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,first_delivery_date,2026-02-30",
        [
            'seeds/source_attribute.csv:3: value: first_delivery_date "2026-02-30" is not a date, '
            "expected a day such as 2026-01-31"
        ],
    ),
    "a_first_day_written_otherwise": Broken(
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,first_delivery_date,20260228",
        [
            'seeds/source_attribute.csv:3: value: first_delivery_date "20260228" is not a date, '
            "expected a day such as 2026-01-31"
        ],
    ),
    "no_rows_at_least": Broken(
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,min_rows,0",
        [
            'seeds/source_attribute.csv:3: value: min_rows "0" is not a whole number from 1, '
            "expected 1, 2, 3 …"
        ],
    ),
    "a_period_that_is_not_known": Broken(
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,expected_every,months",
        [
            'seeds/source_attribute.csv:3: value: expected_every "months" is not known, '
            "expected one of day, week, month, quarter, year (perhaps month)"
        ],
    ),
    "a_period_shorter_than_the_schedule": Broken(
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,expected_every,week",
        [
            'seeds/source_attribute.csv:3: value: expected_every "week" is more often than the source is '
            "delivered, monthly, expected one of month, quarter, year"
        ],
    ),
    "a_doubt_about_what_was_never_said": Broken(
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,on_gap,halt,\ncities,on_min_rows,warn,\ncities,on_delivery_date_before_start,warn",
        [
            "seeds/source_attribute.csv:3: name: on_gap needs expected_every, "
            "expected expected_every in source_attribute.csv",
            "seeds/source_attribute.csv:4: name: on_min_rows needs min_rows, "
            "expected min_rows in source_attribute.csv",
            "seeds/source_attribute.csv:5: name: on_delivery_date_before_start needs "
            "first_delivery_date, expected first_delivery_date in source_attribute.csv",
        ],
    ),
    "a_doubt_about_a_delta_that_only_a_snapshot_can_raise": Broken(
        "source_attribute",
        "sales,date_from,header",
        "sales,date_from,header,\nsales,on_removed,warn,\nsales,on_nothing_new,ignore",
        [
            "seeds/source_attribute.csv:6: name: on_removed stands for a delta, "
            "expected none: only a snapshot says what is gone or the same",
            "seeds/source_attribute.csv:7: name: on_nothing_new stands for a delta, "
            "expected none: only a snapshot says what is gone or the same",
        ],
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_broken_metadata_gets_its_message(seeds: EditableSeeds, broken: Broken) -> None:
    assert seeds.messages_of(broken) == broken.messages


def test_a_guard_without_a_limit_needs_one(seeds: EditableSeeds) -> None:
    seeds.edit("source", ",5,1.5,A city", ",,1.5,A city")
    seeds.append("source_attribute", "cities,on_removed,warn,")
    assert seeds.messages() == [
        "seeds/source_attribute.csv:12: name: on_removed needs max_removed_pct, "
        "expected max_removed_pct in source.csv"
    ]


def test_a_series_of_an_irregular_source_makes_no_sense(seeds: EditableSeeds) -> None:
    seeds.edit("source", "geography,monthly", "geography,irregular")
    seeds.append("source_attribute", "cities,expected_every,year,")
    assert seeds.messages() == [
        "seeds/source_attribute.csv:12: name: expected_every stands for a source that is delivered "
        "irregular, expected none, or another schedule in source.csv"
    ]


def test_every_doubt_may_be_spelled_out(seeds: EditableSeeds) -> None:
    options = [
        f"cities,{doubt.option},{reaction}," for doubt, reaction in zip(DOUBTS.values(), cycle(REACTIONS))
    ]
    seeds.append("source_attribute", *options, "cities,min_rows,5,", "cities,first_delivery_date,2020-02-29,")
    seeds.append(
        "source_attribute",
        "cities,expected_every,month,",
        "sales,expected_every,day,",
        "sales,on_empty,halt,",
    )
    assert seeds.messages() == []
