"""Samples of buckets and topics that are connected: proposed, written, and found by the source that was made."""

from __future__ import annotations

import os
from collections.abc import Iterator

import boto3
import pytest
from confluent_kafka import OFFSET_INVALID

from headwater.extract.landing.store import ObjectStore
from headwater.extract.offers.discover import discover
from headwater.metadata.errors import NewSourceRefused
from headwater.metadata.static.model import Source
from headwater.metadata.static.read import read_catalog
from headwater.new_source.begin import Given, prepare_proposal
from headwater.new_source.proposal_doubts import harmful_doubts_of
from headwater.new_source.remove import plan_removal, remove
from headwater.new_source.write import write
from headwater.project import Project
from tests.headwater.new_source.conftest import content_of
from tests.support.broker import Cluster, running


def connect(project: Project, **rows: str) -> None:
    """Add a row to each of these tables of the seeds."""
    for table, row in rows.items():
        path = project.seeds / f"{table}.csv"
        path.write_text(f"{path.read_text()}{row}\n")


def written(project: Project, name: str) -> Source:
    return read_catalog(project.seeds).sources[name]


@pytest.fixture
def depot(project: Project, store: ObjectStore) -> Project:
    """A project that is connected to a bucket with two deliveries of one kind."""
    bucket = f"depot-of-{store.bucket}"
    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    client.create_bucket(Bucket=bucket)
    for name in ("2026/stock-2026-01-05.csv", "2026/stock-2026-02-02.csv"):
        client.put_object(Bucket=bucket, Key=f"out/{name}", Body=b"article,count\npen,3\nink,3\n")
    client.put_object(Bucket=bucket, Key="elsewhere/other.csv", Body=b"a\n1\n")
    connect(project, data_source="depot,object_store,Files of the depot",
            conn_str=f"depot_files,depot,${{AWS_ENDPOINT_URL}},,,,,s3://{bucket}/out/,")  # fmt: skip
    return project


def test_a_bucket_gives_the_newest_of_its_objects_and_then_all(depot: Project) -> None:
    before = content_of(depot)
    proposal = prepare_proposal(depot, "stock", "depot_files", Given())
    assert [doubt.about for doubt in harmful_doubts_of(proposal)] == ["key", "delivery_type"]
    assert proposal.sample.publisher_name == "2026/stock-2026-02-02.csv"
    assert (proposal.key, proposal.delivery_type, proposal.data_source) == (["article"], "snapshot", "depot")
    write(depot, proposal)
    offers = discover(written(depot, "stock"))
    assert [(f"{one.delivery_date:%Y-%m-%d}", one.publisher_name) for one in offers] == [
        ("2026-01-05", "2026/stock-2026-01-05.csv"), ("2026-02-02", "2026/stock-2026-02-02.csv"),
    ]  # fmt: skip
    remove(depot, plan_removal(depot, "stock"))
    assert content_of(depot) == before


def test_objects_of_several_kinds_are_told_apart_by_a_pattern(depot: Project) -> None:
    bucket = read_catalog(depot.seeds).conn_strs["depot_files"].url_template or ""
    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    client.put_object(
        Bucket=bucket.split("/")[2], Key="out/prices-2026.csv", Body=b"article,price\npen,1.5\n"
    )
    with pytest.raises(NewSourceRefused, match="files of 2 kinds"):
        prepare_proposal(depot, "stock", "depot_files", Given())
    given = Given(options={"file_pattern": r"prices-\d+\.csv"})
    assert [a.target_name for a in prepare_proposal(depot, "prices", "depot_files", given).attributes] == [
        "article", "price",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running() as made:
        yield made


@pytest.fixture
def bus(project: Project, cluster: Cluster) -> Project:
    """A project that is connected to a cluster."""
    connect(project, data_source="bus,kafka,The bus of the shop", conn_str=f"bus,bus,{cluster.servers},,,,,,")
    return project


def test_a_topic_is_proposed_by_its_first_messages(bus: Project, cluster: Cluster) -> None:
    topic = cluster.topic(2)
    cluster.produce(
        topic, ("pen", {"shelf": {"count": 3}, "price": 1.5}), ("ink", {"shelf": {"count": 2}, "price": 12})
    )
    cluster.produce(topic, ("pen", {"shelf": {"count": 1}, "price": 1.5}), ("cup", None), partition=1)
    before = content_of(bus)
    proposal = prepare_proposal(bus, "stock", "bus", Given(options={"topic": topic}))
    assert harmful_doubts_of(proposal) == []  # the producer gives the key, and a topic is what changed
    assert [(a.column.name, a.target_name, a.typed.datatype) for a in proposal.attributes] == [
        ("key", "key", "text"),
        ("value.shelf.count", "value_shelf_count", "integer"),
        ("value.price", "value_price", "numeric"),
    ]
    assert (proposal.key, proposal.delivery_type) == (["key"], "delta")
    assert proposal.options == {"topic": topic, "delete_column": "tombstone", "delete_values": "true"}
    write(bus, proposal)
    source = written(bus, "stock")
    assert (source.on_duplicate_key, source.data_source.name) == ("last_wins", "bus")
    assert [offer.address for offer in discover(source)] == [f"{topic} 0@0-2, 1@0-2"]
    remove(bus, plan_removal(bus, "stock"))
    assert content_of(bus) == before
    nothing = {0: OFFSET_INVALID, 1: OFFSET_INVALID}
    assert (
        cluster.committed("headwater-bus", topic, 2)
        == cluster.committed("headwater-stock", topic, 2)
        == nothing
    )


def test_a_topic_has_to_be_named_and_to_have_messages(bus: Project, cluster: Cluster) -> None:
    with pytest.raises(
        NewSourceRefused, match="a cluster has many topics, expected one: --option topic=NAME"
    ):
        prepare_proposal(bus, "stock", "bus", Given())
    with pytest.raises(NewSourceRefused, match="has no message now"):
        prepare_proposal(bus, "stock", "bus", Given(options={"topic": cluster.topic()}))
