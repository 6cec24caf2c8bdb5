"""The type `kafka`: bounded ranges of the offsets of a topic."""

from __future__ import annotations

from headwater.extract.connections.dataset_name import DatasetName, connection_part
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.model import SNAPSHOTS, Source
from headwater.metadata.static.options import Option
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.rules.types import refuse_archives
from headwater.metadata.static.source_parts import SourceParts
from headwater.metadata.static.source_type import Sampling, SourceType, Wrong

# properties of librdkafka that other columns and options say, or that are none of the user's business
_NOT_FOR_OPTIONS = ("bootstrap.servers", "group.id", "enable.auto.commit", "sasl.username", "sasl.password")


def _check_source(source: SourceParts, _: Seeds, problems: Problems) -> None:
    """Everything that a source of a topic needs."""
    refuse_archives(source, problems)
    _check_deliveries(source, problems)
    _check_values(source, problems)


def _check_deliveries(source: SourceParts, problems: Problems) -> None:
    if "topic" not in source.options:
        source.blame(problems, "source", f'"{source.name}" has no topic', "the option topic")
    if (kind := source.row["delivery_type"]) in SNAPSHOTS:
        source.blame(problems, "delivery_type", f"is {kind}, and messages say what is new", "delta")
    if source.row["on_duplicate_key"] in (None, "halt"):
        expected = "last_wins: a range of a topic may have a key more than once"
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
        message = "avro_schema needs value_format avro"
        source.blame_option(problems, "avro_schema", "name", message, "value_format avro")


def _connection_option_problem(name: str, _: str) -> Wrong | None:
    if name in _NOT_FOR_OPTIONS:
        expected = f"a property of librdkafka, and none of {', '.join(_NOT_FOR_OPTIONS)}"
        return f"{name} cannot be set in the options", expected
    return None


def _topic(source: Source) -> DatasetName:
    first = connection_part(source, source.conn_str, "server").partition(",")[0].strip()
    return DatasetName(f"kafka://{first}", source.options["topic"])


SOURCE_TYPE = SourceType(
    name="kafka",
    description="bounded ranges of the offsets of a topic",
    discover="headwater.extract.sources.kafka.topic:discover",
    reads_while_asking=True,
    connection_needs=("server",),
    options={
        "topic": Option("topic"),
        "consumer_group": Option(),
        "dead_letter_topic": Option("topic"),
        "max_messages": Option("count"),
        "on_expired": Option("choice", ("halt", "skip")),
        "value_format": Option("choice", ("json", "avro")),
        "avro_schema": Option("json"),
    },
    usual_options={"format": "ndjson"},
    check_source=_check_source,
    connection_option_problem=_connection_option_problem,
    connection_values_hold_settings=True,
    dataset_name=_topic,
    sampling=Sampling(
        sample="headwater.extract.sources.kafka.sample:sample",
        # a message without a value deletes its key
        options={"delete_column": "tombstone", "delete_values": "true"},
        key="key",
        columns_left_out=("partition", "offset", "timestamp", "headers", "tombstone"),
        holds_changes=True,
        tells_delivery_type=True,
    ),
)
