"""Objects that others leave in the archive: named, and in nobody's way, run after run and in a rebuild."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from headwater.metadata.errors import StepFailed
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.job_run import JobRun
from headwater.pipeline.rebuild import rebuild
from tests.extract.landing.test_land import LONG
from tests.extract.landing.test_register import manifest
from tests.pipeline.line import Line, cities, of_source, prices

ODD = os.fsdecode(b"st\xe9-cities-20260103.csv")


@pytest.fixture
def _odd_name(line: Line) -> None:
    """A file of the publisher has a name that is no text, and matches the pattern all the same."""
    (line.publisher / "cities" / ODD).write_text("City Code,name,people,seen\nx,X,1,\n")


def forged(sqn: int, **more: Any) -> bytes:
    """A manifest of cities."""
    return json.dumps(
        manifest(sqn, source="cities", key=f"landed/cities/{sqn:010d}/old.csv", **more)
    ).encode()


def test_an_archive_of_strays_warns_and_goes_on(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    for key in ("manifests/cities/readme.txt", "events/cities/readme.txt", "landed/cities/readme.txt"):
        line.store.put_new(key, b"hello")
    result = line.ran_well("cities")
    warnings = of_source(result, "cities").warnings
    assert [message.partition(": passed over")[0] for message in warnings] == [
        line.store.address(f"{what}/cities/readme.txt") for what in ("manifests", "events")
    ]
    logged = "select message from metadata.log_dtl where message like '%passed over%' order by 1"
    assert [message for (message,) in line.query(logged)] == sorted(
        f"cities: {message}" for message in warnings
    )
    line.assert_history("cities", first)
    rebuilt = rebuild(line.project, ["cities"], line.messages.append)
    assert (rebuilt.exit_code, of_source(rebuilt, "cities").warnings) == (0, warnings)
    line.assert_history("cities", first)


def test_manifests_that_cannot_be_rows_fail_their_source_by_name_and_later_deliveries_go_on(
    line: Line,
) -> None:
    """As a version left them that wrote a manifest before it asked Postgres."""
    other = line.deliver("prices", prices(1, {("x", 1): (1,)}))
    poison = {7: forged(7, publisher_name="a\0b.csv"), 8: forged(8, publisher_name=LONG)}
    for sqn, body in poison.items():
        line.store.put_new(f"manifests/cities/{sqn:010d}.json", body)
    delivered = []
    for day in (1, 2):
        delivered.append(line.deliver("cities", cities(day, {"a": ("A", day)})))
        result = line.run("cities", "prices")
        assert result.exit_code == 1
        [message] = of_source(result, "cities").failures
        assert message.startswith(
            "cities: 2 objects of its archive cannot be registered, and all else of it goes on."
        )
        assert all(f"manifests/cities/{sqn:010d}.json" in message for sqn in poison)
        assert "\n" not in message
        assert of_source(result, "prices").status == "succeeded"
        line.assert_history("cities", *delivered)
        line.assert_history("prices", other)

    rebuilt = rebuild(line.project, ["cities"], line.messages.append)
    assert (rebuilt.exit_code, rebuilt.failures) == (1, [message])
    line.assert_history("cities", *delivered)

    for sqn, body in poison.items():  # what the sentence says
        line.store.put_new(f"moved/{sqn:010d}.json", body)
        line.store.delete(f"manifests/cities/{sqn:010d}.json")
    line.ran_well("cities", "prices")
    line.assert_history("cities", *delivered)


def test_a_manifest_of_another_source_stops_the_asking_of_its_own_source_alone(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    line.ran_well("cities")
    line.store.put_new("manifests/cities/0000000007.json", json.dumps(manifest(7)).encode())
    line.deliver("cities", cities(2, {"a": ("A", 2)}))
    other = line.deliver("prices", prices(1, {("x", 1): (1,)}))
    result = line.run("cities", "prices")
    [message] = of_source(result, "cities").failures
    assert "its publisher is not asked meanwhile" in message
    assert "it names delivery 7 of places, expected the one of its key" in message
    assert (result.exit_code, of_source(result, "prices").status) == (1, "succeeded")
    line.assert_history("cities", first)
    line.assert_history("prices", other)


def test_an_event_that_somebody_forged_is_not_believed(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    line.ran_well("cities")
    [key] = [key for key in line.store.list("events/cities/") if key.endswith("passed.json")]
    body = json.loads(line.store.get(key))
    event_id = "00000000-0000-4000-8000-000000000000"
    line.store.put_new(
        key.replace(body["event_id"], event_id),
        json.dumps({**body, "event_id": event_id, "event": "withdrawn", "who": "eve"}).encode(),
    )
    second = line.deliver("cities", cities(2, {"a": ("A", 2)}))
    result = line.run("cities")
    [message] = of_source(result, "cities").failures
    assert f"{event_id}-passed.json: it records withdrawn" in message
    line.assert_history("cities", first, second)


@pytest.mark.usefixtures("_odd_name")
def test_offers_that_cannot_land_fail_by_name_and_the_others_are_in_history(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    result = line.run("cities")
    [message] = of_source(result, "cities").failures
    assert message.startswith(r"cities: the publisher offers 'st\\udce9-cities-20260103.csv' at ")
    assert message.isprintable()
    assert result.exit_code == 1
    line.assert_history("cities", first)


@pytest.mark.usefixtures("_odd_name")
def test_in_tasks_of_their_own_what_is_refused_fails_its_own_task_alone(line: Line) -> None:
    line.store.put_new("manifests/cities/0000000007.json", forged(7, publisher_name="a\0b.csv"))
    line.store.put_new("manifests/cities/readme.txt", b"hello")
    line.deliver("cities", cities(1, {"a": ("A", 1)}))
    job = JobRun.begin(line.project, "cities", "run 1", line.messages.append)
    step = job.step("cities_extract")
    batches = json.loads(json.dumps(job.discover(step)))  # as XCom carries them
    failures = []
    for batch in batches:
        try:
            job.do(StepName.LAND, step, batch)
        except StepFailed as error:
            failures.append(str(error))
    assert [message.partition(" ")[2][:20] for message in failures] == [
        "1 object of its arch",
        "the publisher offers",
    ]
    assert line.query("select count(*) from raw.cities") == [(1,)]
    job.finish({})


def test_in_tasks_of_their_own_what_has_landed_is_loaded_though_the_archive_is_broken(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    line.ran_well("cities")
    line.execute("truncate metadata.delivery cascade")
    line.execute("drop table raw.cities, staging.stg_cities, historical.cities")
    line.store.put_new("manifests/cities/0000000007.json", b"{}")
    job = JobRun.begin(line.project, "cities", "run 1", line.messages.append)
    step = job.step("cities_extract")
    refused, landed = job.discover(step)
    with pytest.raises(StepFailed, match="its publisher is not asked meanwhile"):
        job.do(StepName.LAND, step, refused)
    job.do(StepName.LAND, step, landed)
    assert line.query(
        "select publisher_name from raw.cities join metadata.delivery using (delivery_sqn)"
    ) == [(first.name,)]
    job.finish({})
