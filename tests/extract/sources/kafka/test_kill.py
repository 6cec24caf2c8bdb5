"""An extraction that is killed wherever it was leaves no message out and brings none twice."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest

from tests.conftest import PROJECT
from tests.extract.sources.kafka.conftest import Reading
from tests.support.broker import Cluster, topic_source

EXTRACT = """
import sys
from headwater.extract.run import extract_source
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.connection import engine
from tests.support.broker import Cluster, topic_source

servers, topic, job_inst_id = sys.argv[1:]
source = topic_source(Cluster(servers), topic, {"max_messages": "500"})
print("begins", flush=True)
extract_source(engine(), ObjectStore.from_environment(), source, int(job_inst_id), lambda *_, **__: None)
"""
LONGEST = 1.5  # seconds that an extraction is let live


def killed_at_a_random_moment(reading: Reading, cluster: Cluster, topic: str, chance: random.Random) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", EXTRACT, cluster.servers, topic, str(reading.job_inst_id)],
        cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"begins\n"
    time.sleep(chance.uniform(0, LONGEST))
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("moments", [3, pytest.param(20, marks=pytest.mark.long)])
def test_a_consumer_killed_at_random_moments_lands_each_message_once(
    reading: Reading, cluster: Cluster, moments: int
) -> None:
    topic, chance, produced = cluster.topic(2), random.Random(moments), [0, 0]
    for _ in range(moments):
        for partition in (0, 1):
            count = chance.randrange(1500)
            keys = (f"{partition}-{produced[partition] + number}" for number in range(count))
            cluster.produce(topic, *((key, {"name": key}) for key in keys), partition=partition)
            produced[partition] += count
        killed_at_a_random_moment(reading, cluster, topic, chance)
    assert reading.extract(topic_source(cluster, topic)).failed == []
    expected = [f"{partition}-{number}" for partition in (0, 1) for number in range(produced[partition])]
    assert sorted(line["key"] for line in reading.lines()) == sorted(expected)
    begins, ends = (
        reading.query(f"select {column} -> '{topic}' from metadata.delivery order by delivery_sqn")
        for column in ("watermark_from", "watermark_to")
    )
    assert begins[1:] == ends[:-1]
    assert ends[-1] == ({"0": produced[0], "1": produced[1]},)
