"""A topic becomes deliveries: each message in one of them, by offsets that only deliveries remember."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_writer
from fastavro.schema import fingerprint, to_parsing_canonical_form

from headwater.extract.landing import land
from headwater.extract.sources.kafka import client
from headwater.metadata.errors import PublisherError, StorageError
from tests.extract.sources.kafka.conftest import Reading
from tests.support.broker import Cluster, topic_source


def test_what_is_new_lands_once_and_the_next_range_begins_where_it_ended(
    reading: Reading, cluster: Cluster
) -> None:
    topic = cluster.topic(2)
    source = topic_source(cluster, topic)
    assert reading.extract(source).offered == 0
    cluster.produce(topic, ("1", {"name": "Ulm"}), ("2", {"name": "Bonn"}))
    cluster.produce(topic, ("3", {"name": "Kiel"}), partition=1)
    (first,) = reading.extract(source).landed
    assert first.publisher_name == f"{topic}-{3:020}.ndjson.gz"
    assert (first.watermark_from, first.watermark_to) == (
        {topic: {"0": 0, "1": 0}},
        {topic: {"0": 2, "1": 1}},
    )
    assert first.fingerprint == {"messages": 3, "dead_letters": 0}
    assert cluster.committed("headwater-places", topic, 2) == {0: 2, 1: 1}
    again = reading.extract(source)
    assert (again.offered, again.landed) == (0, [])

    cluster.produce(topic, ("1", {"name": "Berlin"}))
    (second,) = reading.extract(source).landed
    assert second.watermark_from == first.watermark_to
    assert second.delivery_date >= first.delivery_date
    landed = [
        (line["partition"], line["offset"], line["key"], line["value"]["name"]) for line in reading.lines()
    ]
    assert sorted(landed[:3]) == [(0, 0, "1", "Ulm"), (0, 1, "2", "Bonn"), (1, 0, "3", "Kiel")]
    assert landed[3:] == [(0, 2, "1", "Berlin")]


def test_offsets_come_from_deliveries_and_not_from_the_group(reading: Reading, cluster: Cluster) -> None:
    topic = cluster.topic()
    source = topic_source(cluster, topic, {"consumer_group": f"group-{topic}"})
    cluster.produce(topic, *((str(number), {"name": "x"}) for number in range(5)))
    with client.connected(source) as connection:
        connection.commit(topic, {0: 5})  # somebody moved the group to the end
    assert reading.extract(source).landed[0].fingerprint["messages"] == 5
    with client.connected(source) as connection:
        connection.commit(topic, {0: 0})  # and back
    assert reading.extract(source).offered == 0


def test_a_long_topic_comes_in_ranges_one_after_the_other(reading: Reading, cluster: Cluster) -> None:
    topic = cluster.topic(2)
    source = topic_source(cluster, topic, {"max_messages": "4"})
    for partition, count in ((0, 7), (1, 2)):
        cluster.produce(topic, *((str(n), {"name": "x"}) for n in range(count)), partition=partition)
    landed = reading.extract(source).landed
    assert [one.watermark_to for one in landed] == [
        {topic: {"0": 2, "1": 2}}, {topic: {"0": 6, "1": 2}}, {topic: {"0": 7, "1": 2}},
    ]  # fmt: skip
    assert [one.fingerprint["messages"] for one in landed] == [4, 4, 1]
    assert [one.publisher_name for one in landed] == sorted(one.publisher_name for one in landed)
    offsets = [(line["partition"], line["offset"]) for line in reading.lines()]
    assert sorted(offsets) == [(0, n) for n in range(7)] + [(1, 0), (1, 1)]


def test_a_range_that_could_not_land_is_never_passed_over(
    reading: Reading, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = cluster.topic()
    source = topic_source(cluster, topic, {"max_messages": "2"})
    cluster.produce(topic, *((str(n), {"name": "x"}) for n in range(4)))
    proper = land.claim_sqn
    calls: list[int] = []

    def failing(*arguments: Any) -> int:
        calls.append(1)
        if len(calls) == 1:
            raise StorageError("S3 is down")
        return proper(*arguments)

    monkeypatch.setattr(land, "claim_sqn", failing)
    summary = reading.extract(source)
    assert summary.landed == []
    assert "S3 is down" in summary.failed[0]
    assert f"{topic} 0@2-4 waits for the range before it, which could not be landed" in summary.failed[1]
    assert [one.watermark_to for one in reading.extract(source).landed] == [
        {topic: {"0": 2}},
        {topic: {"0": 4}},
    ]


def test_a_message_is_kept_as_it_came(reading: Reading, cluster: Cluster) -> None:
    topic = cluster.topic()
    cluster.produce(
        topic,
        ("ä", b'{"name":\r\n "two lines", "n": 1.10, "big": 12345678901234567890.5000}'),
        (b"\xff", None),
        (None, b' "text" '),
    )
    reading.extract(topic_source(cluster, topic))
    body = b"".join(gzip.decompress(reading.store.get(key)) for key in reading.store.list("landed/"))
    assert b'"value": {"name":   "two lines", "n": 1.10, "big": 12345678901234567890.5000}}\n' in body
    first, second, third = reading.lines()
    assert (first["key"], first["tombstone"]) == ("ä", False)
    assert first["timestamp"].startswith("20")
    assert (second["key"], second["tombstone"], second["value"]) == ("\\xff", True, None)
    assert (third["key"], third["value"]) == (None, "text")


POISON = {
    b"\xff\xfe": "no UTF-8 at byte 0",
    b"{": "no JSON: Expecting property name enclosed in double quotes, character 1",
    b"{} {}": "no JSON: more follows after character 2",
    b'{"a": 1, "a": 2}': "no JSON: an object has the member 'a' twice",
    b"[" * 200 + b"]" * 200: "objects and lists more than 100 deep (max_nesting)",
    b"NaN": "no JSON: NaN is not a value of JSON",
    b'{"a": ["\\u0000"]}': "the string '\\x00' has a NUL, expected text",
    b'{"\\ud800": 1}': "the string '\\ud800' has half a character, expected text",
}


def test_poison_goes_to_the_dead_letters_and_is_counted(reading: Reading, cluster: Cluster) -> None:
    topic, dead = cluster.topic(), cluster.topic()
    cluster.produce(
        topic, ("1", {"name": "Ulm"}), *(("2", poison) for poison in POISON), ("3", {"name": "Bonn"})
    )
    (landed,) = reading.extract(topic_source(cluster, topic, {"dead_letter_topic": dead})).landed
    assert landed.fingerprint == {"messages": 2, "dead_letters": len(POISON)}
    assert landed.watermark_to == {topic: {"0": 2 + len(POISON)}}
    assert [line["key"] for line in reading.lines()] == ["1", "3"]
    letters = cluster.read(dead, len(POISON))
    assert [value for _, value, _ in letters] == list(POISON)
    for number, ((key, _, headers), reason) in enumerate(zip(letters, POISON.values(), strict=True), start=1):
        assert key == b"2"
        assert headers["headwater-from"] == f"{topic} partition 0 offset {number}".encode()
        assert headers["headwater-reason"].decode().startswith(reason)


def test_poison_without_a_topic_for_it_fails_the_delivery_and_says_where_it_is(
    reading: Reading, cluster: Cluster
) -> None:
    topic = cluster.topic()
    cluster.produce(topic, ("1", {"name": "Ulm"}), ("2", b"oops"))
    summary = reading.extract(topic_source(cluster, topic))
    assert summary.landed == []
    assert f"{topic} partition 0 offset 1: no JSON" in summary.failed[0]
    assert "or a dead_letter_topic in seeds/source_attribute.csv" in summary.failed[0]


def test_messages_that_went_before_they_were_landed_are_missed_aloud(
    reading: Reading, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker of the tests deletes nothing, so what it says of its first offset stands in for that."""
    topic = cluster.topic()
    source = topic_source(cluster, topic)
    cluster.produce(topic, *((str(n), {"name": "x"}) for n in range(3)))
    reading.extract(source)
    cluster.produce(topic, *((str(n), {"name": "y"}) for n in range(4)))
    monkeypatch.setattr(client.Client, "partitions", lambda *_: {0: client.Ends(5, 7)})
    with pytest.raises(
        PublisherError, match=f"offsets 3 to 4 of partition 0 of topic {topic} were never landed"
    ):
        reading.extract(source)
    skipping = replace(source, options={**source.options, "on_expired": "skip"})
    (landed,) = reading.extract(skipping).landed
    assert (landed.watermark_from, landed.watermark_to) == ({topic: {"0": 5}}, {topic: {"0": 7}})


def test_a_topic_that_was_made_anew_is_not_taken_for_the_old_one(
    reading: Reading, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = cluster.topic()
    source = topic_source(cluster, topic)
    cluster.produce(topic, *((str(n), {"name": "x"}) for n in range(3)))
    reading.extract(source)
    monkeypatch.setattr(client.Client, "partitions", lambda *_: {0: client.Ends(0, 2)})
    with pytest.raises(
        PublisherError, match="ends at offset 2, and is landed up to 3: was the topic created again"
    ):
        reading.extract(source)
    monkeypatch.setattr(client.Client, "partitions", lambda *_: {1: client.Ends(0, 2)})
    with pytest.raises(PublisherError, match="has no partition 0 any more, of which 3 offsets are landed"):
        reading.extract(source)


def test_a_cluster_that_is_not_there_and_a_topic_that_is_not_there_are_named(
    reading: Reading, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PublisherError, match=r"^places: 127\.0\.0\.1:\d+ has no topic nowhere \("):
        reading.extract(topic_source(cluster, "nowhere"))
    monkeypatch.setattr(client, "PATIENCE", 1.0)
    away = topic_source(Cluster("127.0.0.1:1"), "orders")
    with pytest.raises(
        PublisherError, match=r"^places: topic orders at 127\.0\.0\.1:1: .*expected a Kafka cluster"
    ):
        reading.extract(away)


def test_a_cluster_of_which_there_is_no_such_host_is_not_waited_for(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE", 3600.0)  # so that who waits is seen
    monkeypatch.setattr(client, "GLANCE", 0.5)
    with pytest.raises(PublisherError, match=r"Failed to resolve .*expected a Kafka cluster that answers"):
        reading.extract(topic_source(Cluster("no-such-host.invalid:9092"), "orders"))


def test_a_clock_that_is_ahead_or_counts_otherwise_dates_nothing(reading: Reading, cluster: Cluster) -> None:
    topic = cluster.topic()
    source = topic_source(cluster, topic)
    year_2099, microseconds = 4_070_908_800_000, 1_795_000_000_000_000
    cluster.produce(topic, ("1", {"name": "Ulm"}), at=year_2099)
    cluster.produce(topic, ("2", {"name": "Bonn"}), at=microseconds)
    (first,) = reading.extract(source).landed
    assert first.delivery_date <= first.process_date
    assert [line["timestamp"] for line in reading.lines()] == ["2099-01-01T00:00:00Z", None]
    cluster.produce(topic, ("1", {"name": "Kiel"}), at=1_700_000_000_000)
    (second,) = reading.extract(source).landed
    assert second.delivery_date == first.delivery_date
    assert second.publisher_name > first.publisher_name


def test_a_header_that_comes_twice_keeps_both_values(reading: Reading, cluster: Cluster) -> None:
    topic = cluster.topic()
    headers = [("trace", b"a"), ("trace", b"b"), ("kind", None)]
    cluster.produce(topic, ("1", {"name": "Ulm"}), headers=headers)
    reading.extract(topic_source(cluster, topic))
    assert reading.lines()[0]["headers"] == {"trace": ["a", "b"], "kind": None}


SCHEMA = {
    "type": "record", "name": "place",
    "fields": [
        {"name": "name", "type": "string"},
        {"name": "fee", "type": {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}},
        {"name": "raw", "type": ["null", "bytes"]},
    ],
}  # fmt: skip


def avro(**record: Any) -> bytes:
    stream = io.BytesIO()
    schemaless_writer(stream, parse_schema(SCHEMA), record)
    return stream.getvalue()


def test_avro_is_read_by_the_schema_of_the_source(reading: Reading, cluster: Cluster) -> None:
    topic, dead = cluster.topic(), cluster.topic()
    plain = avro(name="Ulm", fee=Decimal("12345678901234567.80"), raw=b"\x00\xff")
    ours = bytes.fromhex(fingerprint(to_parsing_canonical_form(SCHEMA), "CRC-64-AVRO"))[::-1]
    cluster.produce(
        topic,
        ("1", plain),
        ("2", b"\xc3\x01" + ours + plain),
        ("3", plain + b"x"),
        ("4", b"\xc3\x01" + b"8" * 8),
    )
    options = {"value_format": "avro", "avro_schema": json.dumps(SCHEMA), "dead_letter_topic": dead}
    (landed,) = reading.extract(topic_source(cluster, topic, options)).landed
    assert landed.fingerprint == {"messages": 2, "dead_letters": 2}
    for line in reading.lines():
        assert line["value"] == {"name": "Ulm", "fee": "12345678901234567.80", "raw": "\\x00ff"}
    cluster.produce(topic, ("5", plain))
    wrong = reading.extract(topic_source(cluster, topic, {**options, "avro_schema": '{"type": "wrong"}'}))
    assert "places: its avro_schema is no schema of Avro" in wrong.failed[0]
