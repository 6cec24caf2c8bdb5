"""Extraction through faults of publisher and store: nothing half, nothing lost, and afterwards as if none had been."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.http import client
from headwater.extract.http.exchange import Patience
from headwater.extract.landing.manifest import from_json
from headwater.extract.landing.store import ObjectStore
from headwater.extract.raw.pending import LoadSummary, load_pending
from headwater.extract.run import ExtractSummary, extract_source
from headwater.metadata.errors import HeadwaterError, StorageError
from headwater.metadata.static.model import Source
from tests.extract.raw.test_broken_files import zipped
from tests.extract.test_run import CONTENTS, EXPECTED, NAMES
from tests.support.faulty_s3 import ERROR, FROM_NOW_ON, LOST, LOST_IN_RESET, RESET, Fault, FaultyS3
from tests.support.publisher import Answer, Publisher
from tests.support.sources import make_source

OPTIONS = {"file_pattern": r"places-(?P<date>\d{4}-\d{2})\.(csv|zip)$"}
CLOSED = {"Connection": "close"}


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishers are given up after two tries, without waiting; S3 after two as well."""
    made = Patience(attempts=2, read_timeout_s=0.3, sleep=lambda _: None)
    monkeypatch.setattr(client, "Patience", lambda: made)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")


@pytest.fixture
def publishes(publisher: Publisher) -> Publisher:
    """A publisher of three files."""
    publisher.page("/", *(f'<a href="{name}">{name}</a>' for name in NAMES))
    publisher.files.update({f"/{name}": content for name, content in zip(NAMES, CONTENTS, strict=True)})
    return publisher


class Run:
    """Runs the extraction of one source, and tells what there is of it."""

    def __init__(self, engine: Engine, store: ObjectStore, job_inst_id: int, source: Source) -> None:
        self.engine, self.store, self.job_inst_id, self.source = engine, store, job_inst_id, source

    def extract(self, store: ObjectStore | None = None) -> ExtractSummary:
        return extract_source(
            self.engine, store or self.store, self.source, self.job_inst_id, lambda *_, **__: None
        )

    def load(self, store: ObjectStore | None = None) -> LoadSummary:
        return load_pending(
            self.engine, store or self.store, self.source, self.job_inst_id, lambda *_, **__: None
        )

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [
                tuple(row) for row in connection.execute(sa.text(statement), {"source": self.source.name})
            ]

    def rows(self) -> list[tuple[Any, ...]]:
        if self.query(f"select to_regclass('raw.{self.source.name}')") == [(None,)]:
            return []
        return self.query(
            f"select publisher_name, line_number, id, name from raw.{self.source.name}"
            " join metadata.delivery using (delivery_sqn) order by 1, delivery_sqn, 2"
        )

    def assert_nothing_half(self) -> None:
        """Every manifest has its whole object, every delivery its manifest, every row of raw its status."""
        manifests = {}
        for key in self.store.list(f"manifests/{self.source.name}/"):
            delivery = from_json(self.store.get(key), self.store)
            content = self.store.get(self.store.key(delivery.delivery_filename))
            assert hashlib.sha256(content).hexdigest() == delivery.content_sha256
            assert len(content) == delivery.file_size
            manifests[delivery.delivery_sqn] = delivery
        rows = self.query("select delivery_sqn from metadata.delivery where source = :source")
        assert {sqn for (sqn,) in rows} <= set(manifests)
        in_raw = "select distinct publisher_name from metadata.delivery_status join metadata.delivery"
        in_raw += " using (delivery_sqn) where layer = 'raw' and status = 'loaded' and source = :source"
        assert {row[0] for row in self.rows()} == {name for (name,) in self.query(in_raw)}

    def assert_undisturbed(self) -> None:
        """Hold what there is against what there would be without any fault."""
        self.assert_nothing_half()
        assert self.rows() == EXPECTED
        assert len(list(self.store.list(f"manifests/{self.source.name}/"))) == len(NAMES)
        assert self.query(
            "select publisher_name, layer, status, event from metadata.delivery"
            " join metadata.delivery_status using (delivery_sqn) join metadata.delivery_event using (delivery_sqn)"
            " where source = :source order by 1, 2"
        ) == [(name, layer, "loaded", "landed") for name in NAMES for layer in ("landed", "raw")]


MakeRun = Callable[[str], Run]


@pytest.fixture
def make_run(database: Engine, store: ObjectStore, job_inst_id: int, publishes: Publisher) -> MakeRun:
    """The extraction of a source of that name."""

    def make(name: str) -> Run:
        source = make_source(name=name, address=f"{publishes.url}/", options=OPTIONS)
        return Run(database, store, job_inst_id, source)

    return make


def whole(run: Run, store: ObjectStore | None = None) -> None:
    run.extract(store)
    run.load(store)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(ERROR, id="500"),
        pytest.param(LOST_IN_RESET, id="lost in reset"),
        pytest.param(RESET, id="reset", marks=pytest.mark.long),
        pytest.param(LOST, id="lost", marks=pytest.mark.long),
        pytest.param(Fault(sends=5), id="cut", marks=pytest.mark.long),
        pytest.param(Fault(sends=5, announces_that=True), id="cut and announced so", marks=pytest.mark.long),
    ],
)
def test_a_store_that_goes_away_at_any_call_leaves_nothing_half(
    faulty: FaultyS3, make_run: MakeRun, fault: Fault
) -> None:
    whole(make_run("places0"), ObjectStore.from_environment())
    count = len(faulty.calls) - 1  # the first one asks for the bucket
    assert count >= 15
    for number in range(1, count + 1):
        run, reached = make_run(f"places{number}"), ObjectStore.from_environment()
        faulty.heal()
        faulty.plan("", fault, range(number, 1 << 30))
        for step in (run.extract, run.load):
            try:
                failed = step(reached).failed
            except HeadwaterError as error:  # and no other one
                failed = [str(error)]
            assert all("s3://" in message and "\n" not in message for message in failed)
        run.assert_nothing_half()
        faulty.heal()
        whole(run, reached)
        run.assert_undisturbed()


@pytest.mark.parametrize("fault", [ERROR, LOST_IN_RESET, Fault(sends=5)])
def test_a_store_that_fails_every_other_call_is_not_noticed(
    faulty: FaultyS3, make_run: MakeRun, fault: Fault
) -> None:
    reached = ObjectStore.from_environment()
    faulty.plan("", fault, range(1, 1000, 2))
    run = make_run("places")
    summary, loaded = run.extract(reached), run.load(reached)
    assert (summary.failed, loaded.failed, loaded.refused) == ([], [], [])
    run.assert_undisturbed()


def test_an_object_that_comes_shortened_from_s3_is_not_taken_for_what_landed(
    faulty: FaultyS3, make_run: MakeRun
) -> None:
    run, reached = make_run("places"), ObjectStore.from_environment()
    run.extract(reached)
    faulty.plan("get landed/", Fault(sends=14, announces_that=True), FROM_NOW_ON)  # after its first line
    loaded = run.load(reached)
    assert len(loaded.failed) == 2  # the first one has no more than that
    assert all("is not what landed: sha256" in failure for failure in loaded.failed)
    assert loaded.refused == []
    run.assert_nothing_half()
    faulty.heal()
    run.load(reached)
    run.assert_undisturbed()


def test_manifests_that_come_shortened_from_s3_are_said_and_nothing_is_fetched_again(
    faulty: FaultyS3, make_run: MakeRun, publishes: Publisher
) -> None:
    run, reached = make_run("places"), ObjectStore.from_environment()
    whole(run, reached)
    with run.engine.begin() as connection:
        connection.execute(sa.text("truncate metadata.delivery cascade; drop table raw.places"))
    faulty.plan("get manifests/", Fault(sends=14, announces_that=True), FROM_NOW_ON)
    asked = len(publishes.requests)
    with pytest.raises(StorageError, match=r"/manifests/places/.*\.json: .* is no manifest"):
        run.extract(reached)
    assert len(publishes.requests) == asked
    faulty.heal()
    whole(run, reached)
    run.assert_undisturbed()


def test_events_that_come_shortened_from_s3_are_said_and_written_by_nobody_again(
    faulty: FaultyS3, make_run: MakeRun
) -> None:
    run, reached = make_run("places"), ObjectStore.from_environment()
    whole(run, reached)
    with run.engine.begin() as connection:
        connection.execute(sa.text("truncate metadata.delivery cascade; drop table raw.places"))
    faulty.plan("get events/", Fault(sends=14, announces_that=True), FROM_NOW_ON)
    summary = run.extract(reached)
    [message] = summary.refused
    assert message.startswith(
        "places: 3 objects of its archive cannot be registered, and all else of it goes on."
    )
    assert "/events/places/0000000001/" in message
    assert "it is not what was written (" in message
    assert (len(summary.registered), summary.landed) == (3, [])
    faulty.heal()
    whole(run, reached)
    run.assert_undisturbed()


FAILING = {
    "500": ([Answer(500)], "it answers 500 Internal Server Error, 2 times in a row: run again later."),
    "503": ([Answer(503, b"<html>")], "it answers 503 Service Unavailable, 2 times in a row: run again later."),
    "429": ([Answer(429, headers={"Retry-After": "9999"})], "and asks to wait 9999 seconds: run again then."),
    "403": ([Answer(403)], "it answers 403 Forbidden, expected the file or page"),
    "cut": ([Answer(200, CONTENTS[1][:9], announced=21)], "9 of 21 bytes had come"),
    "no length": ([Answer(200, CONTENTS[1][:9], CLOSED, announced=None)], "the body ended at byte 9, expected 21"),
    "stall": ([Answer(200, CONTENTS[1][:9], announced=21, stalls=True)], "no answer in time, 2 times in a row"),
    "silence": ([Answer(200, announced=21, stalls=True)], "no answer in time, 2 times in a row: run again later."),
    "file": ([Answer(302, headers={"Location": "file:///etc/passwd"})], "redirects to file:, expected http or"),
    "circle": ([Answer(302, headers={"Location": f"/{NAMES[1]}"})], "redirects more than 10 times, expected"),
    "gzip": (
        [Answer(200, gzip.compress(CONTENTS[1])[:-4], {"Content-Encoding": "gzip"})],
        "its packed body ends before its end, 2 times in a row",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("script", "text"), FAILING.values(), ids=FAILING)
def test_a_file_that_does_not_come_is_told_and_comes_when_the_fault_is_over(
    make_run: MakeRun, publishes: Publisher, script: list[Answer], text: str
) -> None:
    run = make_run("places")
    publishes.scripts[f"/{NAMES[1]}"] = list(script)
    summary = run.extract()
    assert [delivery.publisher_name for delivery in summary.landed] == [NAMES[0], NAMES[2]]
    [message] = summary.failed
    assert message.startswith(f"places: {NAMES[1]} could not be landed: {publishes.url}/{NAMES[1]}")
    assert text in message
    assert "\n" not in message
    assert len(list(run.store.list("landed/"))) == 2
    run.load()
    run.assert_nothing_half()

    publishes.scripts.clear()
    whole(run)
    run.assert_undisturbed()


WRONG = {
    "page": (
        b"<!DOCTYPE html><title>Down for maintenance</title>",
        "got an HTML page ('Down for maintenance')",
    ),
    "cut with a true length": (CONTENTS[1][:-6], "1 field, expected 2 as in the header"),
    "nothing": (b"", "empty, expected a header"),
    "PDF": (b"%PDF-1.7\n", "got a PDF"),
}


@pytest.mark.parametrize("tells", [{"ETag": '"error"'}, {}], ids=["told", "untold"])
@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG)
def test_a_file_that_is_another_one_is_kept_and_said_and_the_right_one_comes_later(
    make_run: MakeRun, publishes: Publisher, content: bytes, message: str, tells: dict[str, str]
) -> None:
    run = make_run("places")
    publishes.scripts[f"/{NAMES[1]}"] = [
        Answer(200, content, {**tells, **CLOSED}, announced=len(content) if tells else None)
    ]
    right = publishes.files.pop(f"/{NAMES[1]}")  # of which a HEAD would tell
    run.extract()
    loaded = run.load()
    [(refused, check, why)] = loaded.refused
    assert (refused.publisher_name, check) == (NAMES[1], "format")
    assert message in why
    assert run.store.get(run.store.key(refused.delivery_filename)) == content
    assert run.rows() == [row for row in EXPECTED if row[0] != NAMES[1]]
    run.assert_nothing_half()

    again = run.extract()  # as long as it is there it is the same
    assert (again.landed, again.failed) == ([], [])
    assert run.load().refused == []

    if tells:
        publishes.files[f"/{NAMES[1]}"] = right
    publishes.scripts[f"/{NAMES[1]}"] = [Answer(200, right, {**tells, **CLOSED}, announced=None)]
    assert [delivery.publisher_name for delivery in run.extract().landed] == [NAMES[1]]
    run.load()
    assert run.rows() == EXPECTED
    run.assert_nothing_half()


def test_a_zip_that_comes_cut_off_is_said_and_the_whole_one_comes_later(
    make_run: MakeRun, publishes: Publisher
) -> None:
    whole_zip = zipped({"places.csv": CONTENTS[0]})
    publishes.page("/", '<a href="places-2026-01.zip">x</a>')
    publishes.files["/places-2026-01.zip"] = whole_zip[:-30]
    run = make_run("places")
    run.extract()
    [(_, _, why)] = run.load().refused
    assert (
        why
        == "places-2026-01.zip: a ZIP that is cut off or damaged (File is not a zip file), expected it whole"
    )
    publishes.files["/places-2026-01.zip"] = whole_zip
    whole(run)
    assert [row[2:] for row in run.rows()] == [("1", "Ulm")]
