"""Extraction from publisher to raw: what is new comes once, failures stay where they are, kills leave no trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract import run as run_module
from headwater.extract.http import client
from headwater.extract.http.exchange import Patience
from headwater.extract.landing import land as land_module
from headwater.extract.landing.store import ObjectStore
from headwater.extract.offers import discover as discover_module
from headwater.extract.offers.offer import Offer
from headwater.extract.raw import pending as pending_module
from headwater.extract.raw.pending import LoadSummary, load_pending
from headwater.extract.run import ExtractSummary, extract_source
from headwater.metadata.errors import PublisherError
from headwater.metadata.process.deliveries import Delivery
from headwater.metadata.static.model import Source
from tests.support.publisher import Answer, Publisher
from tests.support.sources import make_source

NAMES = ("places-2026-01.csv", "places-2026-02.csv", "places-2026-03.csv")
CONTENTS = [b"id,name\n1,Ulm\n", b"id,name\n1,Ulm\n2,Bonn\n", b"id,name\n2,Berlin\n"]


class Run:
    """Runs the extraction of one source and keeps what is told."""

    def __init__(self, engine: Engine, store: ObjectStore, job_inst_id: int, source: Source) -> None:
        self.engine, self.store, self.job_inst_id, self.source = engine, store, job_inst_id, source
        self.reported: list[tuple[str, str]] = []

    def report(self, level: str, message: str, **_context: Any) -> None:
        self.reported.append((level, message))

    def extract(self) -> ExtractSummary:
        return extract_source(self.engine, self.store, self.source, self.job_inst_id, self.report)

    def load(self) -> LoadSummary:
        return load_pending(self.engine, self.store, self.source, self.job_inst_id, self.report)

    def rows(self) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [
                tuple(row)
                for row in connection.execute(
                    sa.text(
                        "select publisher_name, line_number, id, name from raw.places"
                        " join metadata.delivery using (delivery_sqn) order by 1, delivery_sqn, 2"
                    )
                )
            ]


@pytest.fixture
def run(database: Engine, store: ObjectStore, job_inst_id: int, publisher: Publisher) -> Run:
    publisher.page("/", *(f'<a href="{name}">{name}</a>' for name in NAMES))
    publisher.files.update({f"/{name}": content for name, content in zip(NAMES, CONTENTS, strict=True)})
    options = {"file_pattern": r"places-(?P<date>\d{4}-\d{2})\.csv$"}
    return Run(database, store, job_inst_id, make_source(address=f"{publisher.url}/", options=options))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that do not sleep."""
    made = Patience(attempts=2, sleep=lambda _: None)
    monkeypatch.setattr(client, "Patience", lambda: made)


EXPECTED = [
    (NAMES[0], 2, "1", "Ulm"),
    (NAMES[1], 2, "1", "Ulm"),
    (NAMES[1], 3, "2", "Bonn"),
    (NAMES[2], 2, "2", "Berlin"),
]


def test_what_is_new_comes_once(run: Run, publisher: Publisher) -> None:
    first = run.extract()
    assert [delivery.publisher_name for delivery in first.landed] == list(NAMES)
    assert len(run.load().loaded) == 3
    assert run.rows() == EXPECTED

    asked = len(publisher.requests)
    again = run.extract()
    assert (again.offered, again.known, again.landed, again.failed) == (3, 3, [], [])
    assert run.load().loaded == []
    assert run.rows() == EXPECTED
    assert [request.method for request in publisher.requests[asked:]] == ["GET", "HEAD", "HEAD", "HEAD"]


def test_a_file_that_changed_comes_again_and_the_others_do_not(run: Run, publisher: Publisher) -> None:
    run.extract()
    publisher.files[f"/{NAMES[1]}"] = b"id,name\n9,Trier\n"
    again = run.extract()
    assert [delivery.publisher_name for delivery in again.landed] == [NAMES[1]]
    run.load()
    assert (NAMES[1], 2, "9", "Trier") in run.rows()
    assert len(run.rows()) == 5


def test_a_file_that_only_looks_changed_is_fetched_and_nothing_else(run: Run, publisher: Publisher) -> None:
    run.extract()
    publisher.headers[f"/{NAMES[1]}"] = {"ETag": '"touched"'}
    again = run.extract()
    assert (again.known, again.unchanged, again.landed) == (2, 1, [])


@pytest.mark.usefixtures("hurried")
def test_a_delivery_that_cannot_be_fetched_does_not_stop_the_others(run: Run, publisher: Publisher) -> None:
    publisher.scripts[f"/{NAMES[1]}"] = [Answer(200, CONTENTS[1][:9], {}, announced=len(CONTENTS[1]))]
    summary = run.extract()
    assert [delivery.publisher_name for delivery in summary.landed] == [NAMES[0], NAMES[2]]
    assert summary.failed == [
        f"places: {NAMES[1]} could not be landed: {publisher.url}/{NAMES[1]}: the connection failed "
        "(IncompleteRead), 2 times in a row: run again later. 9 of 21 bytes had come"
    ]
    assert ("error", summary.failed[0]) in run.reported

    del publisher.scripts[f"/{NAMES[1]}"]  # the next run takes what was left
    assert [delivery.publisher_name for delivery in run.extract().landed] == [NAMES[1]]
    run.load()
    assert run.rows() == EXPECTED


def test_of_two_at_once_one_asks_the_publisher_and_the_other_finds_nothing_new(
    run: Run, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = Run(run.engine, run.store, run.job_inst_id, run.source)
    summaries: list[ExtractSummary] = []
    thread = threading.Thread(target=lambda: summaries.append(second.extract()))
    proper = discover_module.discover

    def discover(source: Source, landed: Callable[[], Sequence[Delivery]]) -> list[Offer]:
        if not thread.ident:
            thread.start()
            while not second.reported:
                time.sleep(0.01)
        return proper(source, landed)

    monkeypatch.setattr(run_module, "discover", discover)
    assert len(run.extract().landed) == 3
    thread.join()
    assert second.reported == [
        ("information", "places: another process asks its publisher, waiting for it to end")
    ]
    assert (summaries[0].known, summaries[0].landed) == (3, [])
    assert [request.method for request in publisher.requests].count(
        "GET"
    ) == 5  # the page twice, each file once


def test_who_lost_the_lock_to_another_process_lands_nothing_twice(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that restarts, or a firewall that drops idle connections, takes the lock with it."""
    second = Run(run.engine, run.store, run.job_inst_id, run.source)
    proper, dropped = land_module.land, list[int]()

    def land(*arguments: Any, **more: Any) -> Any:
        if not dropped:
            dropped.append(1)
            with run.engine.begin() as connection:
                holders = (
                    "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted"
                )
                connection.execute(sa.text(f"{holders} and pid <> pg_backend_pid()"))
            assert len(second.extract().landed) == 3
        return proper(*arguments, **more)

    monkeypatch.setattr(run_module, "land", land)
    summary = run.extract()
    assert summary.landed == []
    assert len(summary.failed) == 3
    assert "another process has landed deliveries of it meanwhile: run again" in summary.failed[0]
    with run.engine.connect() as connection:
        assert connection.execute(sa.text("select count(*) from metadata.delivery")).scalar() == 3


def test_who_lost_the_lock_while_the_publisher_was_asked_lands_nothing_twice(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading takes its time, and asked for what had not landed when it began."""
    second = Run(run.engine, run.store, run.job_inst_id, run.source)
    proper, asked = discover_module.discover, list[int]()

    def discover(source: Source, landed: Callable[[], Sequence[Delivery]]) -> list[Offer]:
        if not asked:
            asked.append(1)
            with run.engine.begin() as connection:
                holders = (
                    "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted"
                )
                connection.execute(sa.text(f"{holders} and pid <> pg_backend_pid()"))
            assert len(second.extract().landed) == 3
            return [replace(offer, fingerprint={}) for offer in proper(source, landed)]
        return proper(source, landed)

    monkeypatch.setattr(run_module, "discover", discover)
    summary = run.extract()
    assert summary.landed == []
    assert len(summary.failed) == 3
    assert "another process has landed deliveries of it meanwhile: run again" in summary.failed[0]


def test_s3_is_listed_as_often_for_many_deliveries_as_for_one(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[str] = []
    proper = ObjectStore.list

    def watched(store: ObjectStore, prefix: str) -> Iterator[str]:
        listed.append(prefix)
        return iter(proper(store, prefix))

    monkeypatch.setattr(ObjectStore, "list", watched)
    assert len(run.extract().landed) == 3
    assert sorted(listed) == ["events/places/", "manifests/places/"]


@pytest.mark.usefixtures("hurried")
def test_a_publisher_that_is_down_is_said_and_nothing_happens(run: Run, publisher: Publisher) -> None:
    publisher.scripts["/"] = [Answer(503)]
    del publisher.files["/"]
    with pytest.raises(PublisherError, match="it answers 503 Service Unavailable, 2 times in a row"):
        run.extract()


def test_a_lost_database_fetches_nothing_again(run: Run, publisher: Publisher) -> None:
    run.extract()
    run.load()
    with run.engine.begin() as connection:
        connection.execute(sa.text("truncate metadata.delivery cascade; drop table raw.places"))
    asked = len(publisher.requests)
    again = run.extract()
    assert len(again.registered) == 3
    assert (again.known, again.landed) == (3, [])
    assert [r for r in publisher.requests[asked:] if r.method == "GET"] == publisher.requests[
        asked : asked + 1
    ]
    run.load()
    assert run.rows() == EXPECTED


KILLED = """
import os, sys
from headwater.extract.raw.pending import load_pending
from headwater.extract.run import extract_source
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.connection import engine
from tests.support.sources import make_source

source = make_source(address=sys.argv[1], options={"file_pattern": sys.argv[2]})
job_inst_id = int(sys.argv[3])
print("begun", flush=True)
extract_source(engine(), ObjectStore.from_environment(), source, job_inst_id, lambda *_, **__: None)
load_pending(engine(), ObjectStore.from_environment(), source, job_inst_id, lambda *_, **__: None)
"""


@pytest.mark.parametrize("after_s", [0.05, 0.1, 0.2, 0.4, 0.7])
def test_killing_the_process_anywhere_and_running_again_is_as_if_it_had_not_been(
    run: Run, after_s: float
) -> None:
    command = [
        sys.executable, "-c", KILLED, run.source.conn_str.url_template if run.source.conn_str else "",
        run.source.options["file_pattern"], str(run.job_inst_id),
    ]  # fmt: skip
    killed = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, env=os.environ)
    assert killed.stdout is not None
    assert killed.stdout.readline() == b"begun\n"
    time.sleep(after_s)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    run.extract()
    run.load()
    assert run.rows() == EXPECTED
    with run.engine.connect() as connection:
        counted = connection.execute(
            sa.text(
                "select (select count(*) from metadata.delivery), (select count(*) from metadata.delivery_event),"
                " (select sum(record_count) from metadata.delivery_status where layer = 'raw')"
            )
        ).one()
    assert tuple(counted) == (3, 3, 4)


def test_two_runs_at_once_are_as_one(run: Run, in_parallel: Callable[..., None]) -> None:
    def both() -> None:
        run.extract()
        run.load()

    in_parallel(both, both)
    assert run.rows() == EXPECTED
    with run.engine.connect() as connection:
        assert connection.execute(sa.text("select count(*) from metadata.delivery")).scalar() == 3


@pytest.fixture
def in_parallel() -> Callable[..., None]:
    """Runs functions side by side and raises what one of them raises."""
    from concurrent.futures import ThreadPoolExecutor

    def run_all(*functions: Callable[[], None]) -> None:
        with ThreadPoolExecutor(len(functions)) as pool:
            for future in [pool.submit(function) for function in functions]:
                future.result()

    return run_all


def test_a_file_that_two_runs_refuse_at_once_is_halted_once(
    run: Run, publisher: Publisher, in_parallel: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.files[f"/{NAMES[2]}"] = b"id,name\n2\n"
    run.extract()
    both, proper = threading.Barrier(2), pending_module._refusal

    def refusal(*arguments: Any) -> tuple[str, str]:
        both.wait()
        return proper(*arguments)

    monkeypatch.setattr(pending_module, "_refusal", refusal)
    loads: list[LoadSummary] = []
    in_parallel(*(lambda: loads.append(run.load()) for _ in range(2)))
    assert [load.failed for load in loads] == [[], []]
    assert sum(len(load.refused) for load in loads) == 1
    with run.engine.connect() as connection:
        events = connection.scalars(
            sa.text("select event from metadata.delivery_event where event <> 'landed'")
        )
        assert list(events) == ["halted"]
