"""A sample of a topic: its first messages in the form of a delivery."""

from __future__ import annotations

from dataclasses import replace

from headwater.extract.offers.offer import Sink
from headwater.extract.sources.kafka import topic
from headwater.metadata.errors import NewSourceRefused
from headwater.metadata.static.model import Source

MOST_MESSAGES = 10_000
OF_MESSAGES = (
    "partition",
    "offset",
    "timestamp",
    "headers",
    "tombstone",
)  # columns that describe the message and not its record
KEY = "key"
OPTIONS = {"delete_column": "tombstone", "delete_values": "true"}  # a message without a value deletes its key


def sample_topic(source: Source, sink: Sink) -> tuple[str, bool]:
    """Write the first messages to `sink`; return the name of the file, and whether the topic has no more.

    Writes nothing to the cluster. Raises `NewSourceRefused` or `PublisherError`.
    """
    name = source.options.get("topic")
    if name is None:
        raise NewSourceRefused(f"{source.name}: a cluster has many topics, expected one: --option topic=NAME")
    most = min(int(source.options.get("max_messages", MOST_MESSAGES)), MOST_MESSAGES)
    options = {option: value for option, value in source.options.items() if option != "dead_letter_topic"}
    ranges = topic.discover(replace(source, options={**options, "max_messages": str(most)}))
    first = next(ranges, None)
    if first is None:
        raise NewSourceRefused(
            f"{source.name}: the topic {name} has no message now, expected some: nothing can be said of its records"
        )
    first.fetch(first, sink)
    return first.publisher_name, next(ranges, None) is None


def is_of_messages(column: str) -> bool:
    """Return whether a column belongs to the message and not to its record."""
    return column.partition(".")[0] in OF_MESSAGES
