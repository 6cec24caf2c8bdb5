"""Whole runs through faults of the store and of publishers: said, and afterwards as if there had been none."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from headwater.dbt_project.generate import generated_files, write_files
from headwater.extract.http import client
from headwater.extract.http.exchange import Patience
from headwater.metadata.static.read import read_catalog
from headwater.pipeline.runners.sources import run
from headwater.project import Project
from tests.pipeline.line import Line, cities, of_source, prices
from tests.pipeline.project import make_project
from tests.support.faulty_s3 import ERROR, FROM_NOW_ON, LOST_IN_RESET, RESET, Fault, FaultyS3
from tests.support.history_oracle import Delivery
from tests.support.publisher import Answer, Publisher

URL = "TEST_PUBLISHER_URL"


def deliver(line: Line) -> tuple[Delivery, Delivery, Delivery]:
    first = line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", 1)}))
    second = line.deliver("cities", cities(2, {"a": ("A", 2)}))
    other = line.deliver("prices", prices(1, {("x", 1): (Decimal(1),)}))
    return first, second, other


def assert_undisturbed(line: Line, first: Delivery, second: Delivery, other: Delivery) -> None:
    line.assert_history("cities", first, second)
    line.assert_history("prices", other)
    for name in (first.name, second.name, other.name):
        events = "select event from metadata.delivery_event where delivery_sqn = :sqn order by event"
        assert line.query(events, sqn=line.sqn(name)) == [("landed",), ("passed",)]
        assert line.status(name) == "loaded"
    assert line.query("select count(*) from metadata.delivery") == [(3,)]


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        pytest.param("put landed/cities", ERROR, id="object"),
        pytest.param("put manifests/cities", ERROR, id="manifest", marks=pytest.mark.long),
        pytest.param("put events/cities.*landed", RESET, id="event", marks=pytest.mark.long),
        pytest.param("get landed/cities", Fault(sends=14, announces_that=True), id="reading"),
        pytest.param("put events/cities.*passed", ERROR, id="verdict"),
        pytest.param("list .*/cities", RESET, id="listing", marks=pytest.mark.long),
    ],
)
def test_a_store_that_goes_away_fails_a_source_and_the_next_run_makes_it_good(
    line: Line, faulty: FaultyS3, monkeypatch: pytest.MonkeyPatch, pattern: str, fault: Fault
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    delivered = deliver(line)
    faulty.plan(pattern, fault, FROM_NOW_ON)
    result = line.run("cities", "prices")
    assert result.exit_code == 1
    assert of_source(result, "prices").status == "succeeded"
    failures = of_source(result, "cities").failures
    assert failures
    assert all(failure.startswith("cities: ") and "s3://" in failure for failure in failures)
    assert result.halts == []
    assert line.query("select count(*) from metadata.delivery_event where event = 'halted'") == [(0,)]

    faulty.heal()
    line.ran_well("cities", "prices")
    assert_undisturbed(line, *delivered)


def test_a_store_that_fails_every_other_call_is_not_noticed(line: Line, faulty: FaultyS3) -> None:
    delivered = deliver(line)
    faulty.plan("", LOST_IN_RESET, range(1, 10_000, 2))
    line.ran_well("cities", "prices")
    assert len(faulty.calls) > 20
    assert_undisturbed(line, *delivered)


def test_an_error_page_in_place_of_a_file_halts_it_until_the_file_is_back(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Patience(attempts=2, sleep=lambda _: None)
    monkeypatch.setattr(client, "Patience", lambda: made)
    project = Project(make_project(tmp_path / "on_the_web"), line.project.home)
    for name, local, web in (
        ("data_source", "town_hall,local_files", "town_hall,http_files"),
        ("conn_str", "${TEST_PUBLISHER_FOLDER}/cities", ""),
        ("conn_str", "town_hall_cities,town_hall,,,,,,", f"town_hall_cities,town_hall,,,,,,${{{URL}}}"),
    ):
        seed = project.seeds / f"{name}.csv"
        assert local in seed.read_text()
        seed.write_text(seed.read_text().replace(local, web))
    write_files(generated_files(read_catalog(project.seeds).sources.values(), project.models))

    first, second, _ = deliver(line)
    with Publisher.running() as publisher:
        monkeypatch.setenv(URL, publisher.url)
        files = {
            f"/{path.name}": path.read_bytes()
            for path in (line.publisher / "cities").iterdir()
            if path.is_file()
        }
        links = [f'<a href="{path}">{path}</a>' for path in files]
        publisher.files.update(files)
        publisher.page("/", *links)

        publisher.files[f"/{second.name}"] = b"<!doctype html><title>Back soon</title>"
        result = run(project, ["cities"], line.messages.append)
        assert (result.exit_code, result.failures) == (3, [])
        [halt] = result.halts
        assert (halt.publisher_name, halt.checks) == (second.name, ("format",))
        assert halt.why.startswith(f"{second.name}: got an HTML page ('Back soon'), expected CSV")
        line.assert_history("cities", first)

        page = publisher.files.pop("/")
        publisher.scripts["/"] = [Answer(503)]
        result = run(project, ["cities"], line.messages.append)
        assert result.failures == [
            f"cities: {publisher.url}: it answers 503 Service Unavailable, 2 times in a row: run again later."
        ]
        line.assert_history("cities", first)

        publisher.scripts.clear()
        publisher.files.update({"/": page, f"/{second.name}": files[f"/{second.name}"]})
        assert run(project, ["cities"], line.messages.append).exit_code == 0
        line.assert_history("cities", first, second)
        assert line.status(second.name) == "loaded"
        assert run(project, ["cities"], line.messages.append).exit_code == 0
        assert line.query("select count(*) from metadata.delivery") == [(3,)]  # the page is kept
