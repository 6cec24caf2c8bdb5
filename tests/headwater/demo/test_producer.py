"""Departures on a real broker: each is written once, and a new broker has the same ones at the same offsets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from headwater.demo import DemoError
from headwater.demo.producer import PARTITIONS, TOPIC, replay
from tests.support.broker import Cluster, running


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with running() as made:
        yield made


@pytest.fixture
def departures(tmp_path: Path) -> Path:
    """Three hundred departures of three airports."""
    records = [
        {"day": "2013-01-01", "carrier": "UA", "flight": number, "origin": PARTITIONS[number % 3],
         "scheduled": {"hour": f"2013-01-01T{number // 20:02}:00:00Z"}}
        for number in range(300)
    ]  # fmt: skip
    path = tmp_path / "departures.ndjson"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return path


def held(cluster: Cluster) -> list[tuple[int | None, int | None, bytes | None, bytes | None, int]]:
    """Every message of the topic: partition, offset, key, value, timestamp."""
    reader = Consumer(
        {"bootstrap.servers": cluster.servers, "group.id": "test", "enable.partition.eof": True}
    )
    reader.assign([TopicPartition(TOPIC, number, 0) for number in range(len(PARTITIONS))])
    found, ended = [], 0
    while ended < len(PARTITIONS):
        for one in reader.consume(1000, timeout=1):
            if one.error():
                ended += 1
            else:
                found.append((one.partition(), one.offset(), one.key(), one.value(), one.timestamp()[1]))
    reader.close()
    return sorted(found, key=lambda message: message[:2])


def test_each_departure_is_written_once_however_often_it_is_replayed(
    cluster: Cluster, departures: Path
) -> None:
    lines = departures.read_text().splitlines(keepends=True)
    departures.write_text("".join(lines[:100]))  # a replay that was cut short
    assert replay(cluster.servers, departures) == 100
    departures.write_text("".join(lines))
    assert [replay(cluster.servers, departures) for _ in range(2)] == [200, 0]
    messages = held(cluster)
    assert [number for number, *_ in messages] == [0] * 100 + [1] * 100 + [2] * 100
    assert [json.loads(value or b"")["flight"] for *_, value, _ in messages[:100]] == list(range(0, 300, 3))
    assert messages[0][2:] == (b"2013-01-01 UA 0 EWR", lines[0].strip().encode(), 1_356_998_400_000)


def test_an_offset_is_the_same_departure_in_every_cluster(cluster: Cluster, departures: Path) -> None:
    replay(cluster.servers, departures)
    with running() as other:
        replay(other.servers, departures)
        assert held(other) == held(cluster)


def test_without_departures_nothing_is_written_and_without_a_cluster_it_is_said(tmp_path: Path) -> None:
    assert replay("127.0.0.1:1", tmp_path / "nothing") == 0
    with pytest.raises(DemoError, match="expected the variable HEADWATER_KAFKA, host:port"):
        replay(None, tmp_path / "nothing")
