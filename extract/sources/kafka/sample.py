"""The sampler of `kafka`: the first messages of a topic, in the form of a delivery."""

from __future__ import annotations

from dataclasses import replace

from headwater.extract.offers.offer import Sink
from headwater.extract.offers.sampled import Sampled
from headwater.extract.sources.kafka import topic
from headwater.metadata.errors import NewSourceRefused
from headwater.metadata.static.model import Source

MOST_MESSAGES = 10_000


def sample(source: Source, sink: Sink) -> Sampled:
    """Write the first messages to `sink`. Write nothing to the cluster.

    Raises `NewSourceRefused` or `PublisherError`.
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
            f"{source.name}: the topic {name} has no message now, expected some: they show which columns to propose"
        )
    first.fetch(first, sink)
    return Sampled(first.publisher_name, is_whole=next(ranges, None) is None)
