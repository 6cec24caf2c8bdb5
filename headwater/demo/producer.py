"""The producer of the demo: real departures, written to a topic as an airport's systems would.

The messages, their partitions and their order are always the same, so an offset means the same message in
every cluster, also after the restart of a broker in memory.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.demo.packages import DemoError

if TYPE_CHECKING:
    from confluent_kafka import Consumer

TOPIC = "departures"
FILE = "topics/departures.ndjson"  # of the publishers' tree
PARTITIONS = ("EWR", "JFK", "LGA")  # an airport's departures stay in order
VARIABLE = "HEADWATER_KAFKA"
PATIENCE_S = 30
BATCH = 1000  # messages


def replay(servers: str | None = None, file: Path | None = None) -> int:
    """Write the messages that the topic lacks; return their number. Writes nothing twice.

    By default to the cluster that HEADWATER_KAFKA names, from the departures of the demo in the working
    folder; without departures it writes nothing. Raises `DemoError` if the cluster fails.
    """
    from confluent_kafka import KafkaException

    place = servers or os.environ.get(VARIABLE)
    if not place:
        raise DemoError(f"no cluster to write departures to, expected the variable {VARIABLE}, host:port")
    path = file or _usual_file()
    if not path.is_file():
        return 0
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        return _write(place, [json.loads(line) for line in lines])
    except KafkaException as error:
        raise DemoError(
            f"{place}: {error.args[0].str()}, expected a Kafka that takes the topic {TOPIC}"
        ) from None


def _usual_file() -> Path:
    from headwater.home import DEMO_SITE, home
    from headwater.project import find_project

    return home(find_project().root) / DEMO_SITE / FILE


def _write(servers: str, departures: Sequence[dict[str, Any]]) -> int:
    from confluent_kafka import Producer

    reached = _ends(servers)
    # one request at a time keeps their order, whatever has to be sent again
    writer = Producer({"bootstrap.servers": servers, "acks": "all", "max.in.flight": 1, "log_level": 0})
    failed: list[str] = []
    count = 0
    for departure in departures:
        partition = PARTITIONS.index(departure["origin"])
        if reached[partition] > 0:
            reached[partition] -= 1
            continue
        writer.produce(
            TOPIC, json.dumps(departure).encode(), _key(departure), partition, timestamp=_moment(departure),
            on_delivery=lambda error, _: failed.append(error.str()) if error else None,
        )  # fmt: skip
        writer.poll(0)
        count += 1
    left = writer.flush(PATIENCE_S)
    if left or failed:
        message = failed[0] if failed else f"{left} were not taken in {PATIENCE_S} seconds"
        raise DemoError(f"{servers}: not all departures could be written to the topic {TOPIC}: {message}")
    return count


def _ends(servers: str) -> list[int]:
    """Return the number of messages in each partition of the topic, which is created if missing."""
    from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
    made = admin.create_topics([NewTopic(TOPIC, len(PARTITIONS), 1)], operation_timeout=PATIENCE_S)
    try:
        made[TOPIC].result(PATIENCE_S)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
    reader = Consumer({
        "bootstrap.servers": servers, "group.id": f"headwater-{TOPIC}-ends", "enable.auto.commit": False,
        "enable.partition.eof": True, "log_level": 0,
    })  # fmt: skip
    try:
        messages = [
            reader.get_watermark_offsets(TopicPartition(TOPIC, number), timeout=PATIENCE_S)[1]
            for number in range(len(PARTITIONS))
        ]
        return _really(reader, messages)
    finally:
        reader.close()


def _really(reader: Consumer, messages: list[int]) -> list[int]:
    """Return the true ends of partitions: the broker counts the last batch as one message."""
    from confluent_kafka import KafkaError, KafkaException, TopicPartition

    ends, waiting, until = list(messages), set(range(len(messages))), time.monotonic() + PATIENCE_S
    reader.assign([TopicPartition(TOPIC, number, end) for number, end in enumerate(messages)])
    while waiting:
        if time.monotonic() > until:
            raise DemoError(f"the topic {TOPIC} does not tell where it ends in {PATIENCE_S} seconds")
        for found in reader.consume(BATCH, timeout=0.1):
            number, error = found.partition() or 0, found.error()
            if error is None:
                ends[number] = max(ends[number], (found.offset() or 0) + 1)
            elif error.code() == KafkaError._PARTITION_EOF:
                waiting.discard(number)
            else:
                raise KafkaException(error)
    return ends


def _key(departure: dict[str, Any]) -> str:
    return " ".join(str(departure[name]) for name in ("day", "carrier", "flight", "origin"))


def _moment(departure: dict[str, Any]) -> int:
    """Return the scheduled hour of a departure, in milliseconds."""
    return int(datetime.fromisoformat(departure["scheduled"]["hour"]).timestamp() * 1000)
