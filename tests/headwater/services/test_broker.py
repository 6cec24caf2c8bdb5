"""The embedded broker: when it is started, what it holds, and when it ends."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from headwater import services
from headwater.demo import producer
from headwater.services.processes import answers

pytestmark = pytest.mark.usefixtures("starts_servers")


def test_a_broker_is_started_where_a_connection_speaks_of_it_and_has_the_departures(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "seeds").mkdir()
    (project / "seeds" / "conn_str.csv").write_text("conn_str,server\nx,${HEADWATER_KAFKA}\n")
    topics = services.home(project) / "demo" / "site" / "topics"
    topics.mkdir(parents=True)
    (topics / "departures.ndjson").write_text(
        '{"day": "2013-01-01", "carrier": "UA", "flight": 1, "origin": "JFK",'
        ' "scheduled": {"hour": "2013-01-01T10:00:00Z"}}\n'
    )
    first = {one.name: one for one in services.ensure_up(project).services}
    assert list(first) == ["postgres", "s3", "kafka"]
    assert os.environ["HEADWATER_KAFKA"] == first["kafka"].address
    assert producer.replay(file=topics / "departures.ndjson") == 0  # it is there
    again = {one.name: one for one in services.ensure_up(project).services}
    assert (again["kafka"].pid, again["kafka"].is_started) == (first["kafka"].pid, False)
    port = int(first["kafka"].address.partition(":")[2])
    services.down(project)
    assert not answers(port)
    monkeypatch.setenv("HEADWATER_KAFKA", "bus.example.org:9092")
    local = {one.name: one for one in services.ensure_up(project).services}["kafka"]
    assert (local.address, local.pid) == ("bus.example.org:9092", None)


def test_a_broker_ends_with_its_folder(project: Path) -> None:
    (project / "seeds").mkdir()
    (project / "seeds" / "conn_str.csv").write_text("conn_str,server\nx,${HEADWATER_KAFKA}\n")
    port = int(
        {one.name: one for one in services.ensure_up(project).services}["kafka"].address.partition(":")[2]
    )
    assert answers(port)
    shutil.rmtree(services.home(project) / "kafka")
    while answers(port):
        time.sleep(0.05)
