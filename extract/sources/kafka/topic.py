"""Ranges of a topic: the next one begins where the last one that landed ended, by the delivery and not by the group.

Offsets are a fact of the delivery (watermark_from, watermark_to), in its manifest before anything else knows of
it. So a crash can neither skip nor double a message. The group's offsets are committed once a range has landed, for
whoever watches the lag; nothing here reads them.

A delivery is NDJSON in gzip, a message a line: partition, offset, timestamp, key, headers, tombstone, value.
Attributes name what they want by its path: `value.id`. A range is dated by its newest message, and never before the
range before it.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from headwater.extract.offers.offer import Offer, Sink
from headwater.extract.sources.kafka.client import Ends, connected
from headwater.extract.sources.kafka.dead_letters import DeadLetters
from headwater.extract.sources.kafka.values import PoisonError, line_of, reader_of
from headwater.metadata.errors import DeliveryIncomplete, PublisherError
from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.static.model import Source

EPOCH = datetime.fromtimestamp(0, UTC)
MOST_MESSAGES = 1_000_000  # of one delivery, without max_messages

Offsets = dict[int, int]


def discover(source: Source, landed: Sequence[Delivery] = ()) -> Iterator[Offer]:
    """Yield what the topic has and no delivery holds, in ranges of at most max_messages.

    Raises `PublisherError` when the cluster cannot be asked, there is no such topic, or messages are gone that were
    never landed.
    """
    topic = source.options["topic"]
    with connected(source) as client:
        there = client.partitions(topic)
    begin = _begin(source, topic, there, landed)
    reading = _Reading(source, topic, begin, max((one.delivery_date for one in landed), default=None))
    most = int(source.options.get("max_messages", MOST_MESSAGES))
    while (end := _end(begin, there, most)) != begin:
        yield Offer(
            publisher_name=f"{topic}-{sum(end.values()):020}.ndjson.gz",
            address=f"{topic} {_written(begin, end)}",
            delivery_date=datetime.now(UTC),
            fingerprint={},
            fetch=reading.fetch,
            watermark_from=_fact(topic, begin),
            watermark_to=_fact(topic, end),
        )
        begin = end


def _begin(source: Source, topic: str, there: Mapping[int, Ends], landed: Sequence[Delivery]) -> Offsets:
    """The offset from which each partition is still to be landed."""
    reached: Offsets = {}
    for delivery in landed:
        for partition, offset in _offsets(topic, delivery.watermark_to).items():
            reached[partition] = max(offset, reached.get(partition, 0))
    if gone := sorted(reached.keys() - there.keys()):
        raise PublisherError(
            f"{source.name}: topic {topic} has no partition {gone[0]} any more, of which {reached[gone[0]]} offsets are"
            " landed: was it created again? Expected a source of its own for another topic"
        )
    begin: Offsets = {}
    for partition, ends in sorted(there.items()):
        begin[partition] = reached.get(partition, ends.first)
        if begin[partition] > ends.end:
            raise PublisherError(
                f"{source.name}: partition {partition} of topic {topic} ends at offset {ends.end}, and is landed up to"
                f" {begin[partition]}: was the topic created again? Expected a source of its own for another topic"
            )
        if begin[partition] < ends.first:
            if source.options.get("on_expired") != "skip":
                raise PublisherError(
                    f"{source.name}: offsets {begin[partition]} to {ends.first - 1} of partition {partition} of topic"
                    f" {topic} were never landed, and the broker has deleted them. Run more often, or have the broker"
                    " keep them longer; `on_expired` skip in seeds/source_attribute.csv goes on without them"
                )
            begin[partition] = ends.first
    return begin


def _end(begin: Offsets, there: Mapping[int, Ends], most: int) -> Offsets:
    """Return where a range ends that begins there: as much of each partition, until there are `most` messages."""
    left = {partition: there[partition].end - offset for partition, offset in begin.items()}
    end, budget = dict(begin), most
    for number, partition in enumerate(sorted(left, key=lambda partition: left[partition])):
        taken = min(left[partition], -(-budget // (len(left) - number)))
        end[partition] += taken
        budget -= taken
    return end


def _fact(topic: str, offsets: Offsets) -> dict[str, dict[str, int]]:
    return {topic: {str(partition): offset for partition, offset in offsets.items()}}


def _offsets(topic: str, fact: Mapping[str, Mapping[str, int]] | None) -> Offsets:
    return {int(partition): offset for partition, offset in (fact or {}).get(topic, {}).items()}


def _written(begin: Offsets, end: Offsets) -> str:
    return ", ".join(f"{partition}@{begin[partition]}-{end[partition]}" for partition in begin)


@dataclass
class _Reading:
    """Ranges that are fetched one after the other; the next one only when the one before has landed."""

    source: Source
    topic: str
    reached: Offsets
    newest: datetime | None

    def fetch(self, offer: Offer, sink: Sink) -> Offer:
        begin, end = (_offsets(self.topic, fact) for fact in (offer.watermark_from, offer.watermark_to))
        if begin != self.reached:
            raise DeliveryIncomplete(
                f"{self.source.name}: {offer.address} waits for the range before it, which could not be landed"
            )
        sink.restart()
        read_value = reader_of(self.source)
        moments: list[datetime] = [self.newest] if self.newest else []
        count = 0
        with (
            connected(self.source) as client,
            DeadLetters(self.source) as dead_letters,
            gzip.GzipFile(filename="", mode="wb", fileobj=_Stream(sink), mtime=0) as packed,
        ):
            for message in client.messages(self.topic, begin, end):
                try:
                    line = line_of(message, read_value)
                except PoisonError as poison:
                    dead_letters.take(message, str(poison))
                    continue
                packed.write(line)
                count += 1
                if message.moment:  # of a producer whose clock is ahead, no later than now
                    moments = [max(*moments, min(message.moment, offer.delivery_date), EPOCH)]
        date = moments[0] if moments else offer.delivery_date
        return replace(
            offer,
            delivery_date=date,
            fingerprint={"messages": count, "dead_letters": dead_letters.count},
            on_landed=lambda: self._landed(end, date),
        )

    def _landed(self, end: Offsets, date: datetime) -> None:
        self.reached, self.newest = end, date
        with suppress(PublisherError), connected(self.source) as client:  # it lands all the same
            client.commit(self.topic, end)


class _Stream:
    """A sink as gzip wants it."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, chunk: bytes) -> int:
        self._sink.write(bytes(chunk))
        return len(chunk)

    def flush(self) -> None:
        """There is nothing to hold back."""
