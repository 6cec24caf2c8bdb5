"""The rules of a source of a topic, each with its message."""

from __future__ import annotations

import pytest

from headwater.metadata.static.read import read_catalog
from tests.support.seeds import EditableSeeds

SOURCE = "events,sales,bus,retail,daily,shop,{delivery_type},,,,,,,,{on_duplicate_key},,,,An event"
OPTIONS = {
    "topic": "shop.events",
    "dead_letter_topic": "shop.dead",
    "on_expired": "skip",
    "max_messages": "1000",
}


def add(
    seeds: EditableSeeds, without: str | None = None, delivery_type: str = "delta",
    on_duplicate_key: str = "last_wins", **options: str,
) -> None:  # fmt: skip
    """A good source of a topic, with other options."""
    seeds.append("data_source", "bus,kafka,A bus")
    seeds.append("conn_str", "bus,bus,${BUS},,,,,,")
    seeds.append("source", SOURCE.format(delivery_type=delivery_type, on_duplicate_key=on_duplicate_key))
    seeds.append("attribute", "events,value.id,event,integer,,,true,,,Number of the event")
    facts = {name: value for name, value in {**OPTIONS, **options}.items() if name != without}
    seeds.append("source_attribute", *(f"events,{name},{value}," for name, value in facts.items()))


def test_a_good_source_of_a_topic(seeds: EditableSeeds) -> None:
    add(seeds, value_format="avro", avro_schema='"""string"""')
    assert seeds.messages() == []
    source = read_catalog(seeds.folder).sources["events"]
    assert (source.options["format"], source.options["avro_schema"]) == ("ndjson", '"string"')


@pytest.mark.parametrize(
    ("without", "facts", "message"),
    [
        ("topic", {}, 'source: "events" has no topic, expected the option topic'),
        (None, {"topic": "shop events"}, 'value: topic "shop events" is no name of a topic, expected letters, digits,'
         " dots, dashes and underscores, 249 at most"),
        (None, {"delivery_type": "snapshot"}, "delivery_type: is snapshot, and messages say what is new,"
         " expected delta"),
        (None, {"on_duplicate_key": "halt"}, "on_duplicate_key: is halt, expected last_wins: a range of a topic may"
         " have a key more than once"),
        (None, {"on_duplicate_key": ""}, "on_duplicate_key: is halt, expected last_wins: a range of a topic may"
         " have a key more than once"),
        (None, {"format": "csv"}, "value: a topic is landed as NDJSON, expected ndjson, or no format"),
        (None, {"value_format": "avro"}, "value: avro has no avro_schema, expected the schema, as JSON"),
        (None, {"avro_schema": '"""string"""'}, "name: avro_schema needs value_format avro, expected"
         " value_format avro"),
        (None, {"avro_schema": "{", "value_format": "avro"}, "value: avro_schema is not JSON"),
        (None, {"dead_letter_topic": "shop.events"}, "value: dead_letter_topic is the topic itself, expected another"
         " topic"),
        (None, {"on_expired": "go on"}, 'value: on_expired "go on" is not known, expected one of halt, skip'),
        (None, {"file_pattern": "x"}, "name: file_pattern stands for a source of type kafka, expected a source"
         " of files"),
    ],
)  # fmt: skip
def test_a_broken_one_gets_its_message(
    seeds: EditableSeeds, without: str | None, facts: dict[str, str], message: str
) -> None:
    add(seeds, without, **facts)
    assert seeds.messages()
    assert seeds.messages()[0].partition(": ")[2].startswith(message)


def test_an_option_of_a_topic_stands_for_no_other_source(seeds: EditableSeeds) -> None:
    seeds.append("source_attribute", "cities,topic,cities,")
    (message,) = seeds.messages()
    assert message.partition(": ")[2] == (
        "name: topic stands for a source of type http_files, expected one of kafka"
    )
