"""A Kafka cluster as an extractor sees it: what partitions hold, their messages, and what the group is told.

The cluster is the conn_str's server, `host:port,host:port`; its options are properties of librdkafka,
`security.protocol=SASL_SSL; sasl.mechanism=PLAIN`; username and secret_ref are SASL's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import (
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)

from headwater.extract.connections import secrets
from headwater.extract.connections.conn_options import options_of
from headwater.extract.connections.environment import expand
from headwater.metadata.errors import DeliveryIncomplete, PublisherError
from headwater.metadata.static.model import Source

PATIENCE = 30.0  # seconds for an answer
GLANCE = 1.0  # seconds after which it is looked whether any answer may still come
NO_USE = frozenset(  # what the next try would meet again: no such host, no trust, no right
    {
        KafkaError._RESOLVE, KafkaError._SSL, KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM, KafkaError.ILLEGAL_SASL_STATE,
    }
)  # fmt: skip
LOOK = 5.0  # seconds for the ends of all partitions
STANDSTILL = 60.0  # seconds without a message of a range that is not at its end
BATCH = 1000  # messages
POLL = 0.1  # seconds that a batch is waited for, if it is not full


@dataclass(frozen=True)
class Ends:
    """The offsets that a partition has: from `first` on, and before `end`."""

    first: int
    end: int


@dataclass(frozen=True)
class Message:
    """A message as it came."""

    partition: int
    offset: int
    moment: datetime | None
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass
class Troubles:
    """The complaints of librdkafka, while it went on trying."""

    last: str = ""
    is_no_use: bool = False  # to go on

    def take(self, error: KafkaError) -> None:
        """Take in a complaint; that all brokers are down only follows from another one."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self.last = error.str()
        self.is_no_use |= error.code() in NO_USE


class Client:
    """An open connection. Every method raises `PublisherError` when the cluster does not play along."""

    def __init__(self, source: Source, consumer: Consumer, troubles: Troubles) -> None:
        self._source, self._consumer, self._troubles = source, consumer, troubles

    def partitions(self, topic: str) -> dict[int, Ends]:
        """Return what each partition of a topic holds now."""
        with self._explained(f"topic {topic}"):
            found = self._topics(topic)[topic]
            if found.error is not None:
                raise PublisherError(
                    f"{self._source.name}: {self._where} has no topic {topic} ({found.error.str()})"
                )
            bounds = {
                partition: self._consumer.get_watermark_offsets(
                    TopicPartition(topic, partition), timeout=PATIENCE, cached=False
                )
                for partition in sorted(found.partitions)
            }
            ends = self._really(topic, {partition: ends[1] for partition, ends in bounds.items() if ends})
            return {partition: Ends(bounds[partition][0], end) for partition, end in sorted(ends.items())}

    def _topics(self, topic: str) -> dict[str, Any]:
        """Return what the cluster tells of a topic: waited for as long as it may still come."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                found: dict[str, Any] = self._consumer.list_topics(topic, timeout=GLANCE).topics
            except KafkaException:
                self._consumer.poll(0)  # tells of the troubles so far
                if self._troubles.is_no_use or time.monotonic() > until:
                    raise
            else:
                return found

    def _really(self, topic: str, ends: Mapping[int, int]) -> dict[int, int]:
        """Return where partitions end that are said to end there:
        some brokers (Tansu) count a last batch for one message.

        Whoever asks for what comes after the end is told that there is nothing, or gets it. A topic that is written to
        all the time is not waited for: any end that was seen will do.
        """
        seen, waiting, until = dict(ends), set(ends), time.monotonic() + LOOK
        self._consumer.assign([TopicPartition(topic, partition, end) for partition, end in ends.items()])
        while waiting and time.monotonic() < until:
            for found in self._consumer.consume(BATCH, timeout=POLL):
                partition, error = found.partition() or 0, found.error()
                if error is None:
                    seen[partition] = max(seen[partition], (found.offset() or 0) + 1)
                elif error.code() == KafkaError._PARTITION_EOF:
                    waiting.discard(partition)
        self._consumer.unassign()
        return seen

    def messages(self, topic: str, begin: Mapping[int, int], end: Mapping[int, int]) -> Iterator[Message]:
        """The messages of a range, those of a partition in their order. What was compacted away does not come."""
        waiting = {partition for partition in end if begin[partition] < end[partition]}
        self._consumer.assign([TopicPartition(topic, partition, begin[partition]) for partition in waiting])
        progress = time.monotonic()
        while waiting:
            with self._explained(f"topic {topic}"):
                batch = self._consumer.consume(BATCH, timeout=POLL)
            for found in batch:
                partition, offset = found.partition() or 0, found.offset() or 0
                error = found.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    raise PublisherError(f"{self._source.name}: topic {topic}: {error.str()}")
                if partition not in waiting:
                    continue
                if error is None and offset < end[partition]:
                    yield _message(found)
                if offset >= end[partition] - (error is None):
                    waiting.discard(partition)
                    self._consumer.pause([TopicPartition(topic, partition)])
                progress = time.monotonic()
            if time.monotonic() - progress > STANDSTILL:
                raise DeliveryIncomplete(
                    f"{self._source.name}: nothing came of partition {min(waiting)} of topic {topic} for"
                    f" {STANDSTILL:.0f} s, before its offset {end[min(waiting)]}{self._why()}: run again later"
                )

    def commit(self, topic: str, end: Mapping[int, int]) -> None:
        """Tell the group how far we are, for whoever watches its lag."""
        with self._explained("the group's offsets"):
            self._consumer.commit(
                offsets=[TopicPartition(topic, partition, offset) for partition, offset in end.items()],
                asynchronous=False,
            )

    @property
    def _where(self) -> str:
        return _servers(self._source)

    def _why(self) -> str:
        return f" ({self._troubles.last})" if self._troubles.last else ""

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except KafkaException as error:
            message = error.args[0].str() if isinstance(error.args[0], KafkaError) else str(error)
            raise PublisherError(
                f"{self._source.name}: {what} at {self._where}: {message}{self._why()}: expected a Kafka cluster that"
                " answers, as the conn_str's server names it, and lets in who its username, secret_ref and options say"
            ) from None


@contextmanager
def connected(source: Source) -> Iterator[Client]:
    """A connection of the source's group, which is never asked for what it committed."""
    troubles = Troubles()
    consumer = Consumer(
        {
            **settings(source),
            "group.id": source.options.get("consumer_group", f"headwater-{source.name}"),
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 100,  # of a broker that has nothing: its end is told sooner
            "error_cb": troubles.take,
        },
        logger=_Silence(),
    )
    try:
        yield Client(source, consumer, troubles)
    finally:
        consumer.close()


def producer(source: Source) -> Producer:
    """A producer whose messages are each written once, and by all replicas, or not at all."""
    return Producer(
        {**settings(source), "acks": "all", "message.timeout.ms": int(PATIENCE * 1000)}, logger=_Silence()
    )


def settings(source: Source) -> dict[str, Any]:
    """Return what librdkafka needs to find the cluster and to be let in.

    Raises `PublisherError`, `SecretUnavailable`.
    """
    conn_str = source.conn_str
    if conn_str is None or not conn_str.server:
        raise PublisherError(f"{source.name}: no cluster, expected a conn_str with a server, host:port")
    made: dict[str, Any] = {"bootstrap.servers": _servers(source), **options_of(source, conn_str, "kafka")}
    if conn_str.username:
        made["sasl.username"] = conn_str.username
    if conn_str.secret_ref:
        secret = secrets.resolve(conn_str.secret_ref)
        made["sasl.password"] = secret.reveal()
        made.setdefault("sasl.username", secret.login or "")
    return made


def _servers(source: Source) -> str:
    assert source.conn_str is not None
    return expand(source.conn_str.server or "", source)


def _message(found: Any) -> Message:
    kind, milliseconds = found.timestamp()
    moment = None if kind == TIMESTAMP_NOT_AVAILABLE else _moment(milliseconds)
    return Message(
        found.partition(), found.offset(), moment, found.key(), found.value(), tuple(found.headers() or ())
    )


def _moment(milliseconds: int) -> datetime | None:
    """The moment of a message; None where its producer counted in other units."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


class _Silence:
    """librdkafka writes to stderr by itself otherwise; what matters comes as an error."""

    def log(self, *_: Any, **__: Any) -> None:
        """Say nothing."""
