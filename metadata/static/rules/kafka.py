"""Rules of a source that is read from a topic: its options taken together."""

from __future__ import annotations

from headwater.metadata.static.load import Seeds
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.source_parts import SourceParts


def check_kafka(source: SourceParts, seeds: Seeds, problems: Problems) -> None:
    """Everything that a source of a topic needs."""
    if "source_attribute" not in seeds.unreadable and source.data_source_type == "kafka":
        _check_deliveries(source, problems)
        _check_values(source, problems)


def _check_deliveries(source: SourceParts, problems: Problems) -> None:
    if "topic" not in source.options:
        source.blame(problems, "source", f'"{source.name}" has no topic', "the option topic")
    if source.row["delivery_type"] == "snapshot":
        source.blame(problems, "delivery_type", "is snapshot, and messages say what is new", "delta")
    if source.row["on_duplicate_key"] in (None, "halt"):
        expected = "last_wins: a range of a topic may speak of a key more than once"
        source.blame(problems, "on_duplicate_key", "is halt", expected)
    if source.option("format") not in (None, "ndjson"):
        source.blame_option(
            problems, "format", "value", "a topic is landed as NDJSON", "ndjson, or no format"
        )
    dead_letters = source.option("dead_letter_topic")
    if dead_letters is not None and dead_letters == source.option("topic"):
        message = "dead_letter_topic is the topic itself"
        source.blame_option(problems, "dead_letter_topic", "value", message, "another topic")


def _check_values(source: SourceParts, problems: Problems) -> None:
    is_avro = source.option("value_format") == "avro"
    if is_avro and "avro_schema" not in source.options:
        source.blame_option(
            problems, "value_format", "value", "avro has no avro_schema", "the schema, as JSON"
        )
    if not is_avro and "avro_schema" in source.options:
        message = "avro_schema stands without value_format avro"
        source.blame_option(problems, "avro_schema", "name", message, "value_format avro")
