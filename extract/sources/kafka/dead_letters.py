"""Dead letters: messages that are not what a source's messages are go to a topic of their own, with the reason."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from confluent_kafka import KafkaError

from headwater.extract.sources.kafka.client import PATIENCE, Message, producer
from headwater.metadata.errors import DeliveryIncomplete, PublisherError
from headwater.metadata.static.model import Source


class DeadLetters:
    """Sends what it takes; leaving it waits until the cluster has all of it.

    A range that is read again after a crash sends its dead letters again: at least once.
    """

    def __init__(self, source: Source) -> None:
        self._source, self._topic = source, source.options.get("dead_letter_topic")
        self._producer: Any = None
        self._refused: list[str] = []
        self.count = 0

    def __enter__(self) -> DeadLetters:
        return self

    def take(self, message: Message, reason: str) -> None:
        """Send a message on, as it came. Raises `PublisherError` where the source has no topic for that."""
        where = f"{self._source.options['topic']} partition {message.partition} offset {message.offset}"
        if self._topic is None:
            raise PublisherError(
                f"{self._source.name}: {where}: {reason}. Expected messages of value_format"
                f" {self._source.options.get('value_format', 'json')}, or a dead_letter_topic in"
                " seeds/source_attribute.csv, to which such messages go while the others go on"
            )
        if self._producer is None:
            self._producer = producer(self._source)
        headers = [
            *message.headers,
            ("headwater-from", where.encode()),
            ("headwater-reason", reason.encode()),
        ]
        while True:
            try:
                self._producer.produce(
                    self._topic, message.value, message.key, headers=headers, on_delivery=self._on_delivery
                )
                break
            except BufferError:  # the queue is full
                self._producer.poll(1)
        self._producer.poll(0)
        self.count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._producer is None:
            return
        left = self._producer.flush(PATIENCE)
        if kind is None and (left or self._refused):
            raise DeliveryIncomplete(
                f"{self._source.name}: {left + len(self._refused)} of {self.count} dead letters could not be written to"
                f" topic {self._topic}{f' ({self._refused[0]})' if self._refused else ''}: run again later"
            )

    def _on_delivery(self, error: KafkaError | None, _: Any) -> None:
        if error is not None:
            self._refused.append(error.str())
